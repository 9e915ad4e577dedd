//! Provisioning jobs, and their quarantine.

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;

use crate::sink::SinkError;

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Job {
    pub(super) id: String,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Status {
    #[serde(default)]
    code: String,
    quarantine: Option<RawQuarantine>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawQuarantine {
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    series_began: Option<String>,
}

/// Why a job doesn't run, and since when, where that can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quarantine {
    pub(super) reason: String,
    pub(super) since: Option<Timestamp>,
}

impl Job {
    pub(super) fn is_paused(&self) -> bool {
        self.status.code.eq_ignore_ascii_case("paused")
    }

    pub(super) fn quarantine(&self) -> Option<Quarantine> {
        let quarantine = self.status.quarantine.as_ref()?;
        let began = quarantine.series_began.as_deref();
        Some(Quarantine {
            reason: quarantine.reason.clone().unwrap_or_default(),
            since: began.and_then(|began| began.parse().ok()),
        })
    }
}

impl fmt::Display for Quarantine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = if self.reason.is_empty() {
            "Unknown"
        } else {
            &self.reason
        };
        match self.since {
            Some(since) => write!(f, "{reason}, since {since}"),
            None => f.write_str(reason),
        }
    }
}

/// The one of this id; without an id, the only one.
pub(super) fn choose(jobs: Vec<Job>, id: Option<&str>) -> Result<Job, SinkError> {
    let ids: Vec<_> = jobs.iter().map(|job| job.id.clone()).collect();
    let found = match id {
        Some(id) => jobs.into_iter().find(|job| job.id == id),
        None if jobs.len() == 1 => jobs.into_iter().next(),
        None => None,
    };
    found.ok_or_else(|| {
        SinkError::new(match (id, &ids[..]) {
            (_, []) => "the application has no provisioning job: set up automatic provisioning in \
                        Entra first"
                .to_owned(),
            (Some(id), _) => format!(
                "job-id: the application has no provisioning job {id}, but {}",
                ids.join(", ")
            ),
            (None, _) => format!(
                "the application has several provisioning jobs: set job-id to one of {}",
                ids.join(", ")
            ),
        })
    })
}
