//! This side's clock, which only measures how long something took.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

/// Waits, and says how long this process has run. It decides nothing about tokens: the service's
/// own clock does. Tests put another one in its place.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time since some moment, by a clock that doesn't go back.
    fn elapsed(&self) -> Duration;

    /// Waits so long.
    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The machine's monotonic clock: setting the time doesn't move it.
#[derive(Debug)]
pub(super) struct MachineClock(Instant);

impl MachineClock {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for MachineClock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(time))
    }
}
