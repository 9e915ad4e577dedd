//! The bodies that pass the transport's seam.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};

use crate::error::BoxError;

/// The body of a request.
pub struct RequestBody(Content);

enum Content {
    /// All of it, until it is sent.
    Full(Option<Bytes>),
    Stream(Pieces),
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

impl RequestBody {
    pub(crate) fn full(data: Bytes) -> Self {
        Self(Content::Full((!data.is_empty()).then_some(data)))
    }

    /// All of it, unless it is a stream.
    pub(crate) fn whole(&self) -> Option<&[u8]> {
        match &self.0 {
            Content::Full(data) => Some(data.as_deref().unwrap_or_default()),
            Content::Stream(_) => None,
        }
    }

    pub(crate) fn stream(pieces: Pieces) -> Self {
        Self(Content::Stream(pieces))
    }
}

impl fmt::Debug for RequestBody {
    /// The bytes are left out: they may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("RequestBody");
        if let Content::Full(data) = &self.0 {
            debug.field("bytes", &data.as_ref().map_or(0, Bytes::len));
        }
        debug.finish_non_exhaustive()
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Content::Full(data) => Poll::Ready(data.take().map(|data| Ok(Frame::data(data)))),
            Content::Stream(pieces) => pieces
                .as_mut()
                .poll_next(cx)
                .map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Content::Full(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Full(data) => {
                SizeHint::with_exact(data.as_ref().map_or(0, |data| data.len() as u64))
            }
            Content::Stream(_) => SizeHint::default(),
        }
    }
}

/// The body of a response, whatever transport it came by.
pub(crate) enum ResponseBody {
    Hyper(hyper::body::Incoming),
    Other(Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>),
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.get_mut() {
            ResponseBody::Hyper(body) => Pin::new(body)
                .poll_frame(cx)
                .map_err(|error| Box::new(error) as BoxError),
            ResponseBody::Other(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ResponseBody::Hyper(body) => body.is_end_stream(),
            ResponseBody::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ResponseBody::Hyper(body) => body.size_hint(),
            ResponseBody::Other(body) => body.size_hint(),
        }
    }
}
