//! A stream of responses, and the rules of its head, its messages and its end.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use http::header::{self, HeaderMap};
use http::{HeaderName, StatusCode};
use http_body::Body as _;
use tracing::Span;

use crate::attempts::{Exchange, Past};
use crate::body::ResponseBody;
use crate::cancel::Signal;
use crate::client::Inner;
use crate::codec::Codec;
use crate::compression::Accepted;
use crate::credential::{Credential, Credentials};
use crate::end_stream::{self, EndStream};
use crate::envelope::{COMPRESSED, Decoder, END_STREAM};
use crate::error::{Error, Execution, innermost};
use crate::payload::Sending;
use crate::response::Response;
use crate::stream_timer::Timer;
use crate::{Code, Message, observe, unary};

const CONNECT_CONTENT_ENCODING: HeaderName = HeaderName::from_static("connect-content-encoding");

/// How much is delivered that comes behind the deadline. It may have been here, in the buffers
/// below, before; more than they hold is from a peer that doesn't stop: 4 MiB.
const MAX_LATE: usize = 4 << 20;

/// A stream of responses.
///
/// It yields messages until the stream ends, or one error, and then nothing more. Dropping it ends
/// the call: the connection is closed (HTTP/1.1), or the stream reset (HTTP/2), and no more requests
/// are taken from the call's own stream.
#[must_use = "dropping a stream ends its call"]
pub struct Streaming<T> {
    receiver: Receiver,
    message: PhantomData<fn() -> T>,
}

impl<T: Message> Streaming<T> {
    /// The response's headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.receiver.headers
    }

    /// The trailers, which come with the end of the stream: empty before.
    #[must_use]
    pub fn trailers(&self) -> &HeaderMap {
        &self.receiver.trailers
    }

    /// The next message, or `None` at the end. Messages that have arrived are delivered even if
    /// the deadline has passed meanwhile.
    ///
    /// # Errors
    ///
    /// What the server ended the stream with, or what broke it. After an error comes `None`.
    pub async fn message(&mut self) -> Result<Option<T>, Error> {
        std::future::poll_fn(|cx| self.receiver.poll_message(cx))
            .await
            .transpose()
    }
}

impl<T> Streaming<T> {
    pub(crate) fn of(receiver: Receiver) -> Self {
        Self {
            receiver,
            message: PhantomData,
        }
    }

    /// The error of a method that has one response, and whose stream has `what`.
    pub(crate) fn not_one(self, what: &str) -> Error {
        let error = Error::new(
            Code::Unimplemented,
            format!("the stream has {what}, where the method has just one"),
        );
        self.receiver.finished(
            error
                .with_status(StatusCode::OK)
                .with_execution(Execution::Executed),
        )
    }

    pub(crate) fn into_response(self, message: T) -> Response<T> {
        Response::new(message, self.receiver.headers, self.receiver.trailers)
    }
}

impl<T: Message> Stream for Streaming<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_message(cx)
    }
}

impl<T> fmt::Debug for Streaming<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.receiver.debug("Streaming", f)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Messages may come.
    Open,
    /// The end of the stream was read; the body must end too.
    Ended,
    /// Nothing more comes.
    Done,
}

/// [`Streaming`] without its type.
pub(crate) struct Receiver {
    method: &'static str,
    pub(crate) headers: HeaderMap,
    pub(crate) trailers: HeaderMap,
    body: Option<ResponseBody>,
    decoder: Decoder,
    codec: Codec,
    limit: usize,
    accepted: Accepted,
    timer: Timer,
    signal: Signal,
    /// The requests, which are sent no longer than responses are awaited.
    sending: Option<Sending>,
    /// The credential that was sent, to be forgotten if the end of the stream refuses it.
    used: Option<(Credentials, Credential)>,
    state: State,
    /// What the end of the stream said, kept until the body has ended.
    outcome: Option<Error>,
    /// How many bytes have come behind the deadline.
    late: usize,
    /// Whether a message came: then the method was at work, whatever the end says.
    answered: bool,
    past: Past,
    /// The call's span, if anybody wants it: it lasts as long as the stream.
    span: Option<Span>,
}

impl Receiver {
    /// The stream that a response holds. Its head was checked.
    pub(crate) fn open(
        method: &'static str,
        (raw, used): Exchange,
        client: &Inner,
        timer: Timer,
        signal: Signal,
        sending: Sending,
        span: Option<Span>,
    ) -> Self {
        Self {
            method,
            headers: raw.headers,
            trailers: HeaderMap::new(),
            body: raw.body,
            decoder: Decoder::new(client.response_limit),
            codec: client.codec,
            limit: client.response_limit,
            accepted: client.accepted,
            timer,
            signal,
            sending: Some(sending),
            used: used.map(|used| (client.credentials.clone(), used)),
            state: State::Open,
            outcome: None,
            late: 0,
            answered: false,
            past: raw.past,
            span,
        }
    }

    pub(crate) fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("method", &self.method)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }

    fn poll_message<T: Message>(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, Error>>> {
        let result = match ready!(self.poll_data(cx)) {
            None => return Poll::Ready(None),
            Some(Ok(data)) => self.codec.decode(data).map_err(|error| self.broken(error)),
            Some(Err(error)) => Err(error),
        };
        Poll::Ready(Some(result))
    }

    /// The next message's bytes, decompressed.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        loop {
            // Checklist 24: whatever it ended with.
            if self.state == State::Done {
                return Poll::Ready(None);
            }
            // Checklist 25.
            if let Poll::Ready(error) = self.signal.poll(cx) {
                return Poll::Ready(Some(Err(self.told_or(error))));
            }
            // Checklist 21: whatever they are.
            if self.state == State::Ended && !self.decoder.is_empty() {
                let error = Error::new(Code::Internal, "the stream goes on behind its end");
                return Poll::Ready(Some(Err(self.broken(error))));
            }
            match self.decoder.next() {
                // A message as it is, the usual case.
                Ok(Some((0, data))) if self.state == State::Open => {
                    self.answered = true;
                    return Poll::Ready(Some(Ok(data)));
                }
                Ok(Some((flags, data))) => match self.envelope(flags, data) {
                    Ok(Some(message)) => return Poll::Ready(Some(Ok(message))),
                    Ok(None) => continue,
                    Err(error) => return Poll::Ready(Some(Err(self.broken(error)))),
                },
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(self.broken(error)))),
            }
            let Some(body) = &mut self.body else {
                return Poll::Ready(self.end());
            };
            match Pin::new(body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.timer.touch();
                    // HTTP trailers mean nothing here: the end of the stream has them.
                    if let Ok(data) = frame.into_data() {
                        if self.timer.is_late() {
                            self.late = self.late.saturating_add(data.len().max(1));
                        }
                        if self.late > MAX_LATE {
                            let error = self.timer.deadline_passed();
                            return Poll::Ready(Some(Err(self.told_or(error))));
                        }
                        self.decoder.push(data);
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    let cause = innermost(&*error);
                    let mut error =
                        Error::new(Code::Unavailable, format!("the stream broke off: {cause}"))
                            .with_source(error);
                    if let Some(sending) = &self.sending {
                        error = sending.cause(error);
                    }
                    return Poll::Ready(Some(Err(self.told_or(error))));
                }
                Poll::Ready(None) => self.body = None,
                Poll::Pending => {
                    let error = ready!(self.timer.poll(cx));
                    return Poll::Ready(Some(Err(self.told_or(error))));
                }
            }
        }
    }

    /// A message's bytes; none for the end of the stream.
    fn envelope(&mut self, flags: u8, data: Bytes) -> Result<Option<Bytes>, Error> {
        let data = if flags & COMPRESSED == 0 {
            data
        } else {
            self.decompress(data)?
        };
        if flags & END_STREAM == 0 {
            self.answered = true;
            return Ok(Some(data));
        }
        // Checklist 21.
        let EndStream { error, trailers } = end_stream::parse(&data)
            .ok_or_else(|| Error::new(Code::Internal, "the end of the stream is malformed"))?;
        self.state = State::Ended;
        self.trailers = trailers;
        self.outcome = error.map(|error| {
            let code = EndStream::code(&error);
            if code == Code::Unauthenticated
                && let Some((credentials, used)) = self.used.take()
            {
                credentials.refused(&used);
            }
            let told = Error::from_server(code, error.message, error.details, StatusCode::OK);
            if self.answered {
                told.with_execution(Execution::Ambiguous)
            } else {
                told
            }
        });
        Ok(None)
    }

    /// Checklist 19.
    fn decompress(&self, data: Bytes) -> Result<Bytes, Error> {
        match self.headers.get(CONNECT_CONTENT_ENCODING) {
            Some(encoding) if encoding != "identity" => {
                self.accepted
                    .decompress(encoding.as_bytes(), data, self.limit)
            }
            _ => Err(Error::new(
                Code::Internal,
                "a message of the stream is marked as compressed, and the stream has no encoding",
            )),
        }
    }

    /// Nothing more comes, and nothing more goes.
    fn close(&mut self) {
        self.body = None;
        self.sending = None;
        self.state = State::Done;
    }

    /// The body has ended.
    fn end(&mut self) -> Option<Result<Bytes, Error>> {
        if !self.decoder.is_empty() {
            let error = Error::new(Code::Internal, "the stream ends in the middle of a message");
            return Some(Err(self.broken(error)));
        }
        if self.state == State::Open {
            // Checklist 20: never a success.
            let error = Error::new(Code::Internal, "the stream has no end: it was cut short");
            return Some(Err(self.broken(error)));
        }
        self.close();
        let error = self.outcome.take()?;
        Some(Err(self.finished(error)))
    }

    /// The error that the server ended the stream with, if it did: what became of the connection
    /// behind it matters less.
    fn told_or(&mut self, error: Error) -> Error {
        match self.outcome.take() {
            Some(told) => {
                self.close();
                self.finished(told)
            }
            None => self.broken(error),
        }
    }

    /// An error of this side's that ends the stream. The service had begun to answer.
    fn broken(&mut self, error: Error) -> Error {
        self.close();
        self.finished(
            error
                .with_status(StatusCode::OK)
                .with_execution(if self.answered {
                    Execution::Executed
                } else {
                    Execution::Ambiguous
                }),
        )
    }

    fn finished(&self, error: Error) -> Error {
        if let Some(span) = &self.span {
            observe::failed(span, &error);
        }
        let mut metadata = self.headers.clone();
        for (name, value) in &self.trailers {
            // Of more than a map can hold, the rest is left out: an error is on its way.
            if metadata.try_append(name, value.clone()).is_err() {
                break;
            }
        }
        self.past
            .tell(error)
            .with_metadata(metadata)
            .with_method(self.method)
    }
}

/// Checklist 17: before a byte of the body is taken for an envelope.
pub(crate) fn check_head(
    status: StatusCode,
    headers: &HeaderMap,
    codec: Codec,
    accepted: &Accepted,
) -> Result<(), Error> {
    if status != StatusCode::OK {
        return Err(unary::by_status(status, headers));
    }
    let refuse = |code, why: &'static str| {
        Err(Error::new(code, why)
            .with_status(status)
            .with_execution(Execution::Ambiguous))
    };
    match headers.get(header::CONTENT_TYPE) {
        Some(value) if value == codec.streaming_content_type() => {}
        Some(value) if value.as_bytes().starts_with(b"application/connect+") => {
            return refuse(
                Code::Internal,
                "the stream's content type is not that of the codec asked for",
            );
        }
        _ => {
            return refuse(
                Code::Unknown,
                "the response is not a stream of the protocol's: something other than the \
                 service may have answered",
            );
        }
    }
    match headers.get(CONNECT_CONTENT_ENCODING) {
        Some(encoding) if !accepted.allows(encoding.as_bytes()) => refuse(
            Code::Internal,
            "the stream has an encoding that was not offered",
        ),
        _ => Ok(()),
    }
}
