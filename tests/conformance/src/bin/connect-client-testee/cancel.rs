//! When the suite wants a call to be canceled.

use std::sync::Arc;
use std::time::Duration;

use conformance::proto::ClientCompatRequest;
use conformance::proto::client_compat_request::cancel::CancelTiming;
use tokio::sync::{Notify, mpsc};

/// Cancels a call at the time that its request says.
pub(crate) struct Cancel {
    timing: Option<CancelTiming>,
    signal: Arc<Notify>,
}

impl Cancel {
    pub(crate) fn new(request: &ClientCompatRequest) -> Self {
        let timing = request.cancel.map(|cancel| {
            // Without a time, it is at once when all is sent.
            cancel
                .cancel_timing
                .unwrap_or(CancelTiming::AfterCloseSendMs(0))
        });
        Self {
            timing,
            signal: Arc::default(),
        }
    }

    /// What the call is to be canceled on.
    pub(crate) fn signal(&self) -> impl Future<Output = ()> + Send + 'static {
        let signal = self.signal.clone();
        async move { signal.notified().await }
    }

    /// So many responses have come.
    pub(crate) fn received(&self, responses: usize) {
        if let Some(CancelTiming::AfterNumResponses(number)) = self.timing
            && number as usize == responses
        {
            self.signal.notify_one();
        }
    }

    /// The one request is on its way, and with it the end of the requests.
    pub(crate) fn sent(&self) {
        if let Some(CancelTiming::AfterCloseSendMs(millis)) = self.timing {
            let signal = self.signal.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(millis.into())).await;
                signal.notify_one();
            });
        }
    }

    /// All requests are sent: ends their stream, or cancels the call instead. Until the call is over,
    /// what is returned keeps a stream of requests open that is not to end.
    pub(crate) fn close<T>(&self, requests: mpsc::Sender<T>) -> Option<mpsc::Sender<T>> {
        if let Some(CancelTiming::BeforeCloseSend(_)) = self.timing {
            self.signal.notify_one();
            return Some(requests);
        }
        drop(requests);
        self.sent();
        None
    }
}
