//! The protocol as a state machine without I/O.
//!
//! A [`State`] says what is to be done next ([`State::action`]), and [`State::step`] makes the next
//! state of it and of what came of that. What outlives the process is the [`Journal`]; a process
//! begins with it ([`State::start`]), and the rest of the state is gone with the process.
//!
//! There is one action at a time, on purpose: between any two of them a process can die, and each
//! such place is looked at by the model checker (`check`). Time comes in as values. The service's
//! own clock decides, by the `Date` of its answers; this side's only measures how long this process
//! has waited.

mod ask;
mod begin;
mod deliver;
mod finish;
mod signal;

pub use begin::Escrow;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::event::{Action, Event};
use crate::journal::{End, Journal, Push};
use crate::rules::Rules;
use crate::{Drift, Ending, Obstacle, Plan, Probe, Reading, Verdict};

/// A rotation at one moment of one process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    plan: Arc<Plan>,
    journal: Journal,
    rules: Rules,
    limits: Limits,
    /// Picks the lives.
    random: u64,
    phase: Phase,
    /// The sinks' names; those of the journal where a rotation is unfinished.
    sinks: Arc<[String]>,
    token: Holding,
    /// How long this process has run.
    now: Duration,
    /// The service's `Date` when it was read last.
    date: Option<Timestamp>,
    /// The expiry from which all this started or goes on; what is asked for replaces it.
    from: Option<Timestamp>,
    /// What sinks hold worked when it was tried last.
    old_worked: bool,
    /// The preflight of this process has passed.
    ready: bool,
    /// The escrow file is there and empty.
    reserved: bool,
    /// How often this process has asked.
    asks: u32,
    /// How often in a row `asked` was written and then found to be too old.
    late: u32,
    /// When the polling began that is going on.
    since: Option<Duration>,
    /// The expiry that speaks against the token in hand, and since when it has been seen.
    doubt: Option<(Timestamp, Duration)>,
    /// When the expiry was last found to be that of the token in hand.
    checked: Option<Duration>,
    /// How many rounds of pushing have failed.
    rounds: u32,
    /// What each sink said last.
    verdicts: Vec<Option<Verdict>>,
    /// The sinks that refused in preflight.
    refusing: Vec<usize>,
    drift: Vec<Drift>,
    /// How a dry run will end, for what it has found: it goes on, to find the rest.
    found_wrong: Option<Ending>,
    /// The sinks that took a token which is known to be dead now.
    stranded: Vec<usize>,
    /// A signal has come.
    interrupted: bool,
}

/// Where a token is that may be live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Holding {
    /// Not here.
    Nothing,
    /// With the driver alone, for the escrow couldn't be written.
    Memory,
    /// In the escrow, and with the driver.
    Escrow,
}

/// What is being done. Each phase is one action.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Phase {
    // Rule 1.
    Compare,
    AskSink(usize),
    // Rule 2.
    Credential,
    Preflight(usize),
    Reserve,
    // Rule 3, and after an ambiguous answer.
    TryOld { asked: bool },
    // Rule 3.
    ReadBefore,
    SaveAsked,
    ReadAgain,
    SaveNotAsked(Obstacle),
    // Rule 4.
    Ask,
    // After an ambiguous answer.
    Resolve,
    Audit,
    AskHolder { sink: usize, lost: bool },
    // Rule 5.
    WriteEscrow { date: Option<Timestamp> },
    SaveAnswered,
    RetryEscrow,
    // Rules 6 and 7.
    Check(Purpose),
    Push(usize),
    SavePushed(usize),
    Verify(usize),
    // Rule 8.
    SaveVerified,
    RemoveEscrow,
    SaveFinished,
    // The other ends.
    Discard(End, Ending),
    SaveClosed(Ending),
    Wait(Duration, Then),
    Over(Ending),
}

/// What a read of the configuration is to settle while a token is in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Purpose {
    /// Whether this sink may be pushed to.
    Push(usize),
    /// Whether all is well.
    Final,
}

/// What comes after a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Then {
    Resolve,
    AskAgain,
    Check(Purpose),
    Round,
}

/// How long and how often. Not for users: `--settle` is, and it is in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Limits {
    /// The deadline of an ask, in seconds.
    pub(crate) deadline: u64,
    /// Between two reads while waiting.
    pub(crate) poll: Duration,
    /// How long a stale or failing read is polled.
    pub(crate) stale: Duration,
    /// How long a check is good for.
    pub(crate) fresh: Duration,
    /// Asks of one process.
    pub(crate) asks: u32,
    /// Rounds of pushing of one process.
    pub(crate) rounds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: 15,
            poll: Duration::from_secs(5),
            stale: Duration::from_secs(60),
            fresh: Duration::from_secs(30),
            asks: 3,
            rounds: 8,
        }
    }
}

/// An event that doesn't belong to the action: a mistake in the driver. The state is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnexpectedEvent;

impl fmt::Display for UnexpectedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event that doesn't belong to the action that was to be done")
    }
}

impl std::error::Error for UnexpectedEvent {}

impl State {
    /// What is to be done next.
    #[must_use]
    pub fn action(&self) -> Action {
        match &self.phase {
            Phase::Compare | Phase::ReadBefore | Phase::ReadAgain | Phase::Resolve => {
                Action::Read { probe: false }
            }
            Phase::Check(_) => Action::Read {
                probe: self.token != Holding::Nothing,
            },
            Phase::Credential => Action::CheckCredential {
                outlives: self.plan.rotate_before.map(|before| {
                    Duration::from_secs(self.plan.life_seconds()).saturating_sub(before)
                }),
            },
            Phase::TryOld { asked } => Action::TryOld { asked: *asked },
            Phase::Preflight(sink) => Action::Preflight { sink: *sink },
            Phase::Reserve => Action::ReserveEscrow,
            Phase::SaveAsked
            | Phase::SaveNotAsked(_)
            | Phase::SaveAnswered
            | Phase::SavePushed(_)
            | Phase::SaveVerified
            | Phase::SaveFinished
            | Phase::SaveClosed(_) => Action::SaveJournal,
            Phase::Ask => self.ask_action(),
            Phase::Audit => Action::ReadAuditLog {
                since: self.audited_since(),
            },
            Phase::WriteEscrow { .. } | Phase::RetryEscrow => Action::WriteEscrow {
                attempt: self.attempt_number(),
            },
            Phase::Push(sink) => Action::Push { sink: *sink },
            Phase::AskSink(sink) | Phase::AskHolder { sink, .. } => Action::Verify {
                sink: *sink,
                token_in_hand: false,
            },
            Phase::Verify(sink) => Action::Verify {
                sink: *sink,
                token_in_hand: true,
            },
            Phase::RemoveEscrow | Phase::Discard(..) => Action::RemoveEscrow,
            Phase::Wait(time, _) => Action::Wait(*time),
            Phase::Over(ending) => Action::End(*ending),
        }
    }

    /// The state after the [`action`](Self::action) was done and `event` came of it. `now` is how
    /// long the process has run, by a clock that never goes back; only differences of it count.
    ///
    /// # Errors
    ///
    /// If the event isn't one of the action's.
    pub fn step(&self, event: Event, now: Duration) -> Result<Self, UnexpectedEvent> {
        let mut next = self.clone();
        next.now = now.max(self.now);
        next.take(event)?;
        if next.interrupted {
            next.stop_if_possible();
        }
        Ok(next)
    }

    fn take(&mut self, event: Event) -> Result<(), UnexpectedEvent> {
        if let Event::Read(Ok(Reading { date, .. })) = event {
            self.date = date.or(self.date);
        }
        match (self.phase.clone(), event) {
            (Phase::Compare, Event::Read(read)) => self.compared(read),
            (Phase::AskSink(sink), Event::Verified(verdict)) => self.sink_asked(sink, verdict),
            (Phase::Credential, Event::Credential(what)) => self.credential(what),
            (Phase::Preflight(sink), Event::Preflight(passed)) => self.preflight(sink, passed),
            (Phase::Reserve, Event::Stored(done)) => self.escrow_reserved(done),
            (Phase::TryOld { asked: false }, Event::Tried(probe)) => {
                self.old_worked = probe == Probe::Live;
                self.phase = Phase::ReadBefore;
            }
            (Phase::TryOld { asked: true }, Event::Tried(probe)) => self.unchanged(probe),
            (Phase::ReadBefore, Event::Read(read)) => self.read_before(read),
            (Phase::SaveAsked, Event::Stored(done)) => self.asked_saved(done),
            (Phase::ReadAgain, Event::Read(read)) => self.read_again(read),
            (Phase::SaveNotAsked(why), Event::Stored(done)) => self.not_asked_saved(why, done),
            (Phase::Ask, Event::Asked(asked)) => self.asked(asked),
            (Phase::Resolve, Event::Read(read)) => self.resolve(read),
            (Phase::Audit, Event::Audit(audit)) => self.audited(audit),
            (Phase::AskHolder { sink, lost }, Event::Verified(verdict)) => {
                self.holder_asked(sink, lost, verdict);
            }
            (Phase::WriteEscrow { date }, Event::Escrowed { stored, expires_at }) => {
                self.escrowed(date, stored, expires_at);
            }
            (Phase::RetryEscrow, Event::Escrowed { stored, expires_at }) => {
                self.escrow_retried(stored, expires_at);
            }
            // Written or not, the token has to get to the sinks. What isn't in the journal is pushed
            // again, which is harmless, and a later record has it all.
            (Phase::SaveAnswered, Event::Stored(_)) => self.push_from(0),
            (Phase::SavePushed(sink), Event::Stored(_)) => self.push_from(sink + 1),
            (Phase::Check(purpose), Event::Read(read)) => self.check(purpose, read),
            (Phase::Push(sink), Event::Pushed(taken)) => self.pushed(sink, taken),
            (Phase::Verify(sink), Event::Verified(verdict)) => self.verified(sink, verdict),
            (Phase::SaveVerified, Event::Stored(done)) => self.verified_saved(done),
            (Phase::RemoveEscrow, Event::Stored(done)) => self.escrow_removed(done),
            (Phase::SaveFinished, Event::Stored(done)) => self.finished_saved(done),
            (Phase::Discard(end, ending), Event::Stored(done)) => self.discarded(end, ending, done),
            (Phase::SaveClosed(ending), Event::Stored(done)) => self.closed_saved(ending, done),
            (Phase::Wait(_, then), Event::Waited) => match then {
                Then::Resolve => self.phase = Phase::Resolve,
                Then::AskAgain => self.prepare(),
                Then::Check(purpose) => self.phase = Phase::Check(purpose),
                Then::Round => self.next_round(),
            },
            _ => return Err(UnexpectedEvent),
        }
        Ok(())
    }

    /// How the run ended; `None` as long as there is something to do.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        match self.phase {
            Phase::Over(ending) => Some(ending),
            _ => None,
        }
    }

    /// The service's `Date` when it was read last.
    #[must_use]
    pub fn date(&self) -> Option<Timestamp> {
        self.date
    }

    /// When the token expires that the service had when it was first looked at, or that was lost
    /// last.
    #[must_use]
    pub fn found(&self) -> Option<Timestamp> {
        self.from
    }

    /// What [`Action::SaveJournal`] is to write.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The sinks' names, in the order in which actions number them.
    #[must_use]
    pub fn sinks(&self) -> &[String] {
        &self.sinks
    }

    /// What each sink said last; `None` if it wasn't asked or couldn't find out.
    #[must_use]
    pub fn verdicts(&self) -> &[Option<Verdict>] {
        &self.verdicts
    }

    /// The sinks that refused in preflight, by number.
    #[must_use]
    pub fn refusing(&self) -> &[usize] {
        &self.refusing
    }

    /// The sinks that haven't taken the token, or said that it doesn't work, by number. Empty if no
    /// rotation is unfinished.
    pub fn missing(&self) -> impl Iterator<Item = usize> {
        self.journal
            .unfinished
            .iter()
            .flat_map(|rotation| rotation.sinks.iter().enumerate())
            .filter(|(_, target)| target.push != Push::Pushed)
            .map(|(sink, _)| sink)
    }

    /// Where a rotation ended as superseded: the sinks that took its token, which is dead, by number.
    #[must_use]
    pub fn stranded(&self) -> &[usize] {
        &self.stranded
    }

    /// What isn't as the last rotation left it. A run without `--rotate-before` goes on all the
    /// same.
    #[must_use]
    pub fn drift(&self) -> &[Drift] {
        &self.drift
    }

    /// How long to wait before the next try of this kind.
    fn backoff(tries: u32) -> Duration {
        Duration::from_secs(1 << tries.min(5))
    }

    /// Whether what has been polled since [`since`](Self::since) has been so long enough; begins to
    /// count if nothing is.
    fn polled_enough(&mut self, long: Duration) -> bool {
        let since = *self.since.get_or_insert(self.now);
        self.now.saturating_sub(since) >= long
    }
}

#[cfg(test)]
impl State {
    /// Takes a rule out. For the checker, which has to find that it is missing.
    pub(crate) fn with(mut self, rules: Rules, limits: Limits) -> Self {
        self.rules = rules;
        self.limits = limits;
        self
    }

    pub(crate) fn is_saving_asked(&self) -> bool {
        self.phase == Phase::SaveAsked
    }
}

#[cfg(test)]
mod tests;
