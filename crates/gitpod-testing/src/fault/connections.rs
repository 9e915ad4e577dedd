//! Faults that end connections, or take them over.

use bytes::Bytes;

use super::{Delivery, Executions, Fault, Loss};
use crate::net::connection::Ending;

/// Connections.
impl Fault {
    /// The connection ends when the request (of a stream, its headers) is there. Not executed.
    ///
    /// HTTP/1.1: the socket is closed without an answer. HTTP/2: the stream is reset with
    /// `INTERNAL_ERROR`, and the connection goes on. See [`whole_connection`](Self::whole_connection)
    /// and [`by_reset`](Self::by_reset).
    pub fn drop_before() -> Self {
        Self {
            executions: Some(Executions::None),
            ..Self::drop_after()
        }
    }

    /// The call is executed, and its answer lost: the connection ends as with
    /// [`drop_before`](Self::drop_before).
    pub fn drop_after() -> Self {
        Self::delivered(Delivery::Lost(Loss::Stream(h2::Reason::INTERNAL_ERROR)))
    }

    /// HTTP/2: the stream is reset with `REFUSED_STREAM`, which says that nothing was executed.
    /// HTTP/1.1: as [`drop_before`](Self::drop_before). Not executed.
    pub fn refuse_stream() -> Self {
        Self {
            executions: Some(Executions::None),
            ..Self::reset_stream(h2::Reason::REFUSED_STREAM.into())
        }
    }

    /// HTTP/2: the stream is reset with this code of RFC 9113, section 7, in place of an answer.
    /// HTTP/1.1: as [`drop_after`](Self::drop_after). Executed.
    pub fn reset_stream(code: u32) -> Self {
        Self::delivered(Delivery::Lost(Loss::Stream(code.into())))
    }

    /// The call is answered as it should be, and the connection takes no more calls after it:
    /// GOAWAY over HTTP/2, `Connection: close` over HTTP/1.1. Executed.
    pub fn go_away() -> Self {
        Self::delivered(Delivery::GoAway)
    }

    /// The connection takes no more calls from when the request is there (GOAWAY over HTTP/2,
    /// `Connection: close` over HTTP/1.1); the call is answered as it should be. Executed.
    pub fn go_away_first() -> Self {
        Self::delivered(Delivery::GoAwayFirst)
    }

    /// HTTP/2: GOAWAY with the id of the stream before this one, which says that this one was not
    /// processed; then the connection ends. HTTP/1.1: as [`drop_before`](Self::drop_before). Not
    /// executed.
    ///
    /// Other calls that are under way over the connection are lost with it.
    pub fn go_away_unprocessed() -> Self {
        Self {
            executions: Some(Executions::None),
            ..Self::delivered(Delivery::Lost(Loss::Unprocessed))
        }
    }

    /// These bytes are written to the socket as they are, in place of an answer, and the
    /// connection is closed. Executed.
    ///
    /// This is how to send what no HTTP library would: a malformed status line, an invalid
    /// header, a body shorter than its chunk says.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self::delivered(Delivery::Lost(Loss::Connection(Ending::Raw(bytes.into()))))
    }

    /// As [`raw`](Self::raw), and the connection stays open: a head that is never finished, a
    /// chunk that never ends. Executed.
    pub fn raw_without_end(bytes: impl Into<Bytes>) -> Self {
        let ending = Ending::RawOpen(bytes.into());
        Self::delivered(Delivery::Lost(Loss::Connection(ending)))
    }
}

/// Something that goes wrong with a connection before a byte of TLS or HTTP is read from it, for
/// [`Server::spoil_connections`](crate::Server::spoil_connections). No request is in the log then,
/// and none is executed.
#[derive(Debug, Clone)]
#[must_use = "a fault does nothing until it is injected"]
pub struct ConnectionFault(pub(crate) Ending);

impl ConnectionFault {
    /// The connection is closed in good order.
    pub fn close() -> Self {
        Self(Ending::Close)
    }

    /// The connection is reset (RST).
    pub fn reset() -> Self {
        Self(Ending::Reset)
    }

    /// Nothing is said: a handshake stalls, and so does a request.
    pub fn stall() -> Self {
        Self(Ending::RawOpen(Bytes::new()))
    }

    /// These bytes are said to whatever the client says, and the connection is closed: something
    /// that doesn't speak TLS, or HTTP.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self(Ending::Raw(bytes.into()))
    }
}
