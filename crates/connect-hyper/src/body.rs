//! The bodies that pass the transport's seam.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::error::BoxError;
use crate::transport::BoxLease;

/// What fits into any socket's buffer.
const SMALL: usize = 16 << 10;

/// The body of a request.
pub struct RequestBody(Content);

enum Content {
    /// All of it, until it is sent.
    Full(Option<Bytes>),
    Stream(Pieces),
}

pub(crate) type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

impl RequestBody {
    pub(crate) fn full(data: Bytes) -> Self {
        Self(Content::Full((!data.is_empty()).then_some(data)))
    }

    /// All of it, as it is sent; none if it is a stream. For layers that sign a request or show it.
    #[must_use]
    pub fn whole(&self) -> Option<&[u8]> {
        match &self.0 {
            Content::Full(data) => Some(data.as_deref().unwrap_or_default()),
            Content::Stream(_) => None,
        }
    }

    pub(crate) fn stream(pieces: Pieces) -> Self {
        Self(Content::Stream(pieces))
    }

    /// All of it, or the stream that it is.
    pub(crate) fn into_content(self) -> Result<Bytes, Pieces> {
        match self.0 {
            Content::Full(data) => Ok(data.unwrap_or_default()),
            Content::Stream(pieces) => Err(pieces),
        }
    }

    /// Whether a socket surely takes all of it at once.
    pub(crate) fn is_small(&self) -> bool {
        self.whole().is_some_and(|all| all.len() <= SMALL)
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
///
/// Dropping it before its end closes its connection (HTTP/1.1) or resets its stream (HTTP/2).
pub struct ResponseBody(Received);

enum Received {
    Hyper {
        body: hyper::body::Incoming,
        /// An HTTP/1.1 connection, which the next call may have once the body is read.
        lease: Option<BoxLease>,
    },
    Other(Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>),
}

impl ResponseBody {
    pub(crate) fn hyper(body: hyper::body::Incoming, lease: Option<BoxLease>) -> Self {
        let mut body = Self(Received::Hyper { body, lease });
        if body.is_end_stream() {
            body.finish();
        }
        body
    }

    pub(crate) fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(Received::Other(Box::pin(body.map_err(Into::into))))
    }

    /// The end is reached: the connection is free.
    fn finish(&mut self) {
        if let Received::Hyper { lease, .. } = &mut self.0
            && let Some(mut lease) = lease.take()
        {
            lease.as_mut().finish();
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = match &mut self.0 {
            Received::Hyper { body, .. } => ready!(Pin::new(body).poll_frame(cx)),
            Received::Other(body) => return body.as_mut().poll_frame(cx),
        };
        match frame {
            Some(Err(error)) => Poll::Ready(Some(Err(error.into()))),
            Some(Ok(frame)) => {
                if self.is_end_stream() {
                    self.finish();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            // Over HTTP/2 hyper takes a reset with NO_ERROR for the end, wherever it comes.
            None if !self.is_end_stream() && self.size_hint().lower() > 0 => Poll::Ready(Some(
                Err("the body ends before its length is reached".into()),
            )),
            None => {
                self.finish();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Received::Hyper { body, .. } => body.is_end_stream(),
            Received::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Received::Hyper { body, .. } => body.size_hint(),
            Received::Other(body) => body.size_hint(),
        }
    }
}
