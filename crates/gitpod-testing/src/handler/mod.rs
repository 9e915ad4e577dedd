//! What handlers get and give, and how they are run.

mod guard;
mod kind;
mod request;
mod request_stream;
mod response;
mod response_stream;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use connect_hyper::{Code, Message, Method};
use futures_core::Stream;
use http::HeaderMap;

pub(crate) use guard::panicked;
pub use kind::ServedKind;
pub(crate) use request::HeaderNames;
pub use request::Request;
pub(crate) use request_stream::Received;
pub use request_stream::RequestStream;
pub use response::Response;
pub use response_stream::{ResponseSender, ResponseStream};

use crate::connect::codec::Codec;
use crate::connect::compression::Compression;
use crate::connect::error::ServerError;

/// What handlers of all methods take: the call, with `body` still encoded.
pub(crate) struct Call<B> {
    pub(crate) codec: Codec,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Option<String>,
    /// How what goes back is compressed.
    pub(crate) compression: Option<Compression>,
    /// When the call has to be over.
    pub(crate) deadline: Option<Instant>,
    pub(crate) body: B,
}

impl<B> Call<B> {
    /// The request that a user's handler sees.
    fn into_request<T>(self, message: impl FnOnce(B, Codec) -> T) -> Request<T> {
        Request {
            message: message(self.body, self.codec),
            headers: self.headers,
            query: self.query,
            deadline: self.deadline,
            codec: self.codec,
        }
    }
}

fn too_late() -> ServerError {
    ServerError::new(
        Code::DeadlineExceeded,
        "the handler took longer than the client's deadline",
    )
}

/// The response of a streaming method, before it is put into envelopes.
pub(crate) struct StreamAnswer {
    pub(crate) codec: Codec,
    pub(crate) compression: Option<Compression>,
    pub(crate) headers: HeaderMap,
    pub(crate) events: Events,
}

pub(crate) type Events = Pin<Box<dyn Stream<Item = Event> + Send>>;

/// What a stream sends next. Behind the end there is nothing.
pub(crate) enum Event {
    /// A message, encoded.
    Message(Bytes),
    End(End),
}

/// How a stream ended.
#[derive(Default)]
pub(crate) struct End {
    pub(crate) error: Option<ServerError>,
    pub(crate) trailers: HeaderMap,
}

impl StreamAnswer {
    /// A stream without messages.
    pub(crate) fn empty(codec: Codec) -> Self {
        Self::ended(codec, HeaderMap::new(), End::default())
    }

    /// A stream that fails before its first message.
    pub(crate) fn failed(codec: Codec, mut error: ServerError) -> Self {
        let headers = error.take_headers();
        let end = End {
            error: Some(error),
            trailers: HeaderMap::new(),
        };
        Self::ended(codec, headers, end)
    }

    fn ended(codec: Codec, headers: HeaderMap, end: End) -> Self {
        Self {
            codec,
            compression: None,
            headers,
            events: Box::pin(guard::Once::new(end)),
        }
    }
}

/// What the handlers of a method get, in a [`Request`].
pub(crate) type Input<M> = <<M as Method>::Kind as ServedKind>::Takes<M>;

/// What the handlers of a method give.
pub(crate) type Output<M> = <<M as Method>::Kind as ServedKind>::Gives<M>;

type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How a handler is run, whatever its types.
pub(crate) type Run<B, T> = Arc<dyn Fn(Call<B>) -> Running<T> + Send + Sync>;

/// A handler whose types are forgotten.
#[derive(Clone)]
pub(crate) enum Handler {
    Unary {
        /// Takes the message, decompressed.
        run: Run<Bytes, http::Response<Bytes>>,
        /// Whether the method has no side effects, and so may be called by GET.
        allows_get: bool,
    },
    Streaming(Run<Received, StreamAnswer>),
}

impl Handler {
    /// A handler of a method, as its kind has it.
    pub(crate) fn of<M, F, Fut>(handler: F) -> Self
    where
        M: Method<Kind: ServedKind>,
        F: Fn(Request<Input<M>>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Response<Output<M>>, ServerError>> + Send + 'static,
    {
        <M::Kind as kind::sealed::Run>::erase::<M, F, Fut>(handler).0
    }

    /// A handler of a unary method that takes its request as it came, and gives its response as it
    /// goes out.
    pub(crate) fn encoded<F, Fut>(handler: F, allows_get: bool) -> Self
    where
        F: Fn(Request<Bytes>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Response<Bytes>, ServerError>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        Handler::Unary {
            run: Arc::new(move |call| {
                let handler = Arc::clone(&handler);
                Box::pin(kind::encoded(call, move |call| {
                    handler(call.into_request(|body, _| body))
                }))
            }),
            allows_get,
        }
    }

    /// A handler of any streaming kind: it makes a stream of messages of the call.
    fn streaming<T, F, Fut>(answer: F) -> Self
    where
        T: Message,
        F: Fn(Call<Received>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Response<ResponseStream<T>>, ServerError>> + Send + 'static,
    {
        let answer = Arc::new(answer);
        Handler::Streaming(Arc::new(move |call| {
            let answer = Arc::clone(&answer);
            Box::pin(async move {
                let (codec, compression) = (call.codec, call.compression);
                let deadline = call.deadline;
                // Within the block, so that a panic of the call itself is caught too.
                let running = Box::pin(async move { answer(call).await });
                match guard::run(deadline, running).await {
                    Ok(response) => StreamAnswer {
                        codec,
                        compression,
                        headers: response.headers,
                        events: Box::pin(guard::Guarded::new(
                            deadline,
                            response_stream::Encoded::new(
                                response.message,
                                codec,
                                response.trailers,
                            ),
                        )),
                    },
                    Err(error) => StreamAnswer::failed(codec, error),
                }
            })
        }))
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Handler::Unary { .. } => f.write_str("Unary"),
            Handler::Streaming(_) => f.write_str("Streaming"),
        }
    }
}
