//! Signals, and what ends a process amid an action.

use std::pin::pin;
use std::task::Poll;

use gitpod_rotation::Stop;

/// What has come so far of one process's.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// A second one came, which ends the process as soon as it may.
    second: bool,
}

/// What came of an action.
pub(crate) enum Ended {
    /// It was done; whether there was one.
    Acted(bool),
    /// The process died amid it.
    Died,
    /// A second signal ended the process, as soon as no token could be lost with it.
    AtOnce,
}

impl Signals {
    /// A signal comes, perhaps: the first, or the second. Says which.
    pub(crate) fn come(&mut self, stop: &Stop, random: &mut fastrand::Rng) -> Option<&'static str> {
        match (stop.is_requested(), random.u8(..)) {
            (false, 0..2) => {
                stop.request();
                // Somebody presses it twice.
                self.second = random.bool();
                Some(if self.second {
                    "  two signals"
                } else {
                    "  a signal"
                })
            }
            (true, 0..40) => {
                self.second = true;
                Some("  a second signal")
            }
            _ => None,
        }
    }

    /// An action, unless the process ends amid it: it dies when it waits for the so-manieth time, or by
    /// a second signal, as `gitpodctl` does.
    pub(crate) async fn amid(
        &self,
        act: impl Future<Output = bool>,
        stop: &Stop,
        mut dies: Option<u8>,
    ) -> Ended {
        let mut act = pin!(act);
        let mut may_end = pin!(stop.may_end_at_once());
        std::future::poll_fn(|context| {
            if let Poll::Ready(more) = act.as_mut().poll(context) {
                return Poll::Ready(Ended::Acted(more));
            }
            if self.second && may_end.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ended::AtOnce);
            }
            match &mut dies {
                Some(0) => Poll::Ready(Ended::Died),
                Some(more) => {
                    *more -= 1;
                    Poll::Pending
                }
                None => Poll::Pending,
            }
        })
        .await
    }
}
