//! What a read of the configuration tells about the asks in the journal.

use std::time::Duration;

use jiff::Timestamp;

use crate::journal::{Attempt, Fate, Journal, Rotation};
use crate::rules::{Rule, Rules};
use crate::time::{plus, same, seconds};

/// Slack for clocks of the service's that differ, for seconds cut off, and for the time from D to
/// the ask; in seconds.
pub(crate) const SLACK: i64 = 5;

/// A read of the configuration: `GetSCIMConfiguration`, and the probe if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reading {
    /// `token_expires_at`.
    pub expires_at: Timestamp,
    /// The answer's `Date` header.
    pub date: Option<Timestamp>,
    /// What the SCIM endpoint said to the token that we hold.
    pub probe: Probe,
}

/// What the SCIM endpoint says to a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// It wasn't asked, or didn't say.
    Unknown,
    /// 200.
    Live,
    /// 401.
    Dead,
}

/// Why a read failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unreadable {
    /// The service says that there is no such configuration.
    NotFound,
    /// Anything else.
    Failed,
}

/// What an expiry means for an unfinished rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Seen {
    /// It is the one that the answer in hand told.
    Held,
    /// It is as it was before the last ask.
    Before,
    /// It is as it was at an earlier time: the read is stale.
    Earlier,
    /// It is that of an attempt of ours whose answer we don't hold: nobody has the token.
    Lost {
        /// It is that of the last attempt, so that no request of ours is under way any more.
        last: bool,
    },
    /// It is someone else's; or a request of ours was executed twice, or very late.
    NotOurs,
}

/// Rules 4 and 7: the one place that decides whose an expiry is.
pub(crate) fn classify(journal: &Journal, expires_at: Timestamp, rules: Rules) -> Seen {
    let Some(rotation) = &journal.unfinished else {
        return Seen::NotOurs;
    };
    if rotation.held().is_some_and(|held| same(held, expires_at)) {
        return Seen::Held;
    }
    // Before "lost": the token of an attempt that was lost is what the next one starts from, if that
    // was executed. Attempts after the current one weren't, and changed nothing.
    let current = rotation.current().map_or(0, |attempt| attempt.number);
    let executed = |attempt: &&Attempt| attempt.number <= current;
    for attempt in rotation.attempts.iter().rev().filter(executed) {
        if same(attempt.before, expires_at) {
            return if attempt.number == current {
                Seen::Before
            } else {
                Seen::Earlier
            };
        }
        if let Fate::Answered {
            expires_at: told, ..
        } = attempt.fate
            && same(told, expires_at)
        {
            return Seen::Earlier;
        }
    }
    if let Some(last) = &journal.last
        && same(last.expires_at, expires_at)
    {
        return Seen::Earlier;
    }
    let kept = lives_are_kept(journal) || !rules.hold(Rule::OursNeedsProof);
    let unheld = |attempt: &&Attempt| attempt.fate == Fate::Unknown;
    let ours = |attempt: &Attempt| {
        was_made_by(rotation, attempt, expires_at)
            || (attempt.date.is_none() && !rules.hold(Rule::OursNeedsProof))
    };
    let mut unheld = rotation.attempts.iter().rev().filter(unheld);
    match unheld.find(|attempt| kept && ours(attempt)) {
        Some(attempt) => Seen::Lost {
            last: attempt.number == current,
        },
        None => Seen::NotOurs,
    }
}

/// Whether the expiry is what this ask would make it, had it been executed while it could:
/// D − 5 s ≤ expiry − life ≤ D + deadline + wait + 5 s. Without D, never.
pub(crate) fn was_made_by(rotation: &Rotation, attempt: &Attempt, expires_at: Timestamp) -> bool {
    let Some(date) = attempt.date else {
        return false;
    };
    let executed = plus(expires_at, -seconds(attempt.life_seconds));
    plus(date, -SLACK) <= executed && executed <= plus(date, longest(rotation))
}

/// How long after D an ask may be executed, in seconds.
fn longest(rotation: &Rotation) -> i64 {
    let wait = rotation
        .deadline_seconds
        .saturating_add(rotation.settle_seconds);
    seconds(wait).saturating_add(SLACK)
}

/// Whether every answer in hand had the life that was asked for.
pub(crate) fn lives_are_kept(journal: &Journal) -> bool {
    let of = |attempt: &Attempt| {
        !matches!(
            attempt.fate,
            Fate::Answered {
                life_kept: false,
                ..
            }
        )
    };
    journal.last.as_ref().is_none_or(|last| last.life_kept)
        && journal
            .unfinished
            .as_ref()
            .is_none_or(|rotation| rotation.attempts.iter().all(of))
}

/// Whether an unanswered ask can't be executed any more, as far as the usual upper limit of a
/// proxy goes: the service's `Date` is beyond what [`was_made_by`] takes for ours. It is never this side's
/// clock that says so, except that a service without `Date` leaves the time that `waited` in this
/// process.
pub(crate) fn wait_is_over(
    rotation: &Rotation,
    attempt: &Attempt,
    date: Option<Timestamp>,
    waited: Duration,
) -> bool {
    let wait = longest(rotation);
    match (attempt.date, date) {
        (Some(asked), Some(date)) => plus(asked, wait) <= date,
        _ => waited >= Duration::from_secs(wait.unsigned_abs()),
    }
}
