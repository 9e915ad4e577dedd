//! The deadline of a call, here and on the wire.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::HeaderValue;
use pin_project_lite::pin_project;
use tokio::time::Instant;

use crate::Code;
use crate::error::{Error, Execution};
use crate::metadata;
use crate::timers::{Timer, Timers};

/// When a call must be complete, connection and body included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    began: Instant,
    /// None: it never ends.
    whole: Option<Duration>,
}

impl Deadline {
    pub(crate) fn after(timeout: Option<Duration>) -> Self {
        Self {
            began: Instant::now(),
            whole: timeout,
        }
    }

    /// Runs `work` until the deadline. `phase` says what was going on when it passed.
    pub(crate) fn enforce<'a, T, F: Future<Output = Result<T, Error>>>(
        self,
        timers: &'a Timers,
        phase: &'static str,
        work: F,
    ) -> Enforced<'a, F> {
        Enforced {
            work,
            deadline: self,
            phase,
            timers,
            timer: None,
        }
    }

    /// The error of a call that this deadline ended.
    pub(crate) fn passed(self, phase: &'static str) -> Error {
        Error::new(
            Code::DeadlineExceeded,
            format!(
                "not complete after {:?}, {phase}",
                self.whole.unwrap_or_default()
            ),
        )
        .with_execution(Execution::Ambiguous)
    }

    /// When its time began to run.
    pub(crate) fn began(self) -> Instant {
        self.began
    }

    /// When it ends. None: never, or later than a clock can tell.
    pub(crate) fn at(self) -> Option<Instant> {
        self.began.checked_add(self.whole?)
    }

    /// An error if there is no time at all.
    pub(crate) fn check(self) -> Result<(), Error> {
        match self.whole {
            Some(Duration::ZERO) => Err(Error::new(
                Code::DeadlineExceeded,
                "the deadline had passed before the request was sent",
            )),
            _ => Ok(()),
        }
    }

    /// The value of `connect-timeout-ms`, if there is one to send. `has_just_begun` spares a look at the
    /// clock.
    pub(crate) fn header(self, known: &TimeoutHeader, has_just_begun: bool) -> Option<HeaderValue> {
        let at = self.at()?;
        let left = if has_just_begun {
            self.whole?
        } else {
            at.saturating_duration_since(Instant::now())
        };
        timeout_ms(left).and_then(|millis| known.of(millis))
    }
}

/// The value of `connect-timeout-ms` that was sent last: most calls of a client have the same time.
#[derive(Default)]
pub(crate) struct TimeoutHeader(Mutex<Option<(u64, HeaderValue)>>);

impl TimeoutHeader {
    fn of(&self, millis: u64) -> Option<HeaderValue> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, value)) if *known == millis => Some(value.clone()),
            _ => {
                let value = metadata::number(millis)?;
                *last = Some((millis, value.clone()));
                Some(value)
            }
        }
    }
}

pin_project! {
    /// Work that a deadline ends. A future by hand, for an `async` function would hold the work
    /// twice.
    pub(crate) struct Enforced<'a, F> {
        #[pin]
        work: F,
        deadline: Deadline,
        phase: &'static str,
        timers: &'a Timers,
        timer: Option<Timer<'a>>,
    }
}

impl<T, F: Future<Output = Result<T, Error>>> Future for Enforced<'_, F> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(result) = this.work.poll(cx) {
            return Poll::Ready(result);
        }
        let timer = match this.timer {
            Some(timer) => timer,
            None => match this.deadline.at() {
                Some(at) => this.timer.insert(this.timers.at(at)),
                None => return Poll::Pending,
            },
        };
        ready!(timer.poll(cx));
        Poll::Ready(Err(this.deadline.passed(this.phase)))
    }
}

/// Checklist 3: whole milliseconds, never rounded up, at most 10 digits, and never 0. Below one
/// millisecond there is nothing to send, and the deadline is enforced here all the same.
fn timeout_ms(left: Duration) -> Option<u64> {
    match left.as_millis() {
        0 => None,
        millis => Some(u64::try_from(millis).unwrap_or(u64::MAX).min(9_999_999_999)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checklist 3.
    #[test]
    fn on_the_wire() {
        for (left, expected) in [
            (Duration::ZERO, None),
            (Duration::from_nanos(1), None),
            (Duration::from_micros(999), None),
            (Duration::from_millis(1), Some(1)),
            (Duration::from_micros(1999), Some(1)),
            (Duration::from_secs(30), Some(30_000)),
            (Duration::from_millis(9_999_999_999), Some(9_999_999_999)),
            (Duration::from_millis(10_000_000_000), Some(9_999_999_999)),
            (Duration::MAX, Some(9_999_999_999)),
        ] {
            assert_eq!(timeout_ms(left), expected, "{left:?}");
        }
    }

    #[test]
    fn no_deadline_no_header() {
        assert!(
            Deadline::after(None)
                .header(&TimeoutHeader::default(), true)
                .is_none()
        );
        assert!(Deadline::after(None).check().is_ok());
        // Too far away for the clock: the same as none.
        assert!(Deadline::after(Some(Duration::MAX)).check().is_ok());
    }

    #[test]
    fn zero_is_over_before_it_starts() {
        let error = Deadline::after(Some(Duration::ZERO)).check().unwrap_err();
        assert_eq!(error.code(), Code::DeadlineExceeded);
        assert!(!error.may_have_executed());
    }
}
