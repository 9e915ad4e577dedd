//! How often a call is executed, and when.

use std::time::Duration;

use super::{Delivery, Fault, Loss};
use crate::net::connection::Ending;

/// How often the call is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Executions {
    /// Not at all.
    None,
    Once,
    /// Twice, and the first execution's answer goes out.
    TwiceFirst,
    /// Twice, and the second execution's answer goes out.
    TwiceSecond,
    /// Not now, but so much later by the server's clock.
    Late(Duration),
    /// Now, and once more so much later by the server's clock.
    AgainLate(Duration),
    /// Once, by what was there before the last change.
    Stale,
}

tokio::task_local! {
    static STALE: ();
}

/// Runs what reads the state as it was before.
pub(crate) async fn stale<T>(reading: impl Future<Output = T>) -> T {
    STALE.scope((), reading).await
}

/// Whether the state is to be shown as it was before its last change.
pub(crate) fn is_stale() -> bool {
    STALE.try_with(|()| ()).is_ok()
}

/// Executions.
impl Fault {
    /// The call is executed first: for answers of somebody else, such as
    /// `Fault::html(StatusCode::GATEWAY_TIMEOUT).executed()`.
    pub fn executed(mut self) -> Self {
        self.executions = Some(Executions::Once);
        self
    }

    /// The call is executed twice, as by a proxy that repeats it; the second execution's answer
    /// is the one that goes out. A stream can't be repeated, and is executed once.
    pub fn executed_twice(mut self) -> Self {
        self.executions = Some(Executions::TwiceSecond);
        self
    }

    /// The call is executed twice, and the first execution's answer goes out: with Regenerate, a
    /// token that is dead already. A stream is executed once.
    pub fn executed_again_unseen(mut self) -> Self {
        self.executions = Some(Executions::TwiceFirst);
        self
    }

    /// The connection ends (by a reset) when the request is there, and the call is executed so much
    /// later by the [`Clock`](crate::Clock): something on the way held it back. Nobody gets its
    /// answer. Without effect on streams, which are executed at once.
    pub fn executed_late(delay: Duration) -> Self {
        Self {
            executions: Some(Executions::Late(delay)),
            ..Self::delivered(Delivery::Lost(Loss::Connection(Ending::Reset)))
        }
    }

    /// The call is executed and answered, and executed once more so much later by the
    /// [`Clock`](crate::Clock). A stream is executed once.
    pub fn executed_again_late(delay: Duration) -> Self {
        Self {
            executions: Some(Executions::AgainLate(delay)),
            ..Self::new()
        }
    }

    /// `GetSCIMConfiguration` and `ListSCIMConfigurations` show a configuration as it was before its
    /// token was replaced last, as a replica does that lags behind. Other calls are as they are.
    pub fn stale_read() -> Self {
        Self {
            executions: Some(Executions::Stale),
            ..Self::new()
        }
    }
}
