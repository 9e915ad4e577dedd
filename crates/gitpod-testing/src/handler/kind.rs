//! The four kinds of methods: what their handlers take and give.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use connect_hyper::{Bidi, ClientStreaming, Idempotency, Kind, Method, ServerStreaming, Unary};

use self::sealed::{Erased, Run};
use super::{Call, Handler, Received, Request, RequestStream, Response, ResponseStream, too_late};
use crate::connect::error::ServerError;
use crate::connect::unary;

/// A kind of method, as its handlers see it. Sealed: all four of [`connect_hyper`] are served.
///
/// | kind | the handler's request is a | and its answer a |
/// |---|---|---|
/// | [`Unary`] | `M::Request` | `M::Response` |
/// | [`ServerStreaming`] | `M::Request` | [`ResponseStream<M::Response>`](ResponseStream) |
/// | [`ClientStreaming`] | [`RequestStream<M::Request>`](RequestStream) | `M::Response` |
/// | [`Bidi`] | [`RequestStream<M::Request>`](RequestStream) | [`ResponseStream<M::Response>`](ResponseStream) |
pub trait ServedKind: Kind + Run {
    /// What a handler gets, in a [`Request`].
    type Takes<M: Method>: Send + 'static;
    /// What a handler gives.
    type Gives<M: Method>: Send + 'static;
}

pub(crate) mod sealed {
    use super::*;

    /// A handler whose types are forgotten, and what it is nobody's business outside.
    #[derive(Debug)]
    pub struct Erased(pub(crate) Handler);

    pub trait Run: Kind {
        fn erase<M, F, Fut>(handler: F) -> Erased
        where
            Self: ServedKind,
            M: Method<Kind = Self>,
            F: Fn(Request<<Self as ServedKind>::Takes<M>>) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Result<Response<<Self as ServedKind>::Gives<M>>, ServerError>>
                + Send
                + 'static;
    }
}

impl ServedKind for Unary {
    type Takes<M: Method> = M::Request;
    type Gives<M: Method> = M::Response;
}

impl Run for Unary {
    fn erase<M, F, Fut>(handler: F) -> Erased
    where
        M: Method<Kind = Self>,
        F: Fn(Request<M::Request>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Response<M::Response>, ServerError>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        Erased(Handler::Unary {
            run: Arc::new(move |call| Box::pin(answer::<M, F, Fut>(Arc::clone(&handler), call))),
            allows_get: M::IDEMPOTENCY == Idempotency::NoSideEffects,
        })
    }
}

async fn answer<M, F, Fut>(handler: Arc<F>, call: Call<Bytes>) -> http::Response<Bytes>
where
    M: Method,
    F: Fn(Request<M::Request>) -> Fut,
    Fut: Future<Output = Result<Response<M::Response>, ServerError>>,
{
    let codec = call.codec;
    let message = match codec.decode(&call.body) {
        Ok(message) => message,
        Err(error) => return error.to_unary_response(),
    };
    encoded(call, |call| async move {
        let answer = handler(call.into_request(|_, _| message)).await?;
        let message = codec.encode(&answer.message)?;
        Ok(answer.map(|_| message))
    })
    .await
}

/// The response of a unary method whose handler gives its message encoded.
pub(super) async fn encoded<Fut>(
    call: Call<Bytes>,
    handler: impl FnOnce(Call<Bytes>) -> Fut,
) -> http::Response<Bytes>
where
    Fut: Future<Output = Result<Response<Bytes>, ServerError>>,
{
    let (codec, compression, deadline) = (call.codec, call.compression, call.deadline);
    let running = handler(call);
    let outcome = match deadline {
        None => running.await,
        Some(deadline) => tokio::time::timeout_at(deadline.into(), running)
            .await
            .unwrap_or_else(|_| Err(too_late())),
    };
    match outcome {
        Ok(Response {
            message,
            headers,
            trailers,
        }) => unary::respond(codec, compression, message, headers, &trailers),
        Err(error) => error.to_unary_response(),
    }
}

impl ServedKind for ServerStreaming {
    type Takes<M: Method> = M::Request;
    type Gives<M: Method> = ResponseStream<M::Response>;
}

impl Run for ServerStreaming {
    fn erase<M, F, Fut>(handler: F) -> Erased
    where
        M: Method<Kind = Self>,
        F: Fn(Request<M::Request>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Response<ResponseStream<M::Response>>, ServerError>>
            + Send
            + 'static,
    {
        let handler = Arc::new(handler);
        Erased(Handler::streaming(move |mut call: Call<Received>| {
            let handler = Arc::clone(&handler);
            async move {
                let message = call.body.only_message().await?;
                let message = call.codec.decode(&message)?;
                handler(call.into_request(|_, _| message)).await
            }
        }))
    }
}

impl ServedKind for ClientStreaming {
    type Takes<M: Method> = RequestStream<M::Request>;
    type Gives<M: Method> = M::Response;
}

impl Run for ClientStreaming {
    fn erase<M, F, Fut>(handler: F) -> Erased
    where
        M: Method<Kind = Self>,
        F: Fn(Request<RequestStream<M::Request>>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Response<M::Response>, ServerError>> + Send + 'static,
    {
        Erased(Handler::streaming(move |call: Call<Received>| {
            let running = handler(call.into_request(RequestStream::new));
            async move {
                let answer = running.await?;
                Ok(answer.map(|message| ResponseStream::messages([message])))
            }
        }))
    }
}

impl ServedKind for Bidi {
    type Takes<M: Method> = RequestStream<M::Request>;
    type Gives<M: Method> = ResponseStream<M::Response>;
}

impl Run for Bidi {
    fn erase<M, F, Fut>(handler: F) -> Erased
    where
        M: Method<Kind = Self>,
        F: Fn(Request<RequestStream<M::Request>>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Response<ResponseStream<M::Response>>, ServerError>>
            + Send
            + 'static,
    {
        Erased(Handler::streaming(move |call: Call<Received>| {
            handler(call.into_request(RequestStream::new))
        }))
    }
}
