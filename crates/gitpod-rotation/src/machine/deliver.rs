//! Rules 5 to 7: escrow, push, verify.

use jiff::Timestamp;

use super::{Holding, Phase, Purpose, State, Then};
use crate::journal::{End, Fate, Push};
use crate::reading::{Seen, classify, was_made_by};
use crate::rules::Rule;
use crate::time::{plus, same, seconds};
use crate::{Ending, Obstacle, Probe, Reading, Unreadable, Verdict};

impl State {
    /// Rule 5: the raw body is in escrow before it is decoded, or the disk refused.
    pub(super) fn escrowed(
        &mut self,
        date: Option<Timestamp>,
        stored: bool,
        expires_at: Option<Timestamp>,
    ) {
        self.token = if stored {
            Holding::Escrow
        } else {
            Holding::Memory
        };
        match expires_at {
            Some(expires_at) => self.answered(expires_at, date),
            None => self.unfinished(Obstacle::NotUnderstood),
        }
    }

    /// The token is in hand.
    pub(super) fn answered(&mut self, expires_at: Timestamp, date: Option<Timestamp>) {
        let in_escrow = self.token == Holding::Escrow;
        if let Some(rotation) = &mut self.journal.unfinished {
            let life_kept = rotation.current().is_some_and(|attempt| {
                let executed = plus(expires_at, -seconds(attempt.life_seconds));
                was_made_by(rotation, attempt, expires_at)
                    && date.is_none_or(|date| executed <= plus(date, 5))
            });
            rotation.old_token_dead = true;
            if let Some(attempt) = rotation.current_mut() {
                attempt.fate = Fate::Answered {
                    expires_at,
                    life_kept,
                    in_escrow,
                };
            }
        }
        self.phase = Phase::SaveAnswered;
    }

    /// Rule 5: it is tried again for as long as the token isn't safe.
    pub(super) fn escrow_retried(&mut self, stored: bool, expires_at: Option<Timestamp>) {
        if stored {
            self.token = Holding::Escrow;
        }
        if expires_at.is_none() {
            self.unfinished(Obstacle::NotUnderstood);
        } else {
            self.push_from(0);
        }
    }

    /// Rule 6: the first sink from this one on that doesn't have the token yet. Every one gets a
    /// first try before any gets a second.
    pub(super) fn push_from(&mut self, first: usize) {
        let Some(sink) = self.missing().find(|sink| *sink >= first) else {
            return self.round_ended();
        };
        let fresh = self.limits.fresh;
        let checked = self
            .checked
            .is_some_and(|checked| self.now.saturating_sub(checked) <= fresh);
        if !checked && self.rules.hold(Rule::CheckBeforePush) {
            self.phase = Phase::Check(Purpose::Push(sink));
        } else {
            self.phase = Phase::Push(sink);
        }
    }

    /// Rule 6: each success is journaled; those that fail are tried again in the next round.
    pub(super) fn pushed(&mut self, sink: usize, taken: bool) {
        if !taken {
            return self.push_from(sink + 1);
        }
        if let Some(rotation) = &mut self.journal.unfinished {
            rotation.sinks[sink].push = Push::Pushed;
        }
        self.phase = Phase::SavePushed(sink);
    }

    fn round_ended(&mut self) {
        if self.missing().next().is_some() {
            self.round_failed();
        } else if self.rules.hold(Rule::Verify) {
            self.phase = Phase::Verify(0);
        } else {
            self.all_is_well();
        }
    }

    fn round_failed(&mut self) {
        self.rounds += 1;
        if self.rounds < self.limits.rounds {
            self.phase = Phase::Wait(Self::backoff(self.rounds), Then::Round);
        } else {
            self.unfinished(Obstacle::Sinks);
        }
    }

    pub(super) fn next_round(&mut self) {
        if self.token == Holding::Memory {
            self.phase = Phase::RetryEscrow;
        } else {
            self.push_from(0);
        }
    }

    /// Rule 7: each sink that can say so says that it works. One that denies it gets the token
    /// again, but not before another look at whose token is alive.
    pub(super) fn verified(&mut self, sink: usize, verdict: Option<Verdict>) {
        self.verdicts[sink] = verdict;
        if sink + 1 < self.sinks.len() {
            self.phase = Phase::Verify(sink + 1);
            return;
        }
        if let Some(rotation) = &mut self.journal.unfinished {
            for (target, verdict) in rotation.sinks.iter_mut().zip(&self.verdicts) {
                if *verdict == Some(Verdict::Doesnt) {
                    target.push = Push::Waiting;
                }
            }
        }
        let all =
            |verdict: &Option<Verdict>| matches!(verdict, Some(Verdict::Works | Verdict::CantTell));
        if self.verdicts.iter().all(all) {
            self.phase = Phase::Check(Purpose::Final);
        } else {
            self.checked = None;
            self.round_failed();
        }
    }

    /// Rules 6 and 7: whose token is the service's?
    pub(super) fn check(&mut self, purpose: Purpose, read: Result<Reading, Unreadable>) {
        let reading = match read {
            Ok(reading) => reading,
            // A token that may be alive is in hand, and a credential that sees less than it did is
            // likelier than a configuration that went away: nothing is thrown away.
            Err(Unreadable::NotFound) => return self.unfinished(Obstacle::NotFound),
            Err(Unreadable::Failed) => return self.check_later(purpose, Obstacle::Unreadable),
        };
        match classify(&self.journal, reading.expires_at, self.rules) {
            Seen::Held if reading.probe != Probe::Dead => {
                self.since = None;
                self.doubt = None;
                self.checked = Some(self.now);
                match purpose {
                    Purpose::Push(_) if self.token == Holding::Nothing => {
                        self.phase = Phase::AskHolder {
                            sink: 0,
                            lost: false,
                        };
                    }
                    Purpose::Push(sink) => self.push_from(sink),
                    Purpose::Final => self.all_is_well(),
                }
            }
            Seen::Before | Seen::Earlier => self.check_later(purpose, Obstacle::Stale),
            seen if self.is_beyond_doubt(reading.expires_at) => {
                if matches!(seen, Seen::Lost { .. }) {
                    self.lost(reading.expires_at);
                } else {
                    // Someone else's, or a request was executed twice.
                    self.close(End::Superseded, Ending::Superseded);
                }
            }
            _ => self.check_later(purpose, Obstacle::Stale),
        }
    }

    /// Whether an expiry has been seen for long enough that isn't what it should be. A token in hand isn't to be
    /// thrown away for one stale read: of a token that was made right before our ask, say. Nor
    /// because the SCIM endpoint doesn't know it yet.
    pub(super) fn is_beyond_doubt(&mut self, expires_at: Timestamp) -> bool {
        let since = match self.doubt {
            Some((doubted, since)) if same(doubted, expires_at) => since,
            _ => self.now,
        };
        self.doubt = Some((expires_at, since));
        let seen = self.now.saturating_sub(since);
        seen >= self.limits.stale || !self.rules.hold(Rule::SecondLook)
    }

    fn check_later(&mut self, purpose: Purpose, why: Obstacle) {
        // Twice as long where what is read changes: neither of it is then beyond doubt.
        let long = self.limits.stale * (1 + u32::from(self.doubt.is_some()));
        if self.polled_enough(long) {
            self.unfinished(why);
        } else {
            self.phase = Phase::Wait(self.limits.poll, Then::Check(purpose));
        }
    }

    /// Stops, to be resumed; except that rule 5 forbids it while the token is in memory alone.
    pub(super) fn unfinished(&mut self, why: Obstacle) {
        self.since = None;
        self.phase = if self.token_is_alone() {
            Phase::Wait(Self::backoff(self.rounds), Then::Round)
        } else {
            Phase::Over(Ending::Unfinished(why))
        };
    }
}
