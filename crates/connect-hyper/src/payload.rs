//! What a call sends, for as many attempts as there are.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_core::Stream;

use crate::body::{Pieces, RequestBody};
use crate::error::{BoxError, Error, Execution};
use crate::transport;

/// A body that can be sent again, or only as long as nobody has asked it for anything.
pub(crate) enum Payload {
    Message(Bytes),
    Stream(Source),
}

/// A stream of requests, which its attempts share.
#[derive(Clone)]
pub(crate) struct Source(Arc<Mutex<Shared>>);

impl Source {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the call is over. If it isn't, whoever asks is woken when it is.
    pub(crate) fn is_over(&self, cx: &Context<'_>) -> bool {
        let mut requests = self.lock();
        if !matches!(&requests.sender, Some(known) if known.will_wake(cx.waker())) {
            requests.sender = Some(cx.waker().clone());
        }
        requests.is_over
    }
}

#[derive(Default)]
struct Shared {
    /// Here until somebody asks for the first piece.
    pieces: Option<Pieces>,
    /// The call is over, and nobody wants what comes.
    is_over: bool,
    /// Who sends them.
    sender: Option<Waker>,
    /// Why there is no next one, if one of them can't be sent.
    failure: Option<Error>,
}

/// Ends the sending of requests when it is dropped. The connection alone doesn't: over HTTP/2 it
/// lets the requests outlive their response.
pub(crate) struct Sending(Option<Source>);

impl Sending {
    /// What ended a call on this side: a request that couldn't be sent, if there was one, for `error`
    /// is then what the connection makes of that. HTTP/2 tells nobody why.
    pub(crate) fn cause(&self, error: Error) -> Error {
        let failure = self
            .0
            .as_ref()
            .and_then(|source| source.lock().failure.take());
        match failure {
            Some(failure) if !error.is_from_server() => failure
                // Those before it have left.
                .with_execution(Execution::Ambiguous)
                .with_attempts(error.attempts(), error.elapsed()),
            _ => error,
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let Some(source) = &self.0 else { return };
        let mut requests = source.lock();
        requests.is_over = true;
        // Outside the lock, for both are the user's.
        let (pieces, sender) = (requests.pieces.take(), requests.sender.take());
        drop(requests);
        drop(pieces);
        if let Some(sender) = sender {
            sender.wake();
        }
    }
}

impl Payload {
    /// What a body is made of.
    pub(crate) fn of(body: RequestBody) -> Self {
        match body.into_content() {
            Ok(message) => Self::Message(message),
            Err(pieces) => Self::stream(pieces),
        }
    }

    pub(crate) fn stream(pieces: Pieces) -> Self {
        Self::Stream(Source(Arc::new(Mutex::new(Shared {
            pieces: Some(pieces),
            ..Shared::default()
        }))))
    }

    /// What the sending of a stream lasts as long as.
    pub(crate) fn sending(&self) -> Sending {
        Sending(match self {
            Payload::Message(_) => None,
            Payload::Stream(source) => Some(source.clone()),
        })
    }

    /// The body for an attempt. None if a stream has begun in an earlier one.
    pub(crate) fn body(&self) -> Option<RequestBody> {
        match self {
            Payload::Message(message) => Some(RequestBody::full(message.clone())),
            Payload::Stream(source) if self.can_repeat() => {
                Some(RequestBody::stream(Box::pin(Lazy {
                    source: source.clone(),
                    begun: None,
                    at_once: 0,
                })))
            }
            Payload::Stream(_) => None,
        }
    }

    pub(crate) fn can_repeat(&self) -> bool {
        match self {
            Payload::Message(_) => true,
            Payload::Stream(source) => source.lock().pieces.is_some(),
        }
    }

    /// The length in bytes, of what has one.
    pub(crate) fn len(&self) -> Option<usize> {
        match self {
            Payload::Message(message) => Some(message.len()),
            Payload::Stream(_) => None,
        }
    }
}

/// How much is handed out in one go. Requests may come faster than a connection writes, which would see
/// to nothing else then: neither to the response, nor to anybody else who waits for its thread.
const AT_ONCE: usize = 64 << 10;

/// Takes the stream when it is asked for its first piece, so that an attempt that comes to no
/// connection leaves it as it was.
struct Lazy {
    source: Source,
    begun: Option<Pieces>,
    /// How much was handed out since the last pause.
    at_once: usize,
}

impl Stream for Lazy {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.source.is_over(cx) {
            this.begun = None;
            return Poll::Ready(Some(Err(canceled())));
        }
        if this.at_once >= AT_ONCE {
            this.at_once = 0;
            // Until the runtime has seen to all that has happened meanwhile.
            ready!(pin!(tokio::task::yield_now()).poll(cx));
        }
        if this.begun.is_none() {
            // If this goes through layers, the call's own stream says so last.
            transport::look_at(&this.source);
            this.begun = this.source.lock().pieces.take();
        }
        let Some(pieces) = &mut this.begun else {
            return Poll::Ready(Some(Err("the stream of requests went elsewhere".into())));
        };
        let piece = ready!(pieces.as_mut().poll_next(cx));
        Poll::Ready(match piece {
            Some(Ok(piece)) => {
                this.at_once += piece.len();
                Some(Ok(piece))
            }
            Some(Err(error)) => {
                this.begun = None;
                Some(Err(match error.downcast() {
                    Ok(failure) => {
                        this.source.lock().failure = Some(*failure);
                        canceled()
                    }
                    Err(error) => error,
                }))
            }
            None => None,
        })
    }
}

/// What HTTP/2 resets a stream with that is given up.
fn canceled() -> BoxError {
    h2::Error::from(h2::Reason::CANCEL).into()
}
