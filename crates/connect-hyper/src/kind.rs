//! The four kinds of methods, and what a call of each takes and comes to.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::call::Call;
use crate::error::Error;
use crate::response::Response;
use crate::stream::Streaming;
use crate::{Method, stream_call, unary};

/// Which side of a method sends a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StreamKind {
    /// One request, one response.
    Unary,
    /// A stream of requests, one response.
    ClientStreaming,
    /// One request, a stream of responses.
    ServerStreaming,
    /// A stream each way.
    Bidi,
}

/// A kind of method, as a type. Sealed: [`Unary`], [`ClientStreaming`], [`ServerStreaming`] and
/// [`Bidi`] are all there are.
pub trait Kind: sealed::Kind + Send + Sync + Sized + 'static {
    /// The kind as a value.
    const STREAMS: StreamKind;

    /// What a call takes.
    type Input<M: Method>: fmt::Debug + Send + 'static;
    /// What a call comes to when it is awaited.
    type Output<M: Method>: Send + 'static;
}

pub(crate) mod sealed {
    use super::*;

    pub trait Kind {
        #[doc(hidden)]
        fn run<M: Method<Kind = Self>>(
            call: Call<M>,
        ) -> impl Future<Output = Result<<Self as super::Kind>::Output<M>, Error>> + Send
        where
            Self: super::Kind;
    }
}

/// One request, one response.
#[derive(Debug, Clone, Copy)]
pub enum Unary {}

/// A stream of requests, one response.
#[derive(Debug, Clone, Copy)]
pub enum ClientStreaming {}

/// One request, a stream of responses.
#[derive(Debug, Clone, Copy)]
pub enum ServerStreaming {}

/// A stream each way: at once over HTTP/2, one after the other over HTTP/1.1.
#[derive(Debug, Clone, Copy)]
pub enum Bidi {}

impl Kind for Unary {
    const STREAMS: StreamKind = StreamKind::Unary;
    type Input<M: Method> = M::Request;
    type Output<M: Method> = Response<M::Response>;
}

impl sealed::Kind for Unary {
    fn run<M: Method<Kind = Self>>(
        call: Call<M>,
    ) -> impl Future<Output = Result<Response<M::Response>, Error>> + Send {
        unary::run(call)
    }
}

impl Kind for ClientStreaming {
    const STREAMS: StreamKind = StreamKind::ClientStreaming;
    type Input<M: Method> = Requests<M::Request>;
    type Output<M: Method> = Response<M::Response>;
}

impl sealed::Kind for ClientStreaming {
    fn run<M: Method<Kind = Self>>(
        call: Call<M>,
    ) -> impl Future<Output = Result<Response<M::Response>, Error>> + Send {
        stream_call::client_streaming(call)
    }
}

impl Kind for ServerStreaming {
    const STREAMS: StreamKind = StreamKind::ServerStreaming;
    type Input<M: Method> = M::Request;
    type Output<M: Method> = Streaming<M::Response>;
}

impl sealed::Kind for ServerStreaming {
    fn run<M: Method<Kind = Self>>(
        call: Call<M>,
    ) -> impl Future<Output = Result<Streaming<M::Response>, Error>> + Send {
        stream_call::server_streaming(call)
    }
}

impl Kind for Bidi {
    const STREAMS: StreamKind = StreamKind::Bidi;
    type Input<M: Method> = Requests<M::Request>;
    type Output<M: Method> = Streaming<M::Response>;
}

impl sealed::Kind for Bidi {
    fn run<M: Method<Kind = Self>>(
        call: Call<M>,
    ) -> impl Future<Output = Result<Streaming<M::Response>, Error>> + Send {
        stream_call::bidi(call)
    }
}

/// A stream of requests.
#[must_use = "requests are sent by a call"]
pub struct Requests<T>(Pin<Box<dyn Stream<Item = T> + Send>>);

impl<T> Requests<T> {
    /// The requests that `stream` yields, each sent as it comes. The stream's end ends the sending.
    pub fn new(stream: impl Stream<Item = T> + Send + 'static) -> Self {
        Self(Box::pin(stream))
    }
}

impl<T> Stream for Requests<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl<T> fmt::Debug for Requests<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").finish_non_exhaustive()
    }
}
