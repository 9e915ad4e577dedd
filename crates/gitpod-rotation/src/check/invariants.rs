//! What has to hold: rotation by rotation, and in every state at rest.

use std::sync::Arc;
use std::time::Duration;

use super::service::By;
use super::world::{Tells, World};
use crate::Ending;
use crate::journal::Journal;

impl World {
    /// No sink and no escrow may hold the live token of this rotation when it is killed by an ask.
    pub(super) fn must_not_kill_ours(&mut self) {
        let live = self.service.live();
        // Nothing could be written of a push from memory, and the sink says nothing.
        let untold =
            self.memory.undocumented && self.sinks.iter().all(|sink| sink.tells != Tells::Liveness);
        let held = self.in_escrow(live) || self.any_sink_holds(live) && !untold;
        if held && self.live_is_of_this_rotation() {
            self.breaks("never ask while a sink or the escrow holds our live token");
        }
    }

    /// An ask again must not kill what is known to be someone else's.
    /// That which was there when the rotation began it is to replace.
    pub(super) fn must_not_kill_theirs(&mut self, journal: &Journal) {
        let live = self.service.live();
        let shown = self.service.shown(live);
        let attempts = journal.unfinished.iter().flat_map(|r| &r.attempts);
        let was_there = attempts.take(1).any(|first| first.before == shown);
        // Or may be, for all that is known.
        let known = self.memory.read == Some(live) || self.memory.contradicted;
        if self.service.live_token().by == By::SomeoneElse && known && !was_there {
            self.breaks("never ask again where the token is someone else's");
        }
    }

    /// What is pushed is the token in hand, which wasn't dead when this process last could know.
    pub(super) fn must_be_worth_pushing(&mut self, token: usize, started: i64) {
        let pushed = &self.service.tokens[token];
        let fresh = 30 + 2;
        let rotation = self.memory.rotation;
        if !matches!(pushed.by, By::Us { rotation: of, .. } if of == rotation) {
            self.breaks("nothing but the token asked for is pushed");
        } else if let Some(died) = pushed.died
            && (died < started || self.service.now - died > fresh)
            && !self.memory.deceived
            && !self.memory.slept
        {
            self.breaks("a token that was known to be dead isn't pushed");
        }
    }

    /// The escrow of a live token goes only when all sinks have it, and the journal lets it go.
    pub(super) fn must_be_let_go(&mut self) {
        let live = self.service.live();
        let verified = |journal: &Arc<Journal>| {
            let rotation = journal.unfinished.as_ref();
            rotation.is_some_and(|rotation| rotation.verified)
        };
        let let_go = self.journal.lasts.as_ref().is_some_and(verified);
        if self.in_escrow(live) && !let_go && !self.memory.misled {
            self.breaks("the escrow of a live token goes only after `verified`");
        }
    }

    /// What a run says at its end is true.
    pub(super) fn must_be_true(&mut self, ending: Ending, hand: Option<usize>, asked: bool) {
        let live = self.service.live();
        let only_in_memory =
            hand == Some(live) && !self.in_escrow(live) && !self.any_sink_holds(live);
        if only_in_memory && !self.memory.misled && self.live_is_of_this_rotation() {
            self.breaks("a run doesn't end while the token is in memory alone");
        }
        match ending {
            Ending::Done if !self.memory.deceived => {
                let last = self.journal.is.as_ref().and_then(|j| j.last.as_ref());
                let expires_at = last.map(|last| last.expires_at);
                let was_good = self.service.tokens.iter().enumerate().any(|(token, t)| {
                    Some(t.expires_at) == expires_at && self.memory.good >> token & 1 == 1
                });
                if !was_good {
                    self.breaks("done is said only where the sinks held the live token");
                }
            }
            Ending::NothingChanged(_) | Ending::NothingDue | Ending::Ready if self.unfinished() => {
                self.breaks("what isn't unfinished has no unfinished journal");
            }
            Ending::NothingChanged(_)
                if asked
                    && self.live_is_of_this_rotation()
                    && (!self.memory.deceived || self.memory.contradicted) =>
            {
                self.breaks("nothing changed is said only where nothing was executed");
            }
            _ => {}
        }
    }

    /// The invariants of a state in which no process runs and no request is under way.
    pub(super) fn broken_at_rest(&self) -> Option<&'static str> {
        if self.unfinished() {
            let after = self.run_undisturbed(None);
            return after.memory.broken.or_else(|| {
                let closed = !after.unfinished();
                closed.then(|| after.broken_when_closed()).flatten()
            });
        }
        self.broken_when_closed()
    }

    /// The sinks hold the live token, or the next run says that something is wrong.
    fn broken_when_closed(&self) -> Option<&'static str> {
        if self.all_sinks_hold(self.service.live()) {
            return None;
        }
        let next = self.run_undisturbed(Some(Duration::ZERO));
        if next.memory.ending != Some(Ending::NothingDue) {
            return next.memory.broken;
        }
        // Before our first token there is nothing to compare with. Such a run reports sinks that
        // can't tell as not checked.
        let ours = |by| matches!(by, By::Us { .. });
        let unchecked = self.sinks.iter().any(|sink| sink.tells != Tells::Liveness);
        if !ours(self.service.live_token().by) && unchecked && !self.has_finished_one() {
            return None;
        }
        Some("the sinks hold the live token, or the next run reports drift")
    }

    fn has_finished_one(&self) -> bool {
        let last = self.journal.is.as_ref().and_then(|j| j.last.as_ref());
        last.is_some_and(|last| last.end == crate::End::Finished)
    }
}
