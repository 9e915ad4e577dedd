//! How many connections lie idle to an origin, and for how long. No clock is read for a call: the
//! task that closes old connections counts the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

/// How finely ages are told: a connection is closed when it has been idle for its time, and a
/// fourth of it at most.
const TICKS: u32 = 4;
/// How often connections are looked at, at most.
const LEAST_TICK: Duration = Duration::from_millis(50);

/// What is allowed, and what is.
#[derive(Debug)]
pub(super) struct Idleness {
    max_idle: usize,
    tick: Duration,
    now: AtomicU32,
    idle: AtomicUsize,
    waiting: AtomicUsize,
}

/// A call that waits for a connection. As many as there are such calls aren't idle for long.
#[derive(Debug)]
pub(super) struct Waiting(Arc<Idleness>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// When something was last in use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Since(u32);

impl Idleness {
    pub(super) fn new(timeout: Duration, max_idle: usize) -> Self {
        Self {
            // What may not age at all isn't kept.
            max_idle: if timeout.is_zero() { 0 } else { max_idle },
            tick: (timeout / TICKS).max(LEAST_TICK),
            now: AtomicU32::new(0),
            idle: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
        }
    }

    /// How long to wait before [`pass`](Self::pass).
    pub(super) fn tick(&self) -> Duration {
        self.tick
    }

    /// Time has passed.
    pub(super) fn pass(&self) {
        self.now.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> Since {
        Since(self.now.load(Ordering::Relaxed))
    }

    pub(super) fn is_too_long(&self, since: Since) -> bool {
        self.now().0.wrapping_sub(since.0) > TICKS
    }

    /// Whether one more may be kept; if so, it is counted.
    pub(super) fn keep(&self) -> bool {
        if self.idle.fetch_add(1, Ordering::Relaxed) < self.limit() {
            return true;
        }
        self.release();
        false
    }

    /// Whether more are kept than may be: a call that one was kept for got another one.
    pub(super) fn is_over(&self) -> bool {
        self.idle.load(Ordering::Relaxed) > self.limit()
    }

    fn limit(&self) -> usize {
        let waiting = self.waiting.load(Ordering::Relaxed);
        self.max_idle.saturating_add(waiting)
    }

    /// A call waits from now on.
    pub(super) fn wait(self: &Arc<Self>) -> Waiting {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(Arc::clone(self))
    }

    /// One that was kept is in use again, or closed.
    pub(super) fn release(&self) {
        self.idle.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_limit_are_kept() {
        let idleness = Idleness::new(Duration::from_secs(1), 2);
        assert!(idleness.keep() && idleness.keep() && !idleness.keep());
        idleness.release();
        assert!(idleness.keep() && !idleness.keep());
        assert!(!Idleness::new(Duration::ZERO, 2).keep());
    }

    #[test]
    fn what_calls_wait_for_is_kept_beyond_the_limit() {
        let idleness = Arc::new(Idleness::new(Duration::from_secs(1), 1));
        let waiting = idleness.wait();
        assert!(idleness.keep() && idleness.keep() && !idleness.keep());
        assert!(!idleness.is_over());
        drop(waiting);
        assert!(idleness.is_over());
        idleness.release();
        assert!(!idleness.keep());
    }

    #[test]
    fn ages() {
        let idleness = Idleness::new(Duration::from_secs(8), 1);
        assert_eq!(idleness.tick(), Duration::from_secs(2));
        // Counting starts anew beyond the largest number.
        idleness.now.store(u32::MAX - 1, Ordering::Relaxed);
        let since = idleness.now();
        for _ in 0..TICKS {
            idleness.pass();
            assert!(!idleness.is_too_long(since));
        }
        idleness.pass();
        assert!(idleness.is_too_long(since));
    }
}
