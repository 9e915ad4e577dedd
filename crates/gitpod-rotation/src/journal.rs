//! What a rotation remembers: the states of the protocol that outlive a process.
//!
//! One journal a configuration. It is the whole truth about a rotation but for the token, which is
//! in the escrow alone, and a person can read it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::life;

/// The form that this version writes, and the only one that it reads.
pub(crate) const VERSION: u32 = 1;

/// The journal of one SCIM configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    pub(crate) version: u32,
    pub(crate) configuration: String,
    /// The rotation that isn't over. It is resumed before anything else is looked at (rule 1).
    pub(crate) unfinished: Option<Rotation>,
    /// How the last one ended, which the next run compares the service with (rule 1).
    pub(crate) last: Option<Outcome>,
}

/// A rotation between its first `asked` and its end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// The life wanted, of which each attempt has a variant of its own.
    pub(crate) life_seconds: u64,
    /// How long after the deadline an unanswered request may still be executed. It is kept, so
    /// that resume waits the same.
    pub(crate) settle_seconds: u64,
    /// The deadline of an ask.
    pub(crate) deadline_seconds: u64,
    /// The identity provider first.
    pub(crate) sinks: Vec<Target>,
    pub(crate) attempts: Vec<Attempt>,
    /// An attempt of ours killed the token that the sinks held, so there is no going back.
    pub(crate) old_token_dead: bool,
    /// Everything is in place and proven. From here on nothing is pushed (rule 8).
    pub(crate) verified: bool,
}

/// A sink, and how far the present token has got with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    pub(crate) sink: String,
    pub(crate) push: Push,
}

/// How far a push has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Push {
    /// It has the token still to come. It may have been pushed all the same: what says so is
    /// written after it.
    Waiting,
    /// It took the token.
    Pushed,
}

/// One ask for a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attempt {
    /// 1 is the first. The escrow says which one its token came from.
    pub(crate) number: u32,
    /// The expiry that was read last before the ask.
    pub(crate) before: Timestamp,
    /// The life that is asked for, which no other attempt has (rule 4).
    pub(crate) life_seconds: u64,
    /// D: the `Date` header of the read that gave `before`.
    pub(crate) date: Option<Timestamp>,
    /// What a sink held right before worked, as the SCIM endpoint said. If it doesn't any more, something was
    /// executed, whatever a read shows.
    #[serde(default)]
    pub(crate) old_token_worked: bool,
    pub(crate) fate: Fate,
}

/// What is known of an ask.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Fate {
    /// Asked, and no answer in hand.
    Unknown,
    /// Provably never executed.
    NotExecuted,
    /// Its answer came, and said so.
    Answered {
        expires_at: Timestamp,
        /// Whether that is the life that was asked for, by the service's `Date`.
        life_kept: bool,
        /// The token went to the escrow before anything was done with it. If not, a sink may hold
        /// it that says nothing about it.
        in_escrow: bool,
    },
}

/// How a rotation ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    pub(crate) end: End,
    /// When the token expires that the service then had; in case of `superseded`, the one that
    /// isn't alive any more.
    pub(crate) expires_at: Timestamp,
    /// The lives that were asked for, of which the next rotation's stay away: an ask of this one's
    /// may be executed after any wait.
    pub(crate) lives_seconds: Vec<u64>,
    /// Whether every answer had the life that was asked for.
    pub(crate) life_kept: bool,
    /// The service's `Date` when it was last read, if it sends one.
    pub(crate) at: Option<Timestamp>,
    pub(crate) sinks: Vec<String>,
}

/// The ends of a rotation that close its journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum End {
    /// The sinks hold the token.
    Finished,
    /// Nothing was executed: the token from before lives on.
    NotExecuted,
    /// The service has a token that isn't ours.
    Superseded,
    /// The configuration doesn't exist any more.
    Gone,
    /// A person gave it up ([`Store::abandon`](crate::Store::abandon)).
    Abandoned,
}

impl Journal {
    /// A journal in which nothing has happened.
    #[must_use]
    pub fn new(configuration: impl Into<String>) -> Self {
        Self {
            version: VERSION,
            configuration: configuration.into(),
            unfinished: None,
            last: None,
        }
    }

    /// The id of the SCIM configuration.
    #[must_use]
    pub fn configuration(&self) -> &str {
        &self.configuration
    }

    /// The rotation that isn't over, if there is one.
    #[must_use]
    pub fn unfinished(&self) -> Option<&Rotation> {
        self.unfinished.as_ref()
    }

    /// How the last rotation ended, if one has.
    #[must_use]
    pub fn last(&self) -> Option<&Outcome> {
        self.last.as_ref()
    }

    /// What no run of ours can have written, in words; `None` if it makes sense.
    pub(crate) fn nonsense(&self) -> Option<&'static str> {
        let rotation = self.unfinished.as_ref()?;
        if rotation.sinks.is_empty() {
            return Some("an unfinished rotation without a sink");
        }
        let mut numbers = rotation.attempts.iter().map(|attempt| attempt.number);
        if rotation.attempts.is_empty() || !(1..).zip(&mut numbers).all(|(n, got)| n == got) {
            return Some("attempts that aren't numbered 1, 2, 3");
        }
        let fits = |life: u64| (life::SHORTEST..=life::LONGEST + life::SHORTEST).contains(&life);
        if !rotation.attempts.iter().all(|a| fits(a.life_seconds)) {
            return Some("a life that the service doesn't give");
        }
        let answered = |a: &Attempt| matches!(a.fate, Fate::Answered { .. });
        if rotation.verified && !rotation.current().is_some_and(answered) {
            return Some("a verified token that no attempt was answered with");
        }
        None
    }
}

impl Rotation {
    /// The names of its sinks, in the order in which they get the token.
    pub fn sinks(&self) -> impl Iterator<Item = &str> {
        self.sinks.iter().map(|target| target.sink.as_str())
    }

    /// The sinks that said they took the token.
    pub fn pushed(&self) -> impl Iterator<Item = &str> {
        let pushed = |target: &&Target| target.push == Push::Pushed;
        self.sinks
            .iter()
            .filter(pushed)
            .map(|target| target.sink.as_str())
    }

    /// How often a token was asked for.
    #[must_use]
    pub fn attempts(&self) -> usize {
        self.attempts.len()
    }

    /// Whether the token that the sinks held before is known to be dead.
    #[must_use]
    pub fn old_token_dead(&self) -> bool {
        self.old_token_dead
    }

    /// Whether the sinks hold its token, and all that is left is to say so.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.verified
    }

    /// Whether a request of its may still be on its way, for all that is known.
    #[must_use]
    pub fn is_unanswered(&self) -> bool {
        self.current()
            .is_some_and(|attempt| attempt.fate == Fate::Unknown)
    }

    /// What it comes to if it ends now; nothing, if nothing was asked.
    pub(crate) fn outcome(
        &self,
        end: End,
        life_kept: bool,
        at: Option<Timestamp>,
    ) -> Option<Outcome> {
        let told = match end {
            End::NotExecuted => None,
            _ => self.held(),
        };
        Some(Outcome {
            end,
            expires_at: told.unwrap_or(self.attempts.last()?.before),
            lives_seconds: self.attempts.iter().map(|a| a.life_seconds).collect(),
            life_kept,
            at,
            sinks: self.sinks().map(str::to_owned).collect(),
        })
    }

    /// The last attempt that may have been executed.
    pub(crate) fn current(&self) -> Option<&Attempt> {
        self.attempts
            .iter()
            .rev()
            .find(|attempt| attempt.fate != Fate::NotExecuted)
    }

    pub(crate) fn current_mut(&mut self) -> Option<&mut Attempt> {
        self.attempts
            .iter_mut()
            .rev()
            .find(|attempt| attempt.fate != Fate::NotExecuted)
    }

    /// The expiry that the current attempt's answer told.
    pub(crate) fn held(&self) -> Option<Timestamp> {
        match self.current()?.fate {
            Fate::Answered { expires_at, .. } => Some(expires_at),
            _ => None,
        }
    }
}

impl Outcome {
    /// What it came to.
    #[must_use]
    pub fn end(&self) -> End {
        self.end
    }

    /// When the token expires.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Whether the service is as the rotation left it, by the expiry that it shows now.
    #[must_use]
    pub fn is_as_left(&self, expires_at: Timestamp) -> bool {
        matches!(self.end, End::Finished | End::NotExecuted)
            && crate::time::same(self.expires_at, expires_at)
    }

    /// The service's `Date` at the end, if it sends one.
    #[must_use]
    pub fn at(&self) -> Option<Timestamp> {
        self.at
    }

    /// The names of the sinks.
    #[must_use]
    pub fn sinks(&self) -> &[String] {
        &self.sinks
    }
}
