//! How much all calls of a client may retry together.

use std::sync::atomic::{AtomicU32, Ordering};

/// What there is at first, and at most.
const MAX: u32 = 500;
/// What a retry takes.
const RETRY: u32 = 5;
/// What a call that succeeds gives back.
const SUCCESS: u32 = 1;

/// A bucket of tokens. Where few calls fail it is full, and each of them may be retried; in an
/// outage it is soon empty, and the server gets each call once: with 100 retries it is over, and
/// from then on a client sends at most a fifth more than its calls.
///
/// Nothing else depends on the count, so no order of memory is needed.
#[derive(Debug)]
pub(crate) struct RetryBudget(AtomicU32);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(AtomicU32::new(MAX))
    }
}

impl RetryBudget {
    /// Pays for a retry. False if that can't be paid.
    pub(crate) fn pay(&self) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(RETRY)
            })
            .is_ok()
    }

    /// A call has succeeded.
    pub(crate) fn refund(&self) {
        // Almost always it is full: that costs one load, and no cache line moves between cores.
        if self.0.load(Ordering::Relaxed) < MAX {
            let _ = self
                .0
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    (left < MAX).then(|| left + SUCCESS)
                });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_uses_it_up() {
        let budget = RetryBudget::default();
        assert_eq!((0..1000).filter(|_| budget.pay()).count(), 100);
        assert!(!budget.pay());
    }

    #[test]
    fn five_successes_are_a_retry() {
        let budget = RetryBudget(AtomicU32::new(0));
        for _ in 0..4 {
            budget.refund();
        }
        assert!(!budget.pay());
        budget.refund();
        assert!(budget.pay());
        assert!(!budget.pay());
    }

    #[test]
    fn it_never_has_more() {
        let budget = RetryBudget::default();
        budget.refund();
        assert_eq!(budget.0.load(Ordering::Relaxed), MAX);
    }

    #[test]
    fn many_threads_at_once() {
        let budget = RetryBudget::default();
        let paid: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..100).filter(|_| budget.pay()).count()))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(paid, 100);
    }
}
