//! What a handler gives.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::request::HeaderNames;

/// A handler's answer with headers and trailers, for
/// [`Server::handle_with_metadata`](crate::Server::handle_with_metadata): a message, or a
/// [`ResponseStream`](crate::ResponseStream) of them.
#[derive(Clone, Default)]
pub struct Response<T> {
    pub(super) message: T,
    pub(super) headers: HeaderMap,
    pub(super) trailers: HeaderMap,
}

impl<T> Response<T> {
    /// An answer without headers and trailers.
    #[must_use]
    pub fn new(message: T) -> Self {
        Self {
            message,
            headers: HeaderMap::new(),
            trailers: HeaderMap::new(),
        }
    }

    /// Adds a header; one of the same name stays. The content type and encoding are the server's.
    ///
    /// The headers of a stream go out before its first message, as soon as its handler is done.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Adds a trailer, which a unary response carries as a header with the prefix `trailer-`, and
    /// a stream in its last envelope, however it ends.
    #[must_use]
    pub fn with_trailer(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.trailers.append(name, value);
        self
    }

    /// Another message with the same headers and trailers.
    #[must_use]
    pub fn map<U>(self, message: impl FnOnce(T) -> U) -> Response<U> {
        Response {
            message: message(self.message),
            headers: self.headers,
            trailers: self.trailers,
        }
    }
}

/// Without the values of headers and trailers.
impl<T: fmt::Debug> fmt::Debug for Response<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("message", &self.message)
            .field("headers", &HeaderNames(&self.headers))
            .field("trailers", &HeaderNames(&self.trailers))
            .finish()
    }
}
