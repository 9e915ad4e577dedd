//! What a call sends, for as many attempts as there are.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;

use crate::body::{Pieces, RequestBody};
use crate::error::BoxError;

/// A body that can be sent again, or only as long as nobody has asked it for anything.
pub(crate) enum Payload {
    Message(Bytes),
    Stream(Source),
}

/// A stream that nobody has asked for anything, or nothing.
type Source = Arc<Mutex<Option<Pieces>>>;

impl Payload {
    /// What a body is made of.
    pub(crate) fn of(body: RequestBody) -> Self {
        match body.into_content() {
            Ok(message) => Self::Message(message),
            Err(pieces) => Self::stream(pieces),
        }
    }

    pub(crate) fn stream(pieces: Pieces) -> Self {
        Self::Stream(Arc::new(Mutex::new(Some(pieces))))
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
            Payload::Stream(source) => peek(source).is_some(),
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

fn peek(source: &Source) -> std::sync::MutexGuard<'_, Option<Pieces>> {
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
        if self.begun.is_none() {
            let begun = peek(&self.source).take();
            self.begun = begun;
        }
        match &mut self.begun {
            Some(pieces) => pieces.as_mut().poll_next(cx),
            None => Poll::Ready(Some(Err("the stream of requests went elsewhere".into()))),
        }
    }
}
