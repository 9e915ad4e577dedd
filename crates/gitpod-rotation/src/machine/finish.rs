//! Rule 8, and the other ends that close a journal.

use super::{Holding, Phase, State};
use crate::journal::{End, Push};
use crate::reading::lives_are_kept;
use crate::rules::Rule;
use crate::{Ending, Obstacle};

impl State {
    /// Rule 8: the sinks hold the service's token. From here on nothing is pushed.
    pub(super) fn all_is_well(&mut self) {
        if let Some(rotation) = &mut self.journal.unfinished {
            rotation.verified = true;
        }
        self.phase = if self.rules.hold(Rule::VerifiedFirst) {
            Phase::SaveVerified
        } else {
            Phase::RemoveEscrow
        };
    }

    /// Rule 8: `verified` lasts before the escrow goes.
    pub(super) fn verified_saved(&mut self, done: bool) {
        if done {
            self.phase = Phase::RemoveEscrow;
        } else {
            self.unfinished(Obstacle::Journal);
        }
    }

    /// Rule 8: the escrow is gone before the journal forgets it.
    pub(super) fn escrow_removed(&mut self, done: bool) {
        if done {
            self.conclude(End::Finished);
            self.phase = Phase::SaveFinished;
        } else {
            self.phase = Phase::Over(Ending::Unfinished(Obstacle::Escrow));
        }
    }

    pub(super) fn finished_saved(&mut self, done: bool) {
        self.phase = Phase::Over(if done {
            Ending::Done
        } else {
            Ending::Unfinished(Obstacle::Journal)
        });
    }

    /// Ends a rotation that didn't succeed. What is in escrow, if anything, is dead.
    pub(super) fn close(&mut self, end: End, ending: Ending) {
        self.token = Holding::Nothing;
        let sinks = self.journal.unfinished.iter().flat_map(|r| &r.sinks);
        let took = sinks
            .enumerate()
            .filter(|(_, sink)| sink.push == Push::Pushed);
        self.stranded = took.map(|(sink, _)| sink).collect();
        self.phase = Phase::Discard(end, ending);
    }

    pub(super) fn discarded(&mut self, end: End, ending: Ending, done: bool) {
        if done {
            self.conclude(end);
            self.phase = Phase::SaveClosed(ending);
        } else {
            self.phase = Phase::Over(Self::unclosed(ending, Obstacle::Escrow));
        }
    }

    pub(super) fn closed_saved(&mut self, ending: Ending, done: bool) {
        self.phase = Phase::Over(if done {
            ending
        } else {
            Self::unclosed(ending, Obstacle::Journal)
        });
    }

    /// What is to be said where the journal couldn't be closed. The next run finds out the same.
    fn unclosed(ending: Ending, why: Obstacle) -> Ending {
        match ending {
            Ending::NothingChanged(_) => Ending::Unfinished(why),
            told => told,
        }
    }

    /// Puts the outcome in the rotation's place.
    fn conclude(&mut self, end: End) {
        let life_kept = lives_are_kept(&self.journal);
        let Some(rotation) = self.journal.unfinished.take() else {
            return;
        };
        // What wasn't executed changed nothing, the drift from the outcome before included.
        if end == End::NotExecuted
            && self.journal.last.is_some()
            && self.rules.hold(Rule::OldOutcomeStays)
        {
            return;
        }
        if let Some(outcome) = rotation.outcome(end, life_kept, self.date) {
            self.journal.last = Some(outcome);
        }
    }
}
