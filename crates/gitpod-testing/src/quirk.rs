//! Ways in which a service may differ.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A way in which the server differs from what is usual, all the time. See
/// [`Builder::quirk`](crate::Builder::quirk).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Quirk {
    /// The answer to a regenerate tells the expiry in nanoseconds, and what is kept of it are
    /// microseconds.
    ExpiryKeptInMicroseconds,
    /// The answer tells the expiry in microseconds, and what is kept of it are whole seconds.
    ExpiryKeptInSeconds,
    /// No answer has a `Date`.
    NoDate,
    /// A token's life is cut down to whole days, whatever was asked for.
    LifeNotKept,
}

/// The quirks of a server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quirks(Vec<Quirk>);

impl Quirks {
    pub(crate) fn add(&mut self, quirk: Quirk) {
        self.0.push(quirk);
    }

    pub(crate) fn has(&self, quirk: Quirk) -> bool {
        self.0.contains(&quirk)
    }

    /// What is told of an instant when it comes about.
    pub(crate) fn told(&self, time: SystemTime) -> SystemTime {
        if self.has(Quirk::ExpiryKeptInMicroseconds) {
            time
        } else {
            cut(time, 1000)
        }
    }

    /// What is kept of it.
    pub(crate) fn kept(&self, time: SystemTime) -> SystemTime {
        if self.has(Quirk::ExpiryKeptInSeconds) {
            cut(time, 1_000_000_000)
        } else {
            cut(time, 1000)
        }
    }

    /// The life that a token gets.
    pub(crate) fn life(&self, asked: Duration) -> Duration {
        const DAY: u64 = 86_400;
        if self.has(Quirk::LifeNotKept) {
            Duration::from_secs(asked.as_secs() / DAY * DAY)
        } else {
            asked
        }
    }
}

/// The instant in whole units of so many nanoseconds.
fn cut(time: SystemTime, unit: u32) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let nanos = since.subsec_nanos();
    UNIX_EPOCH + Duration::new(since.as_secs(), nanos - nanos % unit)
}
