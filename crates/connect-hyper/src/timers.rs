//! Timers for deadlines, used again and again.
//!
//! A timer that tokio knows is moved to a later time by one atomic store; to tell it of a new one,
//! and then that nobody needs it, costs as much as encoding a request. So the timers of calls that
//! are over wait here for the next ones, which need them later.

use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, Sleep};

/// How many are kept: more calls than that at once make their own.
const MOST: usize = 128;

/// Timers that nobody uses.
#[derive(Default)]
pub(crate) struct Timers(Mutex<Vec<Entry>>);

struct Entry {
    sleep: Pin<Box<Sleep>>,
    /// A timer dies with its runtime, and a client may be used in several.
    runtime: Id,
}

impl Timers {
    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A timer for `at`, which comes back here when it is dropped.
    pub(crate) fn at(&self, at: Instant) -> Timer<'_> {
        let runtime = Handle::current().id();
        let idle = self.lock().pop().filter(|idle| idle.runtime == runtime);
        let entry = match idle {
            Some(mut idle) => {
                idle.sleep.as_mut().reset(at);
                idle
            }
            None => Entry {
                sleep: Box::pin(tokio::time::sleep_until(at)),
                runtime,
            },
        };
        Timer {
            entry: Some(entry),
            timers: self,
        }
    }
}

/// A timer in use.
pub(crate) struct Timer<'a> {
    /// Here until it is dropped.
    entry: Option<Entry>,
    timers: &'a Timers,
}

impl Timer<'_> {
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.entry {
            Some(entry) => entry.sleep.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        let Some(entry) = self.entry.take() else {
            return;
        };
        let mut idle = self.timers.lock();
        if idle.len() < MOST {
            idle.push(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn wait(timers: &Timers, time: Duration) {
        let mut timer = timers.at(Instant::now() + time);
        std::future::poll_fn(|cx| timer.poll(cx)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn one_is_used_again_for_later_and_for_earlier() {
        let timers = Timers::default();
        let began = Instant::now();
        for seconds in [10, 20, 1, 0] {
            wait(&timers, Duration::from_secs(seconds)).await;
        }
        assert_eq!(began.elapsed().as_secs(), 31);
        assert_eq!(timers.lock().len(), 1);
        // Given up before its time.
        drop(timers.at(Instant::now() + Duration::from_secs(60)));
        wait(&timers, Duration::from_secs(1)).await;
        assert_eq!(began.elapsed().as_secs(), 32);
        assert_eq!(timers.lock().len(), 1);
    }

    #[test]
    fn one_of_a_runtime_that_is_gone_is_left() {
        let timers = Timers::default();
        for _ in 0..2 {
            tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap()
                .block_on(wait(&timers, Duration::from_millis(1)));
        }
        assert_eq!(timers.lock().len(), 1);
    }
}
