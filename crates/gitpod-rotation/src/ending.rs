//! How a run ends.

use std::fmt;

use serde::Serialize;

use crate::End;

/// How a run ends. What there is to say beyond it is in the [`State`](crate::State): its journal,
/// its drift, what its sinks said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// The sinks hold the new token, and it is the service's.
    Done,
    /// Nothing is wrong, as far as could be checked, and more life is left than `--rotate-before`.
    NothingDue,
    /// All that a rotation needs is there. Nothing was asked for, for this was a dry run.
    Ready,
    /// Nothing was asked for or executed. The token from before is as alive as it was, and the
    /// journal is closed.
    NothingChanged(Obstacle),
    /// The rotation isn't over. `resume` goes on with it.
    Unfinished(Obstacle),
    /// The service has a token that isn't ours, or one of ours that came twice or very late. Sinks
    /// that got ours hold a dead token. The journal is closed.
    Superseded,
    /// The token of an ask of ours was lost, the one before it is dead, and it isn't asked for
    /// again in this run. The journal is kept.
    Lost(Obstacle),
    /// The service or a sink isn't as the last rotation left it ([`State::drift`](crate::State::drift)).
    /// Nothing was changed.
    Drift,
    /// Our own credential ends before the next rotation is due. Nothing was changed.
    CredentialEndsTooSoon,
    /// The configuration doesn't exist any more. The journal is closed.
    Gone,
}

impl Ending {
    /// A word for machines: `done`, `nothing_due`, `ready`, `nothing_changed`, `unfinished`,
    /// `superseded`, `lost`, `drift`, `credential_ends_too_soon` or `gone`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NothingDue => "nothing_due",
            Self::Ready => "ready",
            Self::NothingChanged(_) => "nothing_changed",
            Self::Unfinished(_) => "unfinished",
            Self::Superseded => "superseded",
            Self::Lost(_) => "lost",
            Self::Drift => "drift",
            Self::CredentialEndsTooSoon => "credential_ends_too_soon",
            Self::Gone => "gone",
        }
    }

    /// What stands in the way, if something does.
    #[must_use]
    pub fn obstacle(self) -> Option<Obstacle> {
        match self {
            Self::NothingChanged(obstacle) | Self::Unfinished(obstacle) | Self::Lost(obstacle) => {
                Some(obstacle)
            }
            _ => None,
        }
    }
}

/// What stands in the way. As text, a clause for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Obstacle {
    /// A signal.
    Interrupted,
    /// The configuration can't be read, or not with what is needed of it (an expiry, a `Date`).
    Unreadable,
    /// The configuration can't be found by this credential, and a token of it may be alive in the
    /// escrow or in sinks.
    NotFound,
    /// Our own credential can't write.
    ReadOnlyCredential,
    /// Sinks wouldn't take a token ([`State::refusing`](crate::State::refusing)).
    Preflight,
    /// The escrow file can't be created or removed.
    Escrow,
    /// The journal can't be written.
    Journal,
    /// The expiry changed while all was being made ready to ask.
    Changed,
    /// The service refused, or can't be reached.
    Refused,
    /// It was asked for as often as it may be in one run.
    AskedEnough,
    /// `--if-lost fail`.
    ByRequest,
    /// The answer can't be understood. It is in the escrow as it came, with the token in it.
    NotUnderstood,
    /// Sinks don't take the token or say that it doesn't work ([`State::missing`](crate::State::missing)).
    Sinks,
    /// The configuration still has an earlier expiry: the read is stale, for all that is known.
    Stale,
    /// A sink holds a token that works, or may, and nobody here has it to give to the others.
    HeldElsewhere,
}

/// Why the service or the sinks aren't as the last rotation left them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Drift {
    /// The expiry isn't the one that the last rotation ended with.
    Expiry,
    /// The last rotation ended with sinks that hold a dead token.
    EndedBadly(End),
    /// What this sink holds doesn't work.
    Sink(usize),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupted => "a signal ended it",
            Self::Unreadable => {
                "the configuration can't be read, or lacks an expiry or a Date that is needed"
            }
            Self::NotFound => {
                "the service says that there is no such configuration, while a token of it may be \
                 alive: look whether this credential sees less than it did"
            }
            Self::ReadOnlyCredential => "the credential can't write",
            Self::Preflight => "sinks wouldn't take a token",
            Self::Escrow => "the escrow file can't be created or removed",
            Self::Journal => "the journal can't be written",
            Self::Changed => {
                "the token was changed meanwhile: by someone else, or by a request that was executed very late"
            }
            Self::Refused => "the service refused, or can't be reached",
            Self::AskedEnough => "it was asked for three times",
            Self::ByRequest => "a person is to look first (--if-lost fail)",
            Self::NotUnderstood => {
                "the answer can't be understood; it is in the escrow as it came, with the token in it"
            }
            Self::Sinks => "sinks don't take the token, or say that it doesn't work",
            Self::Stale => "the service still shows an earlier expiry",
            Self::HeldElsewhere => {
                "a sink holds a token that works, or may, and nobody here has it to give to the others"
            }
        })
    }
}
