//! What the fuzz targets share: a client whose server is what the fuzzer makes up.
//!
//! The targets go through the public API, by a transport that hands out one canned response: what
//! they prove holds for a call as a whole, and no private function needs a door.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use connect_hyper::{
    Client, ClientBuilder, Codec, Error, ErrorDetail, Execution, Method, RequestBody, RetryPolicy,
    ServerStreaming, Unary,
};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame};
use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType};
use tower_service::Service;

/// A response, in the pieces that it arrives in.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub pieces: VecDeque<Bytes>,
}

impl Answer {
    /// A 200 of this type, in one piece.
    pub fn ok(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut answer = Self::default();
        answer.pieces.push_back(body.into());
        answer.with("content-type", content_type)
    }

    pub fn with(mut self, name: &'static str, value: &'static str) -> Self {
        let name = HeaderName::from_static(name);
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// Cuts the body into pieces of these sizes, and the rest into pieces of the last one.
    pub fn cut(mut self, sizes: &[u8]) -> Self {
        let whole: Vec<u8> = self.pieces.iter().flatten().copied().collect();
        let mut rest = Bytes::from(whole);
        self.pieces.clear();
        let mut sizes = sizes.iter().map(|size| usize::from(*size));
        let mut last = 1;
        while !rest.is_empty() {
            last = sizes.next().unwrap_or(last.max(1));
            self.pieces.push_back(rest.split_to(last.min(rest.len())));
        }
        self
    }
}

/// A client that gets this answer to whatever it sends.
pub fn client(answer: Answer, set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
    by(move |_| answer.clone(), set)
}

/// A client that gets what a function makes of the request.
pub fn by<F>(respond: F, set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client
where
    F: Fn(Request<RequestBody>) -> Answer + Clone + Send + Sync + 'static,
{
    let builder = Client::builder("http://localhost")
        .timeout(None)
        .stream_idle_timeout(None)
        // Between attempts it would wait.
        .retry(RetryPolicy::none())
        .transport(Canned(respond));
    set(builder).build().expect("settings that are right")
}

/// What comes of a future that has nothing to wait for: a call that waits would wait for ever.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("it waits for something")
}

#[derive(Clone)]
struct Canned<F>(F);

impl<F: Fn(Request<RequestBody>) -> Answer> Service<Request<RequestBody>> for Canned<F> {
    type Response = Response<Pieces>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let answer = (self.0)(request);
        let mut response = Response::new(Pieces(answer.pieces));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        ready(Ok(response))
    }
}

struct Pieces(VecDeque<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }
}

/// A message that is whatever bytes it is decoded from. In JSON, whatever value.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Raw {
    #[serde(skip)]
    pub bytes: Bytes,
    pub json: serde_json::Value,
}

impl prost::Message for Raw {
    fn encode_raw(&self, out: &mut impl BufMut) {
        out.put_slice(&self.bytes);
    }

    fn merge_field(
        &mut self,
        _: u32,
        _: WireType,
        _: &mut impl Buf,
        _: DecodeContext,
    ) -> Result<(), DecodeError> {
        unreachable!("`decode` takes it all")
    }

    fn encoded_len(&self) -> usize {
        self.bytes.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
    }

    fn decode(mut from: impl Buf) -> Result<Self, DecodeError> {
        Ok(Self {
            bytes: from.copy_to_bytes(from.remaining()),
            json: serde_json::Value::Null,
        })
    }
}

pub enum Echo {}

impl Method for Echo {
    type Request = Raw;
    type Response = Raw;
    type Kind = Unary;
    const PATH: &'static str = "/fuzz.Fuzz/Echo";
}

pub enum Watch {}

impl Method for Watch {
    type Request = Raw;
    type Response = Raw;
    type Kind = ServerStreaming;
    const PATH: &'static str = "/fuzz.Fuzz/Watch";
}

pub fn envelope(flags: u8, message: &[u8]) -> Vec<u8> {
    let mut envelope = vec![flags];
    envelope.extend((message.len() as u32).to_be_bytes());
    envelope.extend_from_slice(message);
    envelope
}

/// A stream, read to its end.
#[derive(Debug, Default)]
pub struct Outcome {
    pub messages: Vec<Bytes>,
    pub error: Option<Error>,
    pub trailers: HeaderMap,
}

/// Reads a stream of binary messages.
pub fn read(answer: Answer, limit: usize) -> Outcome {
    let client = client(answer, |builder| {
        builder.codec(Codec::Binary).response_limit(limit)
    });
    let mut outcome = Outcome::default();
    let mut stream = match now(client.call::<Watch>(Raw::default()).into_future()) {
        Ok(stream) => stream,
        Err(error) => {
            outcome.error = Some(error);
            return outcome;
        }
    };
    loop {
        match now(stream.message()) {
            Ok(Some(message)) => outcome.messages.push(message.bytes),
            Ok(None) => break,
            Err(error) => {
                outcome.error = Some(error);
                break;
            }
        }
    }
    // It ends once.
    for _ in 0..2 {
        assert!(matches!(now(stream.message()), Ok(None)));
    }
    outcome.trailers = stream.trailers().clone();
    for message in &outcome.messages {
        assert!(message.len() <= limit);
    }
    outcome
}

/// What can be compared of an error. To print it is a test, too.
pub fn said(error: &Error) -> (String, Execution, bool, &[ErrorDetail]) {
    assert!(!error.may_have_executed() || error.http_status().is_some());
    assert!(!format!("{error:?}").is_empty());
    (
        error.to_string(),
        error.execution(),
        error.is_from_server(),
        error.raw_details(),
    )
}
