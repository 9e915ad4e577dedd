//! How often to try again, for how long, and after which errors.

use std::pin::Pin;
use std::time::Duration;

use connect_hyper::{Code, Error, RetryPolicy};
use tokio::time::{Instant, Sleep};

/// How long a stream lives that broke off for no reason of its own: behind it, waits begin anew.
pub(super) const STABLE: Duration = Duration::from_secs(30);

/// Failures in a row.
#[derive(Debug)]
pub(super) struct Outage {
    pub(super) policy: RetryPolicy,
    /// None: no end.
    pub(super) limit: Option<Duration>,
    failures: u32,
    since: Option<Instant>,
    /// The last failure that wasn't the end.
    pub(super) last: Option<Error>,
}

impl Default for Outage {
    fn default() -> Self {
        Self {
            policy: RetryPolicy::default()
                .backoff(Duration::from_millis(100), Duration::from_secs(30)),
            limit: Some(Duration::from_secs(15 * 60)),
            failures: 0,
            since: None,
            last: None,
        }
    }
}

impl Outage {
    /// It works again. For how long isn't known, so waits don't begin anew.
    pub(super) fn interrupted(&mut self) {
        self.since = None;
        self.last = None;
    }

    /// It works again.
    pub(super) fn over(&mut self) {
        self.interrupted();
        self.failures = 0;
    }

    /// What was open for this long has ended, with an error or without.
    ///
    /// # Errors
    ///
    /// That error, if trying again won't mend it, or if it has been tried for long enough.
    pub(super) fn lost(
        &mut self,
        error: Option<Error>,
        lived: Duration,
    ) -> Result<Pin<Box<Sleep>>, Error> {
        if lived >= STABLE {
            self.failures = 0;
        }
        match error {
            Some(error) if !may_end_better(&error, lived) => return Err(error),
            Some(error) => self.last = Some(error),
            None => {}
        }
        self.failures = self.failures.saturating_add(1);
        let wait = self.policy.wait_after(self.failures, self.last.as_ref());
        let since = *self.since.get_or_insert_with(Instant::now);
        let silent = since.elapsed().saturating_add(wait);
        if self.limit.is_some_and(|limit| silent > limit) {
            return Err(self.last.take().unwrap_or_else(|| {
                Error::new(
                    Code::Unavailable,
                    "the stream ended, and there was no time for another",
                )
            }));
        }
        Ok(Box::pin(tokio::time::sleep(wait)))
    }
}

/// Whether the same may end better the next time.
fn may_end_better(error: &Error, lived: Duration) -> bool {
    match error.code() {
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Internal
        | Code::Unknown
        | Code::Aborted => true,
        // Ours say that a message is too large, and that the caller doesn't want any more.
        Code::ResourceExhausted | Code::Canceled => error.is_from_server(),
        // A credential that was good for a while may have expired, and another may be had.
        Code::Unauthenticated => lived >= STABLE,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: Code) -> Option<Error> {
        Some(Error::new(code, "it failed"))
    }

    #[tokio::test(start_paused = true)]
    async fn waits_grow_until_it_has_worked_for_a_while() {
        let mut outage = Outage {
            limit: None,
            ..Outage::default()
        };
        for _ in 0..1000 {
            drop(
                outage
                    .lost(error(Code::Unavailable), Duration::ZERO)
                    .unwrap(),
            );
            // Open, and gone again at once.
            outage.interrupted();
        }
        assert_eq!(outage.failures, 1000);
        drop(outage.lost(None, STABLE).unwrap());
        assert_eq!(outage.failures, 1);
        let most = Instant::now() + Duration::from_millis(100);
        assert!(outage.lost(None, STABLE).unwrap().deadline() <= most);
        outage.over();
        assert_eq!(outage.failures, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_lasts_for_too_long_is_given_up_with_the_last_error() {
        let mut outage = Outage {
            limit: Some(Duration::from_secs(60)),
            ..Outage::default()
        };
        let began = Instant::now();
        let given_up = loop {
            match outage.lost(error(Code::Unavailable), Duration::ZERO) {
                Ok(wait) => wait.await,
                Err(error) => break error,
            }
        };
        assert_eq!(given_up.code(), Code::Unavailable);
        assert_eq!(given_up.message(), "it failed");
        assert!((30..=60).contains(&began.elapsed().as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_that_is_over_does_not_count() {
        let mut outage = Outage {
            limit: Some(Duration::from_secs(60)),
            ..Outage::default()
        };
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_secs(50)).await;
            drop(outage.lost(None, STABLE).unwrap());
            tokio::time::sleep(Duration::from_secs(50)).await;
            outage.interrupted();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_will_not_mend_is_the_end() {
        let fails = |code, lived| Outage::default().lost(error(code), lived).is_err();
        for code in [
            Code::Unauthenticated,
            Code::PermissionDenied,
            Code::InvalidArgument,
            Code::NotFound,
            Code::FailedPrecondition,
            Code::Unimplemented,
            Code::Canceled,
            Code::ResourceExhausted,
        ] {
            assert!(fails(code, Duration::ZERO), "{code}");
        }
        for code in [
            Code::Unavailable,
            Code::DeadlineExceeded,
            Code::Internal,
            Code::Unknown,
            Code::Aborted,
        ] {
            assert!(!fails(code, Duration::ZERO), "{code}");
        }
        assert!(!fails(Code::Unauthenticated, STABLE));
        assert!(fails(Code::PermissionDenied, STABLE));
    }
}
