//! Giving a call up from elsewhere than where it is awaited.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::Code;
use crate::error::{Error, Execution};

/// What ends a call when it completes; by default nothing does.
#[derive(Default)]
pub(crate) struct Signal(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Signal {
    pub(crate) fn new(signal: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(Box::pin(signal)))
    }

    /// The error of a call that the signal has ended.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let Some(signal) = &mut self.0 else {
            return Poll::Pending;
        };
        signal.as_mut().poll(cx).map(|()| {
            self.0 = None;
            Error::new(Code::Canceled, "canceled on this side")
        })
    }

    /// Does `work` until the signal. Work that has not begun by then is not begun, so that nothing
    /// is sent.
    pub(crate) async fn end<T>(
        &mut self,
        mut work: Pin<&mut impl Future<Output = Result<T, Error>>>,
    ) -> Result<T, Error> {
        let mut execution = Execution::NotSent;
        poll_fn(|cx| {
            if let Poll::Ready(error) = self.poll(cx) {
                return Poll::Ready(Err(error.with_execution(execution)));
            }
            execution = Execution::Ambiguous;
            work.as_mut().poll(cx)
        })
        .await
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal").finish_non_exhaustive()
    }
}
