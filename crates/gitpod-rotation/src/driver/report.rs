//! What a run tells of itself while it goes on.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::{Probe, Verdict};

/// One thing that happened. As JSON it is an object whose `event` says which; no token is in any.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Report<'a> {
    /// The run begins.
    Started {
        /// The id of the SCIM configuration.
        configuration: &'a str,
        /// An unfinished rotation is gone on with.
        resumed: bool,
        /// In the order in which they get the token.
        sinks: &'a [String],
    },
    /// The configuration was read.
    Read {
        /// When its token expires.
        expires_at: Timestamp,
        /// The service's `Date`.
        date: Option<Timestamp>,
        /// What the SCIM endpoint says to the token in hand.
        probe: Probe,
    },
    /// Whether the SCIM endpoint's word counts: it has to refuse what can't be a token.
    Endpoint {
        /// It does.
        of_use: bool,
    },
    /// The old token was tried at the SCIM endpoint.
    OldToken {
        /// What that says.
        probe: Probe,
    },
    /// It couldn't be read.
    ReadFailed {
        /// What the client says.
        error: &'a str,
    },
    /// What is known of our own credential.
    Credential {
        /// Whether it will do, as far as can be told.
        fine: bool,
        /// What is known.
        detail: &'a str,
    },
    /// A sink would take a token, or wouldn't.
    Preflight {
        /// Its name.
        sink: &'a str,
        /// Why not, and how to mend it.
        error: Option<&'a str>,
    },
    /// What a sink has to say beyond that ([`Sink::notes`](crate::Sink::notes)).
    Note {
        /// Its name.
        sink: &'a str,
        /// What it says.
        note: &'a str,
    },
    /// A file of the rotation couldn't be written or removed.
    StoreFailed {
        /// Why.
        error: &'a str,
    },
    /// A token is asked for now; the one from before may die with it.
    Asking {
        /// 1 is the first.
        attempt: u32,
        /// The life that is asked for.
        life_seconds: u64,
    },
    /// What came of that.
    Asked {
        /// `answered`, `not_sent`, `busy`, `refused`, `not_found` or `ambiguous`.
        result: &'a str,
        /// What the client says.
        error: Option<&'a str>,
    },
    /// The answer is in escrow.
    Escrowed {
        /// When the new token expires; `None`: the answer can't be understood.
        expires_at: Option<Timestamp>,
    },
    /// A sink is given the token.
    Pushing {
        /// Its name.
        sink: &'a str,
    },
    /// It took it, or didn't.
    Pushed {
        /// Its name.
        sink: &'a str,
        /// Why not.
        error: Option<&'a str>,
    },
    /// A sink was asked whether what it holds works.
    Verified {
        /// Its name.
        sink: &'a str,
        /// What it said; `None`: it couldn't be found out.
        verdict: Option<Verdict>,
        /// Why not.
        error: Option<&'a str>,
    },
    /// The audit log was looked at.
    Audit {
        /// Whether someone else changed the configuration; `None`: it can't be told.
        someone_else: Option<bool>,
    },
    /// Nothing happens for a while.
    Waiting {
        /// How long.
        #[serde(serialize_with = "seconds", rename = "seconds")]
        time: Duration,
    },
}

fn seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_secs())
}

/// Takes a secret out of a text that somebody else made.
pub(crate) fn without(text: &str, secret: Option<&str>) -> String {
    match secret {
        Some(secret) if !secret.is_empty() => text.replace(secret, "[redacted]"),
        _ => text.to_owned(),
    }
}
