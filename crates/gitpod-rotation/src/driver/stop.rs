//! How a run is asked to end.

use tokio::sync::watch;

/// Asks a run of a [`Driver`](crate::Driver) to end, from a signal handler say. A clone is the same
/// one.
///
/// The first signal is [`request`](Self::request): what is under way is finished, and the run ends
/// where it can be resumed. At a second one drop the run's future as soon as
/// [`may_end_at_once`](Self::may_end_at_once) comes true: it isn't while a token is asked for or in
/// memory alone, since that token would be lost.
#[derive(Debug, Clone)]
pub struct Stop {
    requested: watch::Sender<bool>,
    at_once: watch::Sender<bool>,
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            requested: watch::Sender::new(false),
            at_once: watch::Sender::new(true),
        }
    }
}

impl Stop {
    /// A run that nobody has asked to end.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the run to end where it can be resumed.
    pub fn request(&self) {
        self.requested.send_replace(true);
    }

    /// Whether it was asked.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// Waits until the run's future may be dropped without a token being lost with it; most of the
    /// time that is at once.
    pub async fn may_end_at_once(&self) {
        let mut at_once = self.at_once.subscribe();
        // The sender lives as long as this.
        let _ = at_once.wait_for(|may| *may).await;
    }

    pub(super) fn permit(&self, at_once: bool) {
        self.at_once.send_replace(at_once);
    }

    pub(super) fn requests(&self) -> watch::Receiver<bool> {
        self.requested.subscribe()
    }
}
