//! A line of `scim status`.

use std::time::Duration;

use gitpod_client::types::TimestampExt;
use gitpod_client::types::v1::ScimConfiguration;
use gitpod_rotation::{End, Journal};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ends_within, left};
use crate::rotate::again::Again;
use crate::rotate::state_dir::Known;

/// A configuration, and what is known of its rotations here.
pub(super) struct Row {
    id: String,
    name: String,
    expires_at: Option<Timestamp>,
    now: Timestamp,
    last: Option<String>,
    last_at: Option<Timestamp>,
    /// Where its tokens go, as far as we know.
    pub(super) sinks: Vec<String>,
    pub(super) state: Standing,
    /// What there is to say of that beyond its name.
    pub(super) detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing that we know of.
    Well,
    NeverRotated,
    Unfinished,
    Running,
    /// It isn't as the last rotation left it.
    Drift,
    /// There is an escrow without a rotation.
    StrayEscrow,
    /// It can't be told, for the service couldn't be asked.
    NotCompared,
    /// What is kept here of its rotations can't be read.
    Unknown,
}

impl Standing {
    fn name(self) -> &'static str {
        match self {
            Self::Well => "as it was left",
            Self::NeverRotated => "never rotated from here",
            Self::Unfinished => "unfinished",
            Self::Running => "being rotated",
            Self::Drift => "drift: not as it was left",
            Self::StrayEscrow => "an escrow without a rotation, which may hold a live token",
            Self::NotCompared => "not compared with Ona",
            Self::Unknown => "not known: its journal can't be read",
        }
    }
}

impl Row {
    pub(super) fn of(configuration: &ScimConfiguration, now: Timestamp, again: Again<'_>) -> Self {
        let expires_at = configuration.token_expires_at.as_ref();
        let expires_at = expires_at.and_then(|at| at.to_jiff().ok());
        let id = &configuration.id;
        let (journal, known, detail) = match again.state_dir.look(id) {
            Known::Journal(journal) => (journal, None, None),
            Known::Unfinished(journal, escrow) => {
                let escrow = escrow.map(|path| format!(", and its escrow is {}", path.display()));
                let about = format!(
                    "the rotation of {id} isn't over{}; go on with: {}",
                    escrow.unwrap_or_default(),
                    again.resume(id)
                );
                (Some(journal), Some(Standing::Unfinished), Some(about))
            }
            Known::Running => (None, Some(Standing::Running), None),
            Known::Stray(about) => (None, Some(Standing::StrayEscrow), Some(about)),
            Known::Trouble(about) => (None, Some(Standing::Unknown), Some(about)),
        };
        let last = journal.as_ref().and_then(Journal::last);
        let as_left = last.is_none_or(|last| expires_at.is_some_and(|at| last.is_as_left(at)));
        Self {
            id: configuration.id.clone(),
            name: configuration.name.clone(),
            expires_at,
            now,
            last: last.map(|last| {
                match last.end() {
                    End::Finished => "finished",
                    End::NotExecuted => "nothing was executed",
                    End::Superseded => "superseded",
                    End::Abandoned => "given up",
                    _ => "gone",
                }
                .to_owned()
            }),
            last_at: last.and_then(|last| last.at()),
            sinks: last.map(|last| last.sinks().to_vec()).unwrap_or_default(),
            state: known.unwrap_or(match () {
                () if !as_left => Standing::Drift,
                () if last.is_none() => Standing::NeverRotated,
                () => Standing::Well,
            }),
            detail,
        }
    }

    /// What wants somebody of configurations that the service doesn't list: they are gone, or this credential
    /// sees less.
    pub(super) fn unlisted(
        listed: &[Self],
        kept: &[String],
        now: Timestamp,
        again: Again<'_>,
    ) -> Vec<Self> {
        let unlisted = kept
            .iter()
            .filter(|id| listed.iter().all(|row| row.id != **id));
        let row = |id: &String| Self {
            name: "(not listed by the service)".to_owned(),
            ..Self::alone(id, now, again)
        };
        let wants_somebody = |row: &Self| row.state != Standing::NotCompared;
        unlisted.map(row).filter(wants_somebody).collect()
    }

    /// What is kept here of a configuration, which is all that is known of it.
    pub(super) fn alone(id: &str, now: Timestamp, again: Again<'_>) -> Self {
        let configuration = ScimConfiguration {
            id: id.to_owned(),
            ..ScimConfiguration::default()
        };
        let mut row = Self::of(&configuration, now, again);
        if matches!(
            row.state,
            Standing::Well | Standing::NeverRotated | Standing::Drift
        ) {
            row.state = Standing::NotCompared;
        }
        row
    }

    pub(super) fn cells(&self) -> Vec<String> {
        let expires_at = self.expires_at.map(|at| at.to_string()).unwrap_or_default();
        let left = self
            .expires_at
            .map(|at| left(at, self.now))
            .unwrap_or_default();
        let mut last = self.last.clone().unwrap_or_default();
        if let Some(at) = self.last_at {
            last = format!("{last} {at}");
        }
        vec![
            self.id.clone(),
            self.name.clone(),
            expires_at,
            left,
            last,
            self.state.name().to_owned(),
        ]
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "expires_at": self.expires_at,
            "seconds_left": self.expires_at.map(|at| at.duration_since(self.now).as_secs()),
            "last_rotation": self.last,
            "last_rotation_at": self.last_at,
            "state": match self.state {
                Standing::Well => "as_left",
                Standing::NeverRotated => "never_rotated",
                Standing::Unfinished => "unfinished",
                Standing::Running => "running",
                Standing::Drift => "drift",
                Standing::StrayEscrow => "stray_escrow",
                Standing::NotCompared => "not_compared",
                Standing::Unknown => "unknown",
            },
            "detail": self.detail,
        })
    }

    pub(super) fn warnings(&self, warn: Duration) -> Vec<String> {
        let mut warnings = Vec::new();
        match self.expires_at {
            Some(at) if ends_within(at, self.now, warn) => {
                warnings.push(format!("the token of {} expires at {at}", self.id));
            }
            None => warnings.push(format!("when the token of {} expires isn't known", self.id)),
            _ => {}
        }
        let wants_somebody = matches!(
            self.state,
            Standing::Unfinished | Standing::Drift | Standing::StrayEscrow | Standing::Unknown
        );
        if wants_somebody {
            warnings.push(format!("{}: {}", self.id, self.state.name()));
        }
        warnings
    }
}
