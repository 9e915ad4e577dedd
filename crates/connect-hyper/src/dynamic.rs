//! Methods that are known at run time alone: a call's messages are bytes.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tracing::Instrument as _;

use crate::call::{self, Options, Spec};
use crate::cancel::Signal;
use crate::client::Client;
use crate::error::Error;
use crate::request::Framing;
use crate::response::{self, Raw};
use crate::retry::RetryPolicy;
use crate::stream::Receiver;
use crate::{Idempotency, stream_call, unary};

/// A method that no type stands for: one that a descriptor names, for instance.
///
/// Its messages are bytes, as the client's [`Codec`](crate::Codec) has them, and encoding and
/// decoding them is the caller's. All else is as with a [`Method`](crate::Method).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DynamicMethod {
    path: &'static str,
    idempotency: Idempotency,
}

impl DynamicMethod {
    /// A method by its path behind the base URL, `/package.Service/Method`, and by what a second
    /// execution does. A path that makes no URL is an error of the call.
    ///
    /// Errors and spans hold on to the path. One that is made at run time is leaked, once a method.
    #[must_use]
    pub const fn new(path: &'static str, idempotency: Idempotency) -> Self {
        Self { path, idempotency }
    }

    /// The path behind the base URL.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// What a second execution does.
    #[must_use]
    pub const fn idempotency(&self) -> Idempotency {
        self.idempotency
    }

    fn spec(self, framing: Framing) -> Spec {
        Spec {
            path: self.path,
            idempotency: self.idempotency,
            framing,
        }
    }
}

/// A call of a [`DynamicMethod`] that is ready to be made: [`send`](Self::send) makes a unary one,
/// [`open`](Self::open) one with a stream of responses.
#[must_use = "a call does nothing until it is sent"]
pub struct DynamicCall {
    client: Client,
    method: DynamicMethod,
    request: Bytes,
    options: Options,
}

impl DynamicCall {
    pub(crate) fn new(client: Client, method: DynamicMethod, request: Bytes) -> Self {
        Self {
            client,
            method,
            request,
            options: Options::default(),
        }
    }

    /// As [`Call::timeout`](crate::Call::timeout).
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.options.timeout = Some(timeout.into());
        self
    }

    /// As [`Call::retry`](crate::Call::retry).
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.options.retry(policy);
        self
    }

    /// As [`Call::header`](crate::Call::header).
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.options.header(name.as_ref(), value.as_ref());
        self
    }

    /// As [`Call::cancel_on`](crate::Call::cancel_on).
    pub fn cancel_on(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.options.signal = Signal::new(signal);
        self
    }

    /// Makes the call of a unary method, and returns as soon as status and headers are here,
    /// whatever they say.
    ///
    /// # Errors
    ///
    /// Those of [`Call::send`](crate::Call::send).
    pub async fn send(mut self) -> Result<DynamicResponse, Error> {
        let method = self.method;
        let span = self.options.begin(method.path, &self.client);
        let spec = method.spec(Framing::Unary);
        let raw = unary::send_bytes(self.client, self.options, spec, self.request)
            .instrument(span.clone())
            .await;
        Ok(DynamicResponse {
            raw: raw.map_err(|error| call::ended(error, method.path, &span))?,
            path: method.path,
        })
    }

    /// Makes the call of a method that answers with a stream.
    ///
    /// # Errors
    ///
    /// The stream didn't begin.
    pub async fn open(mut self) -> Result<DynamicStreaming, Error> {
        let method = self.method;
        let span = self.options.begin(method.path, &self.client);
        let spec = method.spec(Framing::Streaming);
        let receiver = stream_call::open_bytes(&self.client, self.options, spec, self.request)
            .instrument(span.clone())
            .await;
        Ok(DynamicStreaming(
            receiver.map_err(|error| call::ended(error, method.path, &span))?,
        ))
    }
}

impl fmt::Debug for DynamicCall {
    /// The request is left out: it may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicCall")
            .field("method", &self.method)
            .field("bytes", &self.request.len())
            .finish_non_exhaustive()
    }
}

/// A response whose head is here: [`RawResponse`](crate::RawResponse) of a [`DynamicMethod`].
pub struct DynamicResponse {
    raw: Box<Raw>,
    path: &'static str,
}

impl DynamicResponse {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.raw.status
    }

    /// The headers as they came.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.raw.headers
    }

    /// Reads the body to its end, whatever the status is, within the call's deadline.
    ///
    /// # Errors
    ///
    /// Those of [`RawResponse::read`](crate::RawResponse::read).
    pub async fn read(&mut self) -> Result<(), Error> {
        let result = self.raw.read_in_time().await;
        result.map_err(|error| error.with_method(self.path))
    }

    /// What has arrived of the body, byte for byte: not decompressed.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.raw.buffer.bytes()
    }

    /// The message's bytes, decompressed, or the error that the response stands for.
    ///
    /// # Errors
    ///
    /// What the server said, or what is wrong with the response. `failed_precondition` if the body
    /// wasn't read to its end.
    pub fn message(self) -> Result<Bytes, Error> {
        let result = self.raw.into_bytes();
        result.map_err(|error| error.with_method(self.path))
    }
}

impl fmt::Debug for DynamicResponse {
    /// Body and header values are left out: they may be the secret that was asked for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicResponse")
            .field("method", &self.path)
            .field("status", &self.raw.status)
            .field("headers", &response::names(&self.raw.headers))
            .field("bytes", &self.raw.buffer.len())
            .finish()
    }
}

/// A stream of responses: [`Streaming`](crate::Streaming) of a [`DynamicMethod`].
pub struct DynamicStreaming(Receiver);

impl DynamicStreaming {
    /// The response's headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The trailers, which come with the end of the stream: empty before.
    #[must_use]
    pub fn trailers(&self) -> &HeaderMap {
        &self.0.trailers
    }

    /// The next message's bytes, decompressed, or `None` at the end.
    ///
    /// # Errors
    ///
    /// Those of [`Streaming::message`](crate::Streaming::message).
    pub async fn message(&mut self) -> Result<Option<Bytes>, Error> {
        std::future::poll_fn(|cx| self.0.poll_data(cx))
            .await
            .transpose()
    }
}

impl fmt::Debug for DynamicStreaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug("DynamicStreaming", f)
    }
}
