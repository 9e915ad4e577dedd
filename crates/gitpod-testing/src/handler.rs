//! What a handler gets and gives.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use connect_hyper::{Code, Idempotency, Method};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::connect::codec::Codec;
use crate::connect::error::ServerError;
use crate::connect::unary::{self, Head};

/// A call as a handler sees it: the message, and what came with it.
///
/// It dereferences to the message.
#[derive(Clone)]
pub struct Request<T> {
    message: T,
    headers: HeaderMap,
    deadline: Option<Instant>,
    codec: Codec,
}

impl<T> Request<T> {
    /// The message.
    #[must_use]
    pub fn message(&self) -> &T {
        &self.message
    }

    /// The message, owned.
    #[must_use]
    pub fn into_message(self) -> T {
        self.message
    }

    /// The request's headers, the credential among them.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// When the client stops waiting, by its `Connect-Timeout-Ms`; none where it didn't say.
    ///
    /// A handler that runs longer is dropped, and the client gets `deadline_exceeded`.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// How the message was written.
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

/// Without the headers' values, and with what the message's own `Debug` shows.
impl<T: fmt::Debug> fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("message", &self.message)
            .field("headers", &HeaderNames(&self.headers))
            .field("deadline", &self.deadline)
            .field("codec", &self.codec)
            .finish()
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

/// A handler's answer with headers and trailers, for
/// [`Server::handle_with_metadata`](crate::Server::handle_with_metadata).
#[derive(Clone, Default)]
pub struct Response<T> {
    message: T,
    headers: HeaderMap,
    trailers: HeaderMap,
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
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// Adds a trailer, which a unary response carries as a header with the prefix `trailer-`.
    #[must_use]
    pub fn with_trailer(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.trailers.append(name, value);
        self
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

/// A call with its body still encoded, as the handlers of all methods take it.
#[derive(Clone)]
pub(crate) struct RawCall {
    pub(crate) head: Head,
    pub(crate) headers: HeaderMap,
    /// The message, decompressed.
    pub(crate) message: Bytes,
    pub(crate) compress: bool,
}

type Answering = Pin<Box<dyn Future<Output = http::Response<Bytes>> + Send>>;

/// A handler whose types are forgotten. One variant a stream kind.
#[derive(Clone)]
pub(crate) enum Handler {
    Unary {
        run: Arc<dyn Fn(RawCall) -> Answering + Send + Sync>,
        /// Whether the method has no side effects, and so may be called by GET.
        allows_get: bool,
    },
    /// A method of a kind that the server doesn't serve.
    Unserved,
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Handler::Unary { .. } => f.write_str("Unary"),
            Handler::Unserved => f.write_str("Unserved"),
        }
    }
}

impl Handler {
    /// A handler of a unary method.
    pub(crate) fn unary<M, F, Fut>(handler: F) -> Self
    where
        M: Method,
        F: Fn(Request<M::Request>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Response<M::Response>, ServerError>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        Handler::Unary {
            run: Arc::new(move |call| Box::pin(answer::<M, F, Fut>(Arc::clone(&handler), call))),
            allows_get: M::IDEMPOTENCY == Idempotency::NoSideEffects,
        }
    }
}

async fn answer<M, F, Fut>(handler: Arc<F>, call: RawCall) -> http::Response<Bytes>
where
    M: Method,
    F: Fn(Request<M::Request>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Response<M::Response>, ServerError>> + Send + 'static,
{
    let message = match call.head.codec.decode(&call.message) {
        Ok(message) => message,
        Err(error) => return error.to_unary_response(),
    };
    let request = Request {
        message,
        headers: call.headers,
        deadline: call
            .head
            .timeout
            .and_then(|timeout| Instant::now().checked_add(timeout)),
        codec: call.head.codec,
    };
    let running = handler(request);
    let outcome = match call.head.timeout {
        None => running.await,
        Some(timeout) => within(timeout, running).await,
    };
    let encoded = outcome.and_then(|answer| {
        let message = call.head.codec.encode(&answer.message)?;
        Ok((message, answer.headers, answer.trailers))
    });
    match encoded {
        Ok((message, headers, trailers)) => {
            unary::respond(&call.head, message, headers, &trailers, call.compress)
        }
        Err(error) => error.to_unary_response(),
    }
}

async fn within<T>(
    timeout: Duration,
    running: impl Future<Output = Result<T, ServerError>>,
) -> Result<T, ServerError> {
    tokio::time::timeout(timeout, running)
        .await
        .unwrap_or_else(|_| {
            Err(ServerError::new(
                Code::DeadlineExceeded,
                "the handler took longer than the client's deadline",
            ))
        })
}
