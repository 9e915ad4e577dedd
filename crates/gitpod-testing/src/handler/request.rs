//! What a handler gets.

use std::fmt;
use std::ops::Deref;
use std::time::Instant;

use http::{HeaderMap, HeaderName};

use crate::connect::codec::Codec;

/// A call as a handler sees it: the message, or a [`RequestStream`](crate::RequestStream) of
/// them, and what came with it.
///
/// It dereferences to the message.
#[derive(Clone)]
pub struct Request<T> {
    pub(super) message: T,
    pub(super) headers: HeaderMap,
    pub(super) query: Option<String>,
    pub(super) deadline: Option<Instant>,
    pub(super) codec: Codec,
}

impl<T> Request<T> {
    /// The message, or the stream of them.
    #[must_use]
    pub fn message(&self) -> &T {
        &self.message
    }

    /// The message, or the stream of them, owned.
    #[must_use]
    pub fn into_message(self) -> T {
        self.message
    }

    /// The request's headers, the credential among them.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// What stands behind the `?` of the request's path. A call by GET has its message there.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// When the client stops waiting, by its `Connect-Timeout-Ms`; none where it didn't say.
    ///
    /// A handler that runs longer, or a stream that does, is dropped, and the client gets
    /// `deadline_exceeded`.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// How the messages are written.
    #[must_use]
    pub fn codec(&self) -> Codec {
        self.codec
    }
}

impl<T> Deref for Request<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.message
    }
}

/// Without the headers' values and the query, and with what the message's own `Debug` shows.
impl<T: fmt::Debug> fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("message", &self.message)
            .field("headers", &HeaderNames(&self.headers))
            .field("deadline", &self.deadline)
            .field("codec", &self.codec)
            .finish_non_exhaustive()
    }
}

/// The names of headers, for `Debug`: a value may be a credential.
pub(crate) struct HeaderNames<'a>(pub(crate) &'a HeaderMap);

impl fmt::Debug for HeaderNames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.keys().map(HeaderName::as_str))
            .finish()
    }
}
