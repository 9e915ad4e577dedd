//! Rule 5: what a signal ends, and what it waits for.

use super::{Holding, Phase, State};
use crate::journal::{Push, Rotation};
use crate::rules::Rule;
use crate::{Ending, Obstacle};

impl State {
    /// The first signal: the action that is under way is finished, and the run then ends where it
    /// can be resumed. A [`Action::Wait`](crate::Action::Wait) is to be cut short.
    #[must_use]
    pub fn interrupt(&self) -> Self {
        let mut next = self.clone();
        next.interrupted = true;
        next
    }

    /// Whether a second signal may end the process at once, whatever is under way. It may not from
    /// `asked` to the escrow, and not while the token is in memory alone (rule 5).
    #[must_use]
    pub fn may_end_at_once(&self) -> bool {
        !self.signals_wait()
    }

    /// Rule 5: when signals wait.
    fn signals_wait(&self) -> bool {
        let asking = matches!(
            self.phase,
            Phase::ReadAgain | Phase::Ask | Phase::WriteEscrow { .. } | Phase::RetryEscrow
        );
        (asking || self.token_is_alone()) && self.rules.hold(Rule::SignalsWait)
    }

    /// Whether the token is in memory and, for all that is known, nowhere else.
    pub(super) fn token_is_alone(&self) -> bool {
        let took = |rotation: &Rotation| rotation.sinks.iter().any(|s| s.push == Push::Pushed);
        self.token == Holding::Memory && !self.journal.unfinished.as_ref().is_some_and(took)
    }

    /// Ends the run because of a signal, unless what comes next has to be done first.
    pub(super) fn stop_if_possible(&mut self) {
        // An `asked` that is written anew is on disk already.
        let asked = self.phase == Phase::SaveAsked && self.late > 0;
        let must_go_on = matches!(
            self.phase,
            // What just happened is written down, and what was begun to be closed is closed.
            Phase::SaveNotAsked(_)
                | Phase::SaveAnswered
                | Phase::SavePushed(_)
                | Phase::SaveVerified
                | Phase::RemoveEscrow
                | Phase::SaveFinished
                | Phase::Discard(..)
                | Phase::SaveClosed(_)
                | Phase::Over(_)
        );
        if must_go_on || asked || self.signals_wait() {
            return;
        }
        if self.phase == Phase::SaveAsked {
            self.take_back_attempt();
        }
        self.phase = Phase::Over(if self.journal.unfinished.is_some() {
            Ending::Unfinished(Obstacle::Interrupted)
        } else {
            Ending::NothingChanged(Obstacle::Interrupted)
        });
    }
}
