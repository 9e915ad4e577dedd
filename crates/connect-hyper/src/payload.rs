//! What a call sends, for as many attempts as there are.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_core::Stream;

use crate::body::{Pieces, RequestBody};
use crate::error::BoxError;

/// A body that can be sent again, or only as long as nobody has asked it for anything.
pub(crate) enum Payload {
    Message(Bytes),
    Stream(Source),
}

/// A stream of requests, which its attempts share.
type Source = Arc<Mutex<Shared>>;

#[derive(Default)]
pub(crate) struct Shared {
    /// Here until somebody asks for the first piece.
    pieces: Option<Pieces>,
    /// The call is over, and nobody wants what comes.
    is_over: bool,
    /// Who sends them.
    sender: Option<Waker>,
}

/// Ends the sending of requests when it is dropped. The connection alone doesn't: over HTTP/2 it
/// lets the requests outlive their response.
pub(crate) struct Sending(Option<Source>);

impl Drop for Sending {
    fn drop(&mut self) {
        let Some(source) = &self.0 else { return };
        let mut requests = lock(source);
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
        Self::Stream(Arc::new(Mutex::new(Shared {
            pieces: Some(pieces),
            ..Shared::default()
        })))
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
                })))
            }
            Payload::Stream(_) => None,
        }
    }

    pub(crate) fn can_repeat(&self) -> bool {
        match self {
            Payload::Message(_) => true,
            Payload::Stream(source) => lock(source).pieces.is_some(),
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

fn lock(source: &Source) -> MutexGuard<'_, Shared> {
    source.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the stream when it is asked for its first piece, so that an attempt that comes to no
/// connection leaves it as it was.
struct Lazy {
    source: Source,
    begun: Option<Pieces>,
}

impl Stream for Lazy {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let mut requests = lock(&this.source);
        if requests.is_over {
            drop(requests);
            this.begun = None;
            // What HTTP/2 resets the stream with.
            return Poll::Ready(Some(Err(h2::Error::from(h2::Reason::CANCEL).into())));
        }
        if this.begun.is_none() {
            this.begun = requests.pieces.take();
        }
        if !matches!(&requests.sender, Some(known) if known.will_wake(cx.waker())) {
            requests.sender = Some(cx.waker().clone());
        }
        drop(requests);
        match &mut this.begun {
            Some(pieces) => pieces.as_mut().poll_next(cx),
            None => Poll::Ready(Some(Err("the stream of requests went elsewhere".into()))),
        }
    }
}
