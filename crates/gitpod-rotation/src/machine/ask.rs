//! Rules 3 and 4, and what follows an ambiguous answer.

use std::time::Duration;

use jiff::Timestamp;

use super::{Holding, Phase, Purpose, State, Then};
use crate::event::{Action, Asked, Audit};
use crate::journal::{Attempt, End, Fate, Push, Rotation, Target};
use crate::reading::{SLACK, Seen, classify, wait_is_over};
use crate::rules::Rule;
use crate::time::{plus, same};
use crate::{Ending, IfLost, Obstacle, Probe, Reading, Unreadable, Verdict, life};

impl State {
    /// Rule 3: `before` and D, from a read of their own.
    pub(super) fn read_before(&mut self, read: Result<Reading, Unreadable>) {
        let Ok(reading) = read else {
            return self.no_more(Obstacle::Unreadable);
        };
        // What was decided was decided by another expiry: someone else is at work.
        if !self.from.is_some_and(|from| same(from, reading.expires_at)) {
            return match self.journal.unfinished {
                None => self.no_more(Obstacle::Changed),
                Some(_) => self.phase = Phase::Over(Ending::Unfinished(Obstacle::Changed)),
            };
        }
        self.add_attempt(reading);
        self.late = 0;
        self.phase = Phase::SaveAsked;
    }

    fn add_attempt(&mut self, reading: Reading) {
        let life_seconds = self.life_of_its_own();
        let sinks = &self.sinks;
        let old_token_worked = self.old_worked;
        let rotation = self.journal.unfinished.get_or_insert_with(|| Rotation {
            life_seconds: self.plan.life_seconds(),
            settle_seconds: self.plan.settle_seconds(),
            deadline_seconds: self.limits.deadline,
            sinks: Vec::new(),
            attempts: Vec::new(),
            old_token_dead: false,
            verified: false,
        });
        // No sink has the token that is asked for now.
        let target = |sink: &String| Target {
            sink: sink.clone(),
            push: Push::Waiting,
        };
        rotation.sinks = sinks.iter().map(target).collect();
        rotation.attempts.push(Attempt {
            number: u32::try_from(rotation.attempts.len() + 1).unwrap_or(u32::MAX),
            before: reading.expires_at,
            life_seconds,
            date: reading.date,
            old_token_worked,
            fate: Fate::Unknown,
        });
    }

    /// Rule 4: the life that this ask alone has.
    fn life_of_its_own(&self) -> u64 {
        let unfinished = self.journal.unfinished.as_ref();
        let wanted = unfinished.map_or(self.plan.life_seconds(), |rotation| rotation.life_seconds);
        if !self.rules.hold(Rule::OwnLife) {
            return wanted;
        }
        let attempts = unfinished.map(|rotation| rotation.attempts.as_slice());
        let taken = attempts.unwrap_or_default().iter().map(|a| a.life_seconds);
        let last = self
            .journal
            .last
            .iter()
            .flat_map(|last| &last.lives_seconds);
        let taken: Vec<u64> = taken.chain(last.copied()).collect();
        life::choose(wanted, &taken, self.random)
    }

    /// Undoes [`add_attempt`](Self::add_attempt): it provably wasn't asked.
    pub(super) fn take_back_attempt(&mut self) {
        if let Some(rotation) = &mut self.journal.unfinished {
            rotation.attempts.pop();
            if rotation.attempts.is_empty() {
                self.journal.unfinished = None;
            }
        }
    }

    /// Rule 3: the request may leave only when the record of it lasts.
    pub(super) fn asked_saved(&mut self, done: bool) {
        self.phase = if done {
            Phase::ReadAgain
        } else {
            // Nothing was asked, but it may be on disk all the same.
            Phase::Over(Ending::Unfinished(Obstacle::Journal))
        };
    }

    /// Rule 3: read once more, right before the ask.
    pub(super) fn read_again(&mut self, read: Result<Reading, Unreadable>) {
        let Ok(reading) = read else {
            return self.not_asked(Obstacle::Unreadable);
        };
        let Some(attempt) = self.attempt_mut() else {
            return self.not_asked(Obstacle::Journal);
        };
        if !same(attempt.before, reading.expires_at) {
            return self.not_asked(Obstacle::Changed);
        }
        // The wait after an ambiguous answer counts from D, also after a crash. So the request has
        // to leave soon after it: a machine that slept in between writes `asked` anew.
        if let (Some(asked), Some(date)) = (attempt.date, reading.date)
            && plus(asked, SLACK) < date
            && self.rules.hold(Rule::FreshDate)
        {
            if self.late == self.limits.asks {
                return self.not_asked(Obstacle::Unreadable);
            }
            self.late += 1;
            if let Some(attempt) = self.attempt_mut() {
                attempt.date = Some(date);
            }
            self.phase = Phase::SaveAsked;
            return;
        }
        self.asks += 1;
        self.phase = Phase::Ask;
    }

    /// Nothing was asked, and the journal has to say so.
    fn not_asked(&mut self, why: Obstacle) {
        self.take_back_attempt();
        self.phase = Phase::SaveNotAsked(why);
    }

    pub(super) fn not_asked_saved(&mut self, why: Obstacle, done: bool) {
        self.phase = Phase::Over(match (&self.journal.unfinished, done) {
            (_, false) => Ending::Unfinished(Obstacle::Journal),
            (None, true) => Ending::NothingChanged(why),
            (Some(_), true) => Ending::Unfinished(why),
        });
    }

    pub(super) fn ask_action(&self) -> Action {
        let unfinished = self.journal.unfinished.as_ref();
        Action::Ask {
            attempt: self.attempt_number(),
            life_seconds: unfinished
                .and_then(|rotation| rotation.attempts.last())
                .map_or(0, |attempt| attempt.life_seconds),
            deadline: Duration::from_secs(
                unfinished.map_or(self.limits.deadline, |rotation| rotation.deadline_seconds),
            ),
        }
    }

    /// Rule 4: what is provable may be asked again, everything else is ambiguous.
    pub(super) fn asked(&mut self, asked: Asked) {
        if matches!(
            asked,
            Asked::NotSent | Asked::Busy | Asked::Refused | Asked::NotFound
        ) && let Some(attempt) = self.attempt_mut()
        {
            attempt.fate = Fate::NotExecuted;
        }
        match asked {
            Asked::Answered { date } => {
                self.reserved = false;
                self.phase = Phase::WriteEscrow { date };
            }
            Asked::NotSent | Asked::Busy if self.asks < self.limits.asks => {
                self.phase = Phase::Wait(Self::backoff(self.asks), Then::AskAgain);
            }
            Asked::NotSent | Asked::Busy | Asked::Refused => self.no_more(Obstacle::Refused),
            Asked::NotFound => self.close(End::Gone, Ending::Gone),
            Asked::Ambiguous => {
                self.since = Some(self.now);
                self.phase = Phase::Resolve;
            }
        }
    }

    /// After an ambiguous answer, in this process or in one that died.
    pub(super) fn resolve(&mut self, read: Result<Reading, Unreadable>) {
        let Some(rotation) = &self.journal.unfinished else {
            return self.no_more(Obstacle::Journal);
        };
        let Some(attempt) = rotation.current() else {
            // Each one provably wasn't executed.
            return self.no_more(Obstacle::Refused);
        };
        let since = *self.since.get_or_insert(self.now);
        let waited = self.now.saturating_sub(since);
        let date = read.ok().and_then(|reading| reading.date);
        let over = wait_is_over(rotation, attempt, date, waited) || !self.rules.hold(Rule::Wait);
        let seen = read.map(|reading| classify(&self.journal, reading.expires_at, self.rules));
        match (seen, read) {
            // An earlier one's can only have been executed again, with the last one on its way.
            (Ok(Seen::Lost { last }), Ok(reading))
                if last || over || !self.rules.hold(Rule::EarlierLostWaits) =>
            {
                self.lost(reading.expires_at);
            }
            // What is closed holds no token: there was no answer. Not sooner, for a new rotation could
            // be overtaken by this one's request, still on its way.
            (Err(Unreadable::NotFound), _) if over => self.close(End::Gone, Ending::Gone),
            (Ok(Seen::NotOurs), _) if over || !self.rules.hold(Rule::SupersededWaits) => {
                self.close(End::Superseded, Ending::Superseded);
            }
            (Ok(Seen::Before), Ok(reading)) if over => {
                self.from = Some(reading.expires_at);
                self.phase = Phase::TryOld { asked: true };
            }
            (Err(_), _) if over => {
                self.phase = Phase::Over(Ending::Unfinished(Obstacle::Unreadable));
            }
            (_, _) if over => self.phase = Phase::Over(Ending::Unfinished(Obstacle::Stale)),
            _ => self.phase = Phase::Wait(self.limits.poll, Then::Resolve),
        }
    }

    /// The expiry is as it was, after the full wait: nothing was executed, unless the old token says
    /// otherwise. The read is stale then, and whose token is alive isn't known.
    pub(super) fn unchanged(&mut self, old: Probe) {
        let attempt = self.journal.unfinished.as_ref().and_then(Rotation::current);
        // Without `Date` nobody here can tell whether it has just expired.
        let worked = attempt.is_some_and(|attempt| {
            attempt.old_token_worked && self.date.is_some_and(|date| date < attempt.before)
        });
        if worked && old == Probe::Dead && self.rules.hold(Rule::OldTokenTried) {
            let from = self.from;
            self.phase = match from {
                Some(from) if !self.is_beyond_doubt(from) => {
                    Phase::Wait(self.limits.poll, Then::Resolve)
                }
                _ => Phase::Over(Ending::Unfinished(Obstacle::Stale)),
            };
            return;
        }
        self.doubt = None;
        if self.asks < self.limits.asks {
            self.since = None;
            self.prepare();
        } else {
            self.no_more(Obstacle::AskedEnough);
        }
    }

    /// The old token is dead, and nobody holds the new one, which is ours.
    pub(super) fn lost(&mut self, expires_at: Timestamp) {
        self.token = Holding::Nothing;
        self.since = None;
        self.doubt = None;
        self.checked = None;
        self.from = Some(expires_at);
        if let Some(rotation) = &mut self.journal.unfinished {
            rotation.old_token_dead = true;
        }
        if self.plan.if_lost == IfLost::Fail {
            self.phase = Phase::Over(Ending::Lost(Obstacle::ByRequest));
        } else if self.asks >= self.limits.asks {
            self.phase = Phase::Over(Ending::Lost(Obstacle::AskedEnough));
        } else {
            self.phase = Phase::Audit;
        }
    }

    /// D, from where on the audit log matters.
    pub(super) fn audited_since(&self) -> Option<Timestamp> {
        let rotation = self.journal.unfinished.as_ref()?;
        rotation.attempts.first()?.date
    }

    /// An entry by someone else stops us; none proves nothing.
    pub(super) fn audited(&mut self, audit: Audit) {
        match audit {
            Audit::SomeoneElse => self.close(End::Superseded, Ending::Superseded),
            Audit::Nothing => {
                self.phase = Phase::AskHolder {
                    sink: 0,
                    lost: true,
                };
            }
        }
    }

    /// A sink that says its token works holds the service's, which then isn't lost: a person has
    /// put it there, or a process of ours that couldn't write that down.
    pub(super) fn holder_asked(&mut self, sink: usize, lost: bool, verdict: Option<Verdict>) {
        self.verdicts[sink] = verdict;
        if sink + 1 < self.sinks.len() {
            self.phase = Phase::AskHolder {
                sink: sink + 1,
                lost,
            };
            return;
        }
        if !lost {
            self.held_without_escrow();
        } else if !self.rules.hold(Rule::AskSinksFirst) {
            self.prepare();
        } else if self.verdicts.contains(&Some(Verdict::Works)) {
            self.phase = Phase::Over(Ending::Unfinished(Obstacle::HeldElsewhere));
        } else if self.verdicts.contains(&None) {
            self.phase = Phase::Over(Ending::Unfinished(Obstacle::Sinks));
        } else {
            self.prepare();
        }
    }

    /// The service's token is that of an answer that came, and it isn't in escrow.
    fn held_without_escrow(&mut self) {
        let Some(rotation) = &mut self.journal.unfinished else {
            return;
        };
        let never_in_escrow = matches!(
            rotation.current().map(|attempt| &attempt.fate),
            Some(Fate::Answered {
                in_escrow: false,
                ..
            })
        );
        let mut all = true;
        let mut any = false;
        for (target, verdict) in rotation.sinks.iter().zip(&self.verdicts) {
            let denied = *verdict == Some(Verdict::Doesnt);
            let works = *verdict == Some(Verdict::Works);
            // One that took it and can't tell now might, if it were shown the token.
            all &= works;
            any |= works || ((target.push == Push::Pushed || never_in_escrow) && !denied);
        }
        if all {
            for target in &mut rotation.sinks {
                target.push = Push::Pushed;
            }
            self.phase = Phase::Check(Purpose::Final);
        } else if any {
            self.phase = Phase::Over(Ending::Unfinished(Obstacle::HeldElsewhere));
        } else if let Some(held) = rotation.held() {
            self.lost(held);
        }
    }

    /// Nothing more is tried. What that means depends on what was.
    pub(super) fn no_more(&mut self, why: Obstacle) {
        match &self.journal.unfinished {
            None => self.phase = Phase::Over(Ending::NothingChanged(why)),
            Some(rotation) if rotation.old_token_dead => {
                self.phase = Phase::Over(Ending::Lost(why));
            }
            // Either provably not executed, or not for the whole wait.
            Some(_) => self.close(End::NotExecuted, Ending::NothingChanged(why)),
        }
    }

    pub(super) fn attempt_number(&self) -> u32 {
        let rotation = self.journal.unfinished.as_ref();
        rotation
            .and_then(|rotation| rotation.attempts.last())
            .map_or(0, |attempt| attempt.number)
    }

    /// The attempt that is under way.
    pub(super) fn attempt_mut(&mut self) -> Option<&mut Attempt> {
        self.journal.unfinished.as_mut()?.attempts.last_mut()
    }
}
