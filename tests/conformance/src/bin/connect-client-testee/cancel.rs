//! When the suite wants a call to be canceled.

use std::future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use conformance::proto::ClientCompatRequest;
use conformance::proto::client_compat_request::cancel::CancelTiming;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// Cancels a call at the time that its request says.
pub(crate) struct Cancel {
    timing: Option<CancelTiming>,
    /// Sends when to cancel, once that is known.
    when: Option<oneshot::Sender<Instant>>,
}

impl Cancel {
    /// Also returns what the call is to be canceled on.
    pub(crate) fn new(
        request: &ClientCompatRequest,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let timing = request.cancel.map(|cancel| {
            // Without a time, it is at once when all is sent.
            cancel
                .cancel_timing
                .unwrap_or(CancelTiming::AfterCloseSendMs(0))
        });
        let (sender, when) = oneshot::channel();
        let signal = async move {
            match when.await {
                Ok(when) => until(when).await,
                Err(_) => future::pending().await,
            }
        };
        let cancel = Self {
            timing,
            when: Some(sender),
        };
        (cancel, signal)
    }

    /// So many responses have come.
    pub(crate) fn received(&mut self, responses: usize) {
        if let Some(CancelTiming::AfterNumResponses(number)) = self.timing
            && number as usize == responses
        {
            self.after(0);
        }
    }

    /// The one request is on its way, and with it the end of the requests.
    pub(crate) fn sent(&mut self) {
        if let Some(CancelTiming::AfterCloseSendMs(millis)) = self.timing {
            self.after(millis);
        }
    }

    /// All requests are sent: ends their stream, or cancels the call instead. Until the call is over,
    /// what is returned keeps a stream of requests open that is not to end.
    pub(crate) fn close<T>(&mut self, requests: mpsc::Sender<T>) -> Option<mpsc::Sender<T>> {
        if let Some(CancelTiming::BeforeCloseSend(_)) = self.timing {
            self.after(0);
            return Some(requests);
        }
        drop(requests);
        self.sent();
        None
    }

    fn after(&mut self, millis: u32) {
        if let Some(when) = self.when.take() {
            // A call that is over by now has nothing to cancel.
            let _ = when.send(Instant::now() + Duration::from_millis(millis.into()));
        }
    }
}

/// Waits, and looks at the clock each time that it is asked: on a busy machine a timer fires late, and
/// a response that came meanwhile must not be taken for one that came before.
async fn until(when: Instant) {
    let mut timer = pin!(sleep_until(when));
    future::poll_fn(|cx| {
        if when <= Instant::now() {
            Poll::Ready(())
        } else {
            timer.as_mut().poll(cx)
        }
    })
    .await;
}
