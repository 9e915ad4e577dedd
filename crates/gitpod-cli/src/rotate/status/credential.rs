//! When credentials end, where that can be read.

use std::time::Duration;

use gitpod_client::types::TimestampExt;
use gitpod_client::types::v1::PersonalAccessToken;
use gitpod_rotation::SinkError;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::row::Row;
use super::{ends_within, left};
use crate::output;
use crate::rotate::sinks::{self, Settings};

/// What is known of the credential that this was called with.
pub(super) struct Credential {
    /// When the personal access tokens of its user end, those that haven't yet; `None` of one that
    /// doesn't.
    ends: Result<Vec<Option<Timestamp>>, String>,
    now: Timestamp,
}

impl Credential {
    pub(super) fn of(
        tokens: Result<Vec<PersonalAccessToken>, gitpod_client::Error>,
        now: Timestamp,
    ) -> Self {
        let ends = |token: &PersonalAccessToken| token.expires_at.as_ref()?.to_jiff().ok();
        let ends = tokens.map(|tokens| {
            let ends = tokens.iter().map(ends);
            ends.filter(|end| end.is_none_or(|end| end > now)).collect()
        });
        Self {
            ends: ends.map_err(|error| error.to_string()),
            now,
        }
    }

    /// Nothing is, since the service tells nothing.
    pub(super) fn unknown(why: &str, now: Timestamp) -> Self {
        Self {
            ends: Err(why.to_owned()),
            now,
        }
    }

    /// When it ends at the latest, where that can be told: which of several it is can't be read.
    fn end(&self) -> Option<Timestamp> {
        let ends = self.ends.as_ref().ok()?;
        let last = ends
            .iter()
            .max_by_key(|end| end.unwrap_or(Timestamp::MAX))?;
        *last
    }

    pub(super) fn line(&self) -> String {
        match (&self.ends, self.end()) {
            (Err(why), _) => format!("this credential: when it ends can't be read: {why}"),
            (Ok(ends), Some(end)) if ends.len() == 1 => {
                format!("this credential ends at {end} ({})", left(end, self.now))
            }
            (Ok(ends), Some(end)) => format!(
                "this credential is one of {} personal access tokens, of which the last ends at {end} \
                 ({})",
                ends.len(),
                left(end, self.now)
            ),
            (Ok(_), None) => "this credential: when it ends can't be read; it isn't a personal \
                              access token that ends"
                .to_owned(),
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({ "ends_at_the_latest": self.end(), "error": self.ends.as_ref().err() })
    }

    pub(super) fn warning(&self, warn: Duration) -> Option<String> {
        let end = self.end()?;
        ends_within(end, self.now, warn)
            .then(|| format!("this credential ends at {end} at the latest"))
    }
}

/// What is known of the credential by which a sink is reached.
pub(super) struct SinkCredential {
    sink: String,
    ends: Result<Timestamp, String>,
}

impl SinkCredential {
    /// Of each sink that a rotation went to and that can tell.
    pub(super) async fn of(rows: &[Row], settings: &Settings) -> Vec<Self> {
        let mut names: Vec<_> = rows.iter().flat_map(|row| &row.sinks).collect();
        names.sort_unstable();
        names.dedup();
        let mut all = Vec::new();
        for name in names {
            let ends = match sinks::sink(name, settings) {
                Ok(sink) => sink.credential_ends().await,
                Err(why) => Err(SinkError::new(why)),
            };
            if let Some(ends) = ends.map_err(|error| error.to_string()).transpose() {
                let sink = name.clone();
                all.push(Self { sink, ends });
            }
        }
        all
    }

    pub(super) fn line(&self, now: Timestamp) -> String {
        let sink = output::printable(&self.sink);
        match &self.ends {
            Ok(end) => format!("{sink}: its credential ends at {end} ({})", left(*end, now)),
            Err(why) => format!("{sink}: when its credential ends can't be read: {why}"),
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "sink": self.sink,
            "credential_ends_at": self.ends.as_ref().ok(),
            "error": self.ends.as_ref().err(),
        })
    }

    pub(super) fn warning(&self, warn: Duration, now: Timestamp) -> Option<String> {
        let end = *self.ends.as_ref().ok()?;
        ends_within(end, now, warn)
            .then(|| format!("the credential for {} ends at {end}", self.sink))
    }
}
