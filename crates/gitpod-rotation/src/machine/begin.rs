//! Rules 1 and 2: the unfinished first, then drift, then proof that everything will work.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Holding, Phase, Purpose, State};
use crate::event::CredentialCheck;
use crate::journal::{End, Fate, Journal};
use crate::rules::{Rule, Rules};
use crate::time::{plus, same, seconds};
use crate::{Drift, Ending, Obstacle, Plan, Reading, StartError, Unreadable, Verdict};

/// What was found in the escrow file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Escrow {
    /// There is none.
    Absent,
    /// It was reserved, and nothing written to it.
    Empty,
    /// It is torn: it was being written when the process died, or it was damaged.
    Torn,
    /// It is whole, and this configuration's.
    Whole {
        /// The attempt that was answered.
        attempt: u32,
        /// `token_expires_at` of the answer; `None` if it can't be understood.
        expires_at: Option<Timestamp>,
    },
}

impl State {
    /// Begins a run with what is on disk. `random` should differ from run to run: it picks the
    /// lives that are asked for.
    ///
    /// # Errors
    ///
    /// If the run can't begin: the plan is wrong or contradicts the journal, or an escrow is there
    /// that doesn't belong to it.
    pub fn start(
        plan: Plan,
        journal: Option<Journal>,
        escrow: Escrow,
        random: u64,
    ) -> Result<Self, StartError> {
        let journal = journal.unwrap_or_else(|| Journal::new(&plan.configuration));
        if journal.configuration != plan.configuration {
            return Err(StartError::OtherConfiguration(journal.configuration));
        }
        let sinks: Arc<[String]> = match &journal.unfinished {
            Some(rotation) => {
                plan.contradicts(rotation)?;
                rotation.sinks().map(str::to_owned).collect()
            }
            None => {
                plan.check()?;
                plan.sinks.clone().unwrap_or_default().into()
            }
        };
        let mut state = Self {
            verdicts: vec![None; sinks.len()],
            plan: Arc::new(plan),
            journal,
            rules: Rules::default(),
            limits: super::Limits::default(),
            random,
            phase: Phase::Compare,
            sinks,
            token: Holding::Nothing,
            now: Duration::ZERO,
            date: None,
            from: None,
            old_worked: false,
            ready: false,
            reserved: false,
            asks: 0,
            late: 0,
            since: None,
            doubt: None,
            checked: None,
            rounds: 0,
            refusing: Vec::new(),
            drift: Vec::new(),
            found_wrong: None,
            stranded: Vec::new(),
            interrupted: false,
        };
        if state.journal.unfinished.is_some() {
            state.resume(escrow)?;
        } else if matches!(escrow, Escrow::Whole { .. } | Escrow::Torn) {
            return Err(StartError::StrayEscrow);
        }
        Ok(state)
    }

    /// Rule 1: goes on where the journal stopped, with the token in escrow if there is one.
    fn resume(&mut self, escrow: Escrow) -> Result<(), StartError> {
        let Some(rotation) = &mut self.journal.unfinished else {
            return Ok(());
        };
        if rotation.verified {
            self.phase = Phase::RemoveEscrow;
            return Ok(());
        }
        let number = rotation.current().map(|attempt| attempt.number);
        if let Escrow::Whole {
            attempt,
            expires_at,
        } = escrow
        {
            // One of an earlier attempt is what an ask was about to replace: its token is dead.
            if number.is_none_or(|number| attempt > number) {
                return Err(StartError::StrayEscrow);
            }
            if number == Some(attempt) {
                let Some(expires_at) = expires_at else {
                    self.phase = Phase::Over(Ending::Unfinished(Obstacle::NotUnderstood));
                    return Ok(());
                };
                self.token = Holding::Escrow;
                let known = rotation.held().is_some();
                if known {
                    self.push_from(0);
                } else {
                    self.answered(expires_at, None);
                }
                return Ok(());
            }
        }
        self.phase = match rotation.current().map(|attempt| &attempt.fate) {
            Some(Fate::Answered { .. }) => Phase::Check(Purpose::Push(0)),
            _ => Phase::Resolve,
        };
        Ok(())
    }

    /// Rule 1, drift: the service has to be as the last rotation left it.
    pub(super) fn compared(&mut self, read: Result<Reading, Unreadable>) {
        let reading = match read {
            Ok(reading) => reading,
            Err(Unreadable::NotFound) => return self.stop(Ending::Gone, Self::ask_sinks),
            Err(Unreadable::Failed) => {
                return self.hindered(Obstacle::Unreadable, Self::ask_sinks);
            }
        };
        self.from = Some(reading.expires_at);
        if let Some(last) = &self.journal.last
            && self.rules.hold(Rule::Drift)
        {
            if !matches!(last.end, End::Finished | End::NotExecuted) {
                self.drift.push(Drift::EndedBadly(last.end));
            } else if !same(last.expires_at, reading.expires_at) {
                self.drift.push(Drift::Expiry);
            }
        }
        self.ask_sinks();
    }

    fn ask_sinks(&mut self) {
        if self.plan.rotate_before.is_some() && self.rules.hold(Rule::Drift) {
            self.phase = Phase::AskSink(0);
        } else {
            self.compare_life();
        }
    }

    /// Ends the run so. A dry run goes on with what comes next, for a person wants to see all that is to be
    /// mended, and ends as the run would have.
    fn stop(&mut self, ending: Ending, next: impl FnOnce(&mut Self)) {
        if self.plan.dry_run {
            self.found_wrong.get_or_insert(ending);
            next(self);
        } else {
            self.phase = Phase::Over(ending);
        }
    }

    /// The same for what keeps a rotation from going on.
    fn hindered(&mut self, why: Obstacle, next: impl FnOnce(&mut Self)) {
        if self.plan.dry_run {
            self.stop(Ending::NothingChanged(why), next);
        } else {
            self.no_more(why);
        }
    }

    /// Rule 1, drift: each sink that can tell has to say that what it holds works.
    pub(super) fn sink_asked(&mut self, sink: usize, verdict: Option<Verdict>) {
        self.verdicts[sink] = verdict;
        // Of an expired token that is no news, and the reason to rotate.
        let expired = matches!((self.date, self.from), (Some(date), Some(at)) if at <= date);
        if verdict == Some(Verdict::Doesnt) && !expired {
            self.drift.push(Drift::Sink(sink));
        }
        if sink + 1 < self.sinks.len() {
            self.phase = Phase::AskSink(sink + 1);
        } else if self.drift.is_empty() {
            self.compare_life();
        } else {
            self.stop(Ending::Drift, Self::compare_life);
        }
    }

    /// Rule 1: only now is the life left looked at, by the service's clock.
    fn compare_life(&mut self) {
        if let Some(before) = self.plan.rotate_before {
            let (Some(date), Some(expires_at)) = (self.date, self.from) else {
                return self.hindered(Obstacle::Unreadable, |next| next.phase = Phase::Credential);
            };
            // A dry run is about the day when one is due.
            if plus(date, seconds(before.as_secs())) < expires_at && !self.plan.dry_run {
                self.phase = Phase::Over(Ending::NothingDue);
                return;
            }
        }
        self.phase = Phase::Credential;
    }

    /// Rule 2: our own credential.
    pub(super) fn credential(&mut self, credential: CredentialCheck) {
        let preflight = |next: &mut Self| next.phase = Phase::Preflight(0);
        match credential {
            CredentialCheck::Fine => self.phase = Phase::Preflight(0),
            CredentialCheck::ReadOnly => self.hindered(Obstacle::ReadOnlyCredential, preflight),
            // In the midst of a rotation a person or a scheduler has to have the rest done; the
            // credential is the next rotation's worry.
            CredentialCheck::EndsTooSoon if self.journal.unfinished.is_some() => {
                self.phase = Phase::Preflight(0);
            }
            CredentialCheck::EndsTooSoon => self.stop(Ending::CredentialEndsTooSoon, preflight),
        }
    }

    /// Rule 2: every sink, also after one has refused, so that a person sees all that is to be
    /// mended.
    pub(super) fn preflight(&mut self, sink: usize, passed: bool) {
        if !passed {
            self.refusing.push(sink);
        }
        if sink + 1 < self.sinks.len() {
            self.phase = Phase::Preflight(sink + 1);
        } else if self.refusing.is_empty() {
            self.phase = Phase::Reserve;
        } else {
            self.hindered(Obstacle::Preflight, |next| next.phase = Phase::Reserve);
        }
    }

    /// Rule 2: a full disk is found here, not later.
    pub(super) fn escrow_reserved(&mut self, done: bool) {
        if self.plan.dry_run {
            let ending = match done {
                true => Ending::Ready,
                false => Ending::NothingChanged(Obstacle::Escrow),
            };
            self.phase = Phase::Over(self.found_wrong.unwrap_or(ending));
        } else if !done {
            self.no_more(Obstacle::Escrow);
        } else {
            self.ready = true;
            self.reserved = true;
            self.phase = Phase::TryOld { asked: false };
        }
    }

    /// What has to be proven before an ask, as far as this process hasn't.
    pub(super) fn prepare(&mut self) {
        self.phase = if !self.ready {
            Phase::Credential
        } else if !self.reserved {
            Phase::Reserve
        } else {
            Phase::TryOld { asked: false }
        };
    }
}
