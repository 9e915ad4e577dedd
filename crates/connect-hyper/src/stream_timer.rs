//! The limits on a stream's time.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::Code;
use crate::deadline::Deadline;
use crate::error::Error;

/// Ends a stream at its deadline, or when it has been silent for too long.
pub(crate) struct Timer {
    deadline: Deadline,
    idle: Option<Duration>,
    last: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Timer {
    pub(crate) fn new(deadline: Deadline, idle: Option<Duration>) -> Self {
        Self {
            deadline,
            idle,
            last: Instant::now(),
            sleep: None,
        }
    }

    /// Something has arrived.
    pub(crate) fn touch(&mut self) {
        if self.idle.is_some() || self.deadline.at().is_some() {
            self.last = Instant::now();
        }
    }

    /// Whether what arrived last came behind the deadline.
    pub(crate) fn is_late(&self) -> bool {
        self.deadline.at().is_some_and(|at| at <= self.last)
    }

    /// The error of a stream that has outlived its deadline.
    pub(crate) fn deadline_passed(&self) -> Error {
        self.deadline.passed("the stream included")
    }

    /// The error of the limit that has passed.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        loop {
            let silent = self.idle.and_then(|idle| self.last.checked_add(idle));
            let Some(due) = self.deadline.at().into_iter().chain(silent).min() else {
                return Poll::Pending;
            };
            // A timer that is set too early, because something has arrived since, is set anew
            // when it fires, not with each arrival.
            let sleep = self
                .sleep
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
            ready!(sleep.as_mut().poll(cx));
            if due <= Instant::now() {
                return Poll::Ready(self.passed(due));
            }
            sleep.as_mut().reset(due);
        }
    }

    fn passed(&self, due: Instant) -> Error {
        match self.idle {
            Some(idle) if self.deadline.at() != Some(due) => Error::new(
                Code::DeadlineExceeded,
                format!("the stream was silent for {idle:?}"),
            ),
            _ => self.deadline_passed(),
        }
    }
}
