//! A response, before and after it is decoded.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};

use crate::attempts::Past;
use crate::body::ResponseBody;
use crate::call::Prepared;
use crate::client::Inner;
use crate::codec::Codec;
use crate::compression::Accepted;
use crate::deadline::Deadline;
use crate::error::{Error, Execution, innermost};
use crate::timers::Timers;
use crate::unary::Expect;
use crate::{Code, Method, compression, unary};

/// A message with the headers and trailers that came with it.
#[derive(Clone)]
pub struct Response<T> {
    message: T,
    headers: HeaderMap,
    trailers: HeaderMap,
}

impl<T> Response<T> {
    pub(crate) fn new(message: T, headers: HeaderMap, trailers: HeaderMap) -> Self {
        Self {
            message,
            headers,
            trailers,
        }
    }

    /// The message.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.message
    }

    /// The response's headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The response's trailers, which a unary response carries as headers named `trailer-…`.
    #[must_use]
    pub fn trailers(&self) -> &HeaderMap {
        &self.trailers
    }
}

impl<T> Deref for Response<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.message
    }
}

impl<T: fmt::Debug> fmt::Debug for Response<T> {
    /// Header values are left out: one may carry a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("message", &self.message)
            .field("headers", &names(&self.headers))
            .field("trailers", &names(&self.trailers))
            .finish()
    }
}

pub(crate) fn names(headers: &HeaderMap) -> Vec<&str> {
    headers.keys().map(http::HeaderName::as_str).collect()
}

/// A response whose head is here and whose body is not decoded yet.
///
/// Made for answers that exist once: [`read`](Self::read) the body, keep [`body`](Self::body) safe,
/// then [`decode`](Self::decode). Dropping it before its end closes the connection (HTTP/1.1) or
/// resets the stream (HTTP/2).
pub struct RawResponse<M: Method> {
    pub(crate) raw: Box<Raw>,
    pub(crate) method: PhantomData<fn() -> M>,
}

impl<M: Method> RawResponse<M> {
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
    /// The connection broke, the deadline passed, or the body is larger than the limit. What had
    /// arrived by then is in [`body`](Self::body).
    pub async fn read(&mut self) -> Result<(), Error> {
        let result = self.raw.read_in_time().await;
        result.map_err(|error| error.with_method(M::PATH))
    }

    /// What has arrived of the body, byte for byte: not decompressed, not decoded.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.raw.buffer.bytes()
    }

    /// The message, or the error that the response stands for.
    ///
    /// # Errors
    ///
    /// What the server said, or what is wrong with the response: as for an awaited call.
    /// `failed_precondition` if the body wasn't read to its end.
    pub fn decode(self) -> Result<Response<M::Response>, Error> {
        self.raw
            .decode::<M>()
            .map_err(|error| error.with_method(M::PATH))
    }
}

impl<M: Method> fmt::Debug for RawResponse<M> {
    /// Body and header values are left out: they may be the secret that was asked for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawResponse")
            .field("method", &M::PATH)
            .field("status", &self.raw.status)
            .field("headers", &names(&self.raw.headers))
            .field("bytes", &self.raw.buffer.len())
            .finish()
    }
}

/// [`RawResponse`] without its method, so that its code exists once.
pub(crate) struct Raw {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<ResponseBody>,
    pub(crate) buffer: Buffer,
    pub(crate) deadline: Deadline,
    pub(crate) codec: Codec,
    pub(crate) limit: usize,
    pub(crate) accepted: Accepted,
    /// Reading failed: what is in the buffer is a part, for good.
    pub(crate) failed: bool,
    /// What the head said, once it was looked at and is fine.
    expected: Option<Expect>,
    pub(crate) past: Past,
}

impl Raw {
    pub(crate) fn new(
        client: &Inner,
        prepared: &Prepared,
        head: http::response::Parts,
        body: ResponseBody,
        past: Past,
    ) -> Box<Self> {
        // It is handed on many times.
        Box::new(Self {
            status: head.status,
            headers: head.headers,
            body: Some(body),
            buffer: Buffer::default(),
            deadline: prepared.deadline,
            codec: client.codec,
            limit: client.response_limit,
            accepted: client.accepted,
            failed: false,
            expected: None,
            past,
        })
    }

    /// The response once more, with what was read of its body.
    pub(crate) fn into_response(mut self: Box<Self>) -> http::Response<ResponseBody> {
        let body = self
            .body
            .take()
            .unwrap_or_else(|| ResponseBody::new(Full::new(self.buffer.take())));
        let mut response = http::Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }

    /// Checks the head; an error means that the body isn't worth reading.
    fn expect(&self) -> Result<Expect, Error> {
        match self.expected {
            Some(expected) => Ok(expected),
            None => unary::head(self.status, &self.headers, self.codec),
        }
    }

    /// Reads the body whatever the status is, within the call's deadline.
    pub(crate) async fn read_in_time(&mut self) -> Result<(), Error> {
        let deadline = self.deadline;
        let timers = Timers::default();
        deadline
            .enforce(&timers, "while the body was read", self.read())
            .await
            .map_err(|error| {
                self.past
                    .tell(self.finish_error(error))
                    .with_metadata(metadata(self.headers.clone()))
            })
    }

    pub(crate) async fn read(&mut self) -> Result<(), Error> {
        if self.failed {
            return Err(Error::new(
                Code::FailedPrecondition,
                "reading the body has failed before: what is here is a part of it",
            ));
        }
        let result = self.read_frames().await;
        self.failed = result.is_err();
        result
    }

    async fn read_frames(&mut self) -> Result<(), Error> {
        let Some(body) = &mut self.body else {
            return Ok(());
        };
        if body.size_hint().lower() > self.limit as u64 {
            return Err(compression::too_large(self.limit));
        }
        loop {
            match body.frame().await {
                Some(Ok(frame)) => {
                    // HTTP trailers mean nothing in a unary response.
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    if self.buffer.len() + data.len() > self.limit {
                        return Err(compression::too_large(self.limit));
                    }
                    self.buffer.push(data);
                    if body.is_end_stream() {
                        self.body = None;
                        return Ok(());
                    }
                }
                Some(Err(error)) => {
                    return Err(Error::new(
                        Code::Unavailable,
                        format!(
                            "the response broke off after {} bytes: {}",
                            self.buffer.len(),
                            innermost(&*error)
                        ),
                    )
                    .with_source(error));
                }
                None => {
                    self.body = None;
                    return Ok(());
                }
            }
        }
    }

    /// Reads the body as far as decoding needs it: an awaited call's way. An error that the response
    /// stands for is one here.
    pub(crate) async fn read_for_decoding(&mut self) -> Result<(), Error> {
        let result = match self.expect() {
            Ok(expect) => {
                self.expected = Some(expect);
                match self.read().await {
                    Ok(()) if matches!(expect, Expect::Message) => Ok(()),
                    Ok(()) => Err(self.told()),
                    Err(error) => Err(self.finish_error(error)),
                }
            }
            Err(error) => Err(error),
        };
        result.map_err(|error| error.with_metadata(metadata(std::mem::take(&mut self.headers))))
    }

    /// What an error while the body was read means for the call.
    fn finish_error(&self, error: Error) -> Error {
        if error.code() == Code::DeadlineExceeded {
            return error.with_status(self.status);
        }
        match self.expect() {
            // The head says that the service did what was asked for.
            Ok(Expect::Message) => error
                .with_status(self.status)
                .with_execution(Execution::Executed),
            // The error body is lost; the status still decides.
            Ok(Expect::ErrorBody) => {
                unary::by_status(self.status, &self.headers).with_source(error)
            }
            Err(head) => head.with_source(error),
        }
    }

    pub(crate) fn decode<M: Method>(mut self: Box<Self>) -> Result<Response<M::Response>, Error> {
        match self.decoded::<M>() {
            Ok(message) => {
                let trailers = unary::take_trailers(&mut self.headers);
                Ok(Response::new(message, self.headers, trailers))
            }
            Err(error) => Err(self.past.tell(error).with_metadata(metadata(self.headers))),
        }
    }

    /// The message's bytes, or the error that the response stands for.
    pub(crate) fn into_bytes(mut self: Box<Self>) -> Result<Bytes, Error> {
        self.message()
            .map_err(|error| self.past.tell(error).with_metadata(metadata(self.headers)))
    }

    fn decoded<M: Method>(&mut self) -> Result<M::Response, Error> {
        let bytes = self.message()?;
        let message: M::Response = self
            .codec
            .decode(bytes)
            .map_err(|error| error.with_status(self.status))?;
        match M::missing_field(&message) {
            Some(field) => Err(missing(field)),
            None => Ok(message),
        }
    }

    fn message(&mut self) -> Result<Bytes, Error> {
        let expect = self.expect()?;
        if self.body.is_some() {
            return Err(Error::new(
                Code::FailedPrecondition,
                "the body has not been read to its end",
            )
            .with_execution(Execution::Ambiguous));
        }
        match expect {
            Expect::Message => unary::message(
                &self.headers,
                self.buffer.take(),
                &self.accepted,
                self.limit,
            ),
            Expect::ErrorBody => Err(self.told()),
        }
    }

    /// The error that a response other than 200 stands for, once its body is here.
    fn told(&mut self) -> Error {
        let body = self.buffer.take();
        unary::error(self.status, &self.headers, body, &self.accepted, self.limit)
    }
}

/// Headers and trailers in one, for an error.
fn metadata(mut headers: HeaderMap) -> HeaderMap {
    let trailers = unary::take_trailers(&mut headers);
    for (name, value) in &trailers {
        headers.append(name, value.clone());
    }
    headers
}

/// The error of an answer without what it is for ([`Method::missing_field`]).
pub(crate) fn missing(field: &str) -> Error {
    Error::new(Code::Internal, format!("the response has no {field}"))
        .with_status(StatusCode::OK)
        .with_execution(Execution::Executed)
}

/// The bytes of a body. One frame, the usual case, is kept as it came; only more are copied.
#[derive(Default)]
pub(crate) struct Buffer {
    first: Bytes,
    all: BytesMut,
}

impl Buffer {
    pub(crate) fn len(&self) -> usize {
        self.first.len().max(self.all.len())
    }

    fn push(&mut self, data: Bytes) {
        if self.len() == 0 {
            self.first = data;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
            self.first = Bytes::new();
        }
        self.all.extend_from_slice(&data);
    }

    pub(crate) fn bytes(&self) -> Bytes {
        if self.all.is_empty() {
            self.first.clone()
        } else {
            Bytes::copy_from_slice(&self.all)
        }
    }

    fn take(&mut self) -> Bytes {
        if self.all.is_empty() {
            std::mem::take(&mut self.first)
        } else {
            std::mem::take(&mut self.all).freeze()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_frame_is_not_copied() {
        let data = Bytes::from(vec![1, 2, 3]);
        let mut buffer = Buffer::default();
        buffer.push(data.clone());
        assert_eq!(buffer.bytes().as_ptr(), data.as_ptr());
        assert_eq!(buffer.take().as_ptr(), data.as_ptr());
    }

    #[test]
    fn several_frames_are_joined() {
        let mut buffer = Buffer::default();
        for part in ["", "ab", "", "c", "def"] {
            buffer.push(Bytes::from_static(part.as_bytes()));
        }
        assert_eq!(buffer.len(), 6);
        assert_eq!(buffer.bytes(), "abcdef");
        assert_eq!(buffer.take(), "abcdef");
        assert_eq!(buffer.len(), 0);
    }
}
