//! The server's clock, which a test can move.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// The last second of the year 9999, where protobuf's Timestamp ends, in seconds since 1970.
const LAST_SECOND: u64 = 253_402_300_799;

/// The clock that the server tells time by: tokens end by it, timestamps and the `Date` header
/// come from it.
///
/// It runs like the machine's own until a test moves or freezes it. A clone is the same clock.
/// It stays between 1970 and the end of the year 9999: moved beyond, it stops at that end.
///
/// ```
/// use gitpod_testing::Clock;
/// use std::time::{Duration, SystemTime};
///
/// let clock = Clock::fixed(SystemTime::UNIX_EPOCH + Duration::from_secs(1_577_445_551));
/// let before = clock.now();
/// clock.advance(Duration::from_secs(86_400));
/// assert_eq!(clock.now(), before + Duration::from_secs(86_400));
/// ```
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    /// Who waits for a time looks again when the clock was moved.
    moved: watch::Sender<()>,
}

struct State {
    base: SystemTime,
    /// When `base` was taken; none where the clock stands.
    since: Option<Instant>,
}

impl State {
    fn now(&self) -> SystemTime {
        let elapsed = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        clamp(self.base.checked_add(elapsed))
    }

    fn move_to(&mut self, time: SystemTime) {
        self.base = time;
        self.since = self.since.map(|_| Instant::now());
    }
}

/// A time that protobuf and `Date` can say; `None` is one too far in the future.
fn clamp(time: Option<SystemTime>) -> SystemTime {
    let last = UNIX_EPOCH + Duration::from_secs(LAST_SECOND);
    time.unwrap_or(last).clamp(UNIX_EPOCH, last)
}

impl Clock {
    /// A clock that shows the machine's time and runs.
    #[must_use]
    pub fn system() -> Self {
        Self::new(SystemTime::now(), Some(Instant::now()))
    }

    /// A clock that stands at `time` until it is moved.
    #[must_use]
    pub fn fixed(time: SystemTime) -> Self {
        Self::new(time, None)
    }

    fn new(base: SystemTime, since: Option<Instant>) -> Self {
        let base = clamp(Some(base));
        Self(Arc::new(Inner {
            state: Mutex::new(State { base, since }),
            moved: watch::Sender::new(()),
        }))
    }

    /// The time it is.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.state().now()
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.change(|state| {
            let time = clamp(state.now().checked_add(by));
            state.move_to(time);
        });
    }

    /// Moves the clock back.
    pub fn rewind(&self, by: Duration) {
        self.change(|state| {
            let time = state.now().checked_sub(by).unwrap_or(UNIX_EPOCH);
            state.move_to(clamp(Some(time)));
        });
    }

    /// Sets the clock; it runs on if it ran, and stands if it stood.
    pub fn set(&self, time: SystemTime) {
        self.change(|state| state.move_to(clamp(Some(time))));
    }

    /// Stops the clock where it is.
    pub fn freeze(&self) {
        self.change(|state| {
            state.base = state.now();
            state.since = None;
        });
    }

    /// Lets the clock run on.
    pub fn resume(&self) {
        self.change(|state| {
            state.base = state.now();
            state.since = Some(Instant::now());
        });
    }

    /// Waits until it is so late, however the clock gets there.
    pub(crate) async fn reaches(&self, time: SystemTime) {
        let mut moved = self.0.moved.subscribe();
        loop {
            let (left, runs) = {
                let state = self.state();
                let left = time.duration_since(state.now()).unwrap_or(Duration::ZERO);
                (left, state.since.is_some())
            };
            if left.is_zero() {
                return;
            }
            tokio::select! {
                // The sender lives as long as this clock.
                _ = moved.changed() => {}
                () = tokio::time::sleep(left), if runs => {}
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.0.moved.send_replace(());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Clock")
            .field("now", &state.now())
            .field("runs", &state.since.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn a_fixed_clock_moves_only_when_told() {
        let start = UNIX_EPOCH + DAY * 20_000;
        let clock = Clock::fixed(start);
        clock.advance(DAY);
        assert_eq!(clock.now(), start + DAY);
        clock.rewind(DAY * 2);
        assert_eq!(clock.now(), start - DAY);
        clock.set(start);
        assert_eq!(clock.clone().now(), start);
    }

    #[test]
    fn a_running_clock_runs_on_after_a_move_and_can_be_stopped() {
        let clock = Clock::system();
        clock.advance(DAY);
        let first = clock.now();
        std::thread::sleep(Duration::from_millis(5));
        assert!(clock.now() > first);
        clock.freeze();
        let frozen = clock.now();
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(clock.now(), frozen);
        clock.resume();
        std::thread::sleep(Duration::from_millis(5));
        assert!(clock.now() > frozen);
    }

    #[tokio::test]
    async fn a_time_is_waited_for_by_this_clock() {
        let start = UNIX_EPOCH + DAY * 20_000;
        let clock = Clock::fixed(start);
        clock.reaches(start).await;
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move { clock.reaches(start + DAY).await }
        });
        clock.advance(DAY / 2);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(!waiting.is_finished());
        clock.advance(DAY / 2);
        waiting.await.unwrap();
        let running = Clock::system();
        running
            .reaches(running.now() + Duration::from_millis(5))
            .await;
    }

    #[test]
    fn it_stays_within_what_a_timestamp_can_say() {
        let clock = Clock::fixed(UNIX_EPOCH + DAY);
        clock.rewind(DAY * 2);
        assert_eq!(clock.now(), UNIX_EPOCH);
        clock.advance(Duration::MAX);
        let last = clock.now();
        assert_eq!(last, UNIX_EPOCH + Duration::from_secs(LAST_SECOND));
        clock.advance(DAY);
        assert_eq!(clock.now(), last);
    }
}
