//! Virtual time: waiting moves the server's clock, and nothing else happens meanwhile but what is due
//! there.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gitpod_rotation::Clock;

/// The clock of the side that rotates.
#[derive(Debug, Clone)]
pub(crate) struct VirtualClock {
    server: gitpod_testing::Clock,
    millis: Arc<AtomicU64>,
}

impl VirtualClock {
    pub(crate) fn new(server: gitpod_testing::Clock) -> Self {
        Self {
            server,
            millis: Arc::default(),
        }
    }

    /// Lets time pass on both sides.
    pub(crate) async fn pass(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.millis.fetch_add(millis, Ordering::SeqCst);
        self.pass_for_the_server(time).await;
    }

    /// Lets time pass at once: what is due meanwhile is done at its end.
    pub(crate) async fn leap(&self, time: Duration) {
        self.server.advance(time);
        settle().await;
    }

    /// Lets time pass for the server alone, as when this machine sleeps.
    pub(crate) async fn pass_for_the_server(&self, mut time: Duration) {
        const STEP: Duration = Duration::from_secs(1);
        while !time.is_zero() {
            let step = time.min(STEP);
            self.server.advance(step);
            time -= step;
            settle().await;
        }
    }
}

/// What is due at the server is done before anything else.
async fn settle() {
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
}

impl Clock for VirtualClock {
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.millis.load(Ordering::SeqCst))
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.pass(time))
    }
}
