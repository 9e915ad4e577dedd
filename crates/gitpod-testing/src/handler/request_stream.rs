//! The messages of a client that streams, as they come.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use connect_hyper::{Code, Message};
use futures_core::Stream;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::connect::codec::Codec;
use crate::connect::compression::Compression;
use crate::connect::envelope::Unpacker;
use crate::connect::error::ServerError;

/// How long, and how many times a message's limit, is read of what nobody wants any more.
const DRAIN_TIME: Duration = Duration::from_secs(5);
const DRAIN_LIMITS: usize = 8;

/// The messages that a client streams, for the handlers of
/// [`ClientStreaming`](connect_hyper::ClientStreaming) and [`Bidi`](connect_hyper::Bidi) methods.
///
/// They are read from the connection when they are asked for, so a handler that doesn't ask
/// holds its client up. After an error comes the end. The errors:
///
/// - `invalid_argument`: a message that can't be decoded, or an envelope that is malformed or cut
///   short;
/// - `resource_exhausted`: a message over the server's limit;
/// - `internal`: a compressed message, and no header that names the compression;
/// - `canceled`: the client left. A handler that waits for something else is dropped then.
pub struct RequestStream<T> {
    received: Received,
    codec: Codec,
    message: PhantomData<fn() -> T>,
}

impl<T: Message> RequestStream<T> {
    pub(super) fn new(received: Received, codec: Codec) -> Self {
        Self {
            received,
            codec,
            message: PhantomData,
        }
    }

    /// The next message; none when the client has sent them all.
    ///
    /// # Errors
    ///
    /// As above. After one comes the end.
    pub async fn message(&mut self) -> Result<Option<T>, ServerError> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx))
            .await
            .transpose()
    }
}

impl<T: Message> Stream for RequestStream<T> {
    type Item = Result<T, ServerError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let message = match ready!(this.received.poll_message(cx)) {
            None => return Poll::Ready(None),
            Some(message) => message.and_then(|message| this.codec.decode(&message)),
        };
        if message.is_err() {
            this.received.let_go();
        }
        Poll::Ready(Some(message))
    }
}

impl<T> fmt::Debug for RequestStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestStream")
            .field("codec", &self.codec)
            .finish_non_exhaustive()
    }
}

/// The body of a streaming call, taken apart into its messages.
pub(crate) struct Received {
    /// None once it has ended, or failed.
    body: Option<Incoming>,
    unpacker: Unpacker,
    /// How much is read and thrown away of what nobody wants any more.
    drain: usize,
}

impl Received {
    /// Over HTTP/1.1 (`drains`) what is left unread when the call is over is read in the
    /// background, to some length: the client may be in the middle of its sending, and would see
    /// a broken pipe in place of the answer. HTTP/2 has a way to say it.
    pub(crate) fn new(body: Incoming, limit: usize, drains: bool) -> Self {
        Self {
            body: Some(body),
            unpacker: Unpacker::new(None, limit),
            drain: if drains {
                limit.saturating_mul(DRAIN_LIMITS)
            } else {
                0
            },
        }
    }

    /// Says how messages are compressed, before the first one is read.
    pub(crate) fn compressed(&mut self, compression: Option<Compression>) {
        self.unpacker.compressed(compression);
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ServerError>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let failed = loop {
            match self.unpacker.next() {
                Ok(None) => {}
                Ok(Some(message)) => return Poll::Ready(Some(Ok(message))),
                Err(error) => break error,
            }
            match ready!(Pin::new(&mut *body).poll_frame(cx)) {
                // Trailers of a request mean nothing in this protocol.
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.unpacker.push(data);
                    }
                }
                Some(Err(_)) => break ServerError::new(Code::Canceled, "the client left"),
                None => {
                    self.body = None;
                    return Poll::Ready(self.unpacker.finish().err().map(Err));
                }
            }
        };
        self.let_go();
        Poll::Ready(Some(Err(failed)))
    }

    /// The message of a call that has one.
    ///
    /// # Errors
    ///
    /// `unimplemented` where there is none or more than one.
    pub(super) async fn only_message(&mut self) -> Result<Bytes, ServerError> {
        let mut next = async || {
            let message = std::future::poll_fn(|cx| self.poll_message(cx)).await;
            message.transpose()
        };
        let Some(message) = next().await? else {
            let what = "the request has no message, and its method takes one";
            return Err(ServerError::new(Code::Unimplemented, what));
        };
        if next().await?.is_some() {
            let what = "the request has more than one message, and its method takes one";
            return Err(ServerError::new(Code::Unimplemented, what));
        }
        Ok(message)
    }

    /// Ends it before its time.
    fn let_go(&mut self) {
        let (Some(mut body), drain) = (self.body.take(), self.drain) else {
            return;
        };
        if drain == 0 || body.is_end_stream() {
            return;
        }
        let reading = async move {
            let mut length = 0;
            while let Some(Ok(frame)) = body.frame().await {
                length += frame.data_ref().map_or(0, Bytes::len);
                if length > drain {
                    return;
                }
            }
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(DRAIN_TIME, reading));
        }
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.let_go();
    }
}
