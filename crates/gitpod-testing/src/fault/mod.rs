//! Faults: what goes wrong, for which calls, and how that looks on the wire.

mod answers;
mod apply;
mod board;
mod connections;
mod envelopes;
mod executions;
mod padding;
mod streams;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

pub(crate) use apply::{Answer, deliver};
pub(crate) use board::{FaultBoard, Target};
pub use board::{FaultHandle, FaultPlan};
pub use connections::ConnectionFault;
pub(crate) use envelopes::Envelopes;
pub(crate) use executions::{Executions, is_stale, stale};

use self::envelopes::{MessageEdit, StreamEdit};
use crate::connect::error::ServerError;
use crate::net::connection::Ending;

/// Something that goes wrong with a call.
///
/// A fault is given to [`Server::inject`](crate::Server::inject), and by itself spoils the next
/// call of whatever method; [`times`](Fault::times), [`on`](Fault::on) and the other methods of
/// [`FaultPlan`] say otherwise. Faults combine with [`and`](Fault::and):
///
/// ```
/// use gitpod_testing::Fault;
/// use std::time::Duration;
///
/// // Executed, and then the answer is lost after a second.
/// let lost = Fault::drop_after().and(Fault::delay_answer(Duration::from_secs(1)));
/// // A proxy's page, twice, without the call ever reaching the service.
/// let proxy = Fault::html(http::StatusCode::BAD_GATEWAY).times(2);
/// ```
///
/// Whether the call is executed is part of each fault and written at each: *executed* means that
/// it has had its effect (a token is regenerated) before the fault shows. Of a stream it means that
/// its handler has run to its answer, and the messages come about as they are sent.
#[derive(Clone)]
#[must_use = "a fault does nothing until it is injected"]
pub struct Fault {
    pub(crate) before: Duration,
    pub(crate) executions: Option<Executions>,
    pub(crate) after: Duration,
    pub(crate) edits: Vec<Edit>,
    pub(crate) delivery: Delivery,
}

/// What is done to the response.
#[derive(Clone)]
pub(crate) enum Edit {
    /// A response of somebody else in place of it.
    Replace(Box<http::Response<Bytes>>),
    Error(ServerError),
    Body(Bytes),
    Set(HeaderName, HeaderValue),
    Append(HeaderName, HeaderValue),
    Remove(HeaderName),
    Message(MessageEdit),
    /// Without effect on unary calls.
    Stream(StreamEdit),
}

/// How the response is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    /// Nothing is sent.
    Lost(Loss),
    /// Headers and the beginning of the body are sent.
    Cut(Extent, Loss),
    /// Headers and the beginning of the body are sent, and then nothing happens any more.
    Stall(Extent),
    /// So many bytes at a time, with a pause before each.
    Trickle(usize, Duration),
    /// The whole, and then the connection takes no more.
    GoAway,
    /// As before, and the connection takes no more from when the request came.
    GoAwayFirst,
}

/// How much of a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    Bytes(usize),
    Messages(usize),
}

/// What is lost with the response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The stream over HTTP/2, by a reset with this code; the connection over HTTP/1.1.
    Stream(h2::Reason),
    /// The connection, whatever the version.
    Connection(Ending),
    /// The connection, which over HTTP/2 says that the request was none that it processed.
    Unprocessed,
}

impl Fault {
    fn new() -> Self {
        Self {
            before: Duration::ZERO,
            executions: None,
            after: Duration::ZERO,
            edits: Vec::new(),
            delivery: Delivery::Whole,
        }
    }

    fn edit(edit: Edit) -> Self {
        Self {
            edits: vec![edit],
            ..Self::new()
        }
    }

    fn delivered(delivery: Delivery) -> Self {
        Self {
            delivery,
            ..Self::new()
        }
    }

    fn cut(extent: Extent) -> Self {
        let loss = Loss::Stream(h2::Reason::INTERNAL_ERROR);
        Self::delivered(Delivery::Cut(extent, loss))
    }

    // ----- Time.

    /// The request takes this long to reach the service, and is then executed even if the client
    /// has given up meanwhile. The deadline that it carries counts from there.
    pub fn delay_before(delay: Duration) -> Self {
        Self {
            before: delay,
            ..Self::new()
        }
    }

    /// The call is executed at once, and its answer sent this much later.
    pub fn delay_answer(delay: Duration) -> Self {
        Self {
            after: delay,
            ..Self::new()
        }
    }

    // ----- The body.

    /// Headers and the first `bytes` of the body are sent, then the connection (over HTTP/2, the
    /// stream) ends. The content length stays that of the whole. Executed.
    pub fn cut_body(bytes: usize) -> Self {
        Self::cut(Extent::Bytes(bytes))
    }

    /// Headers and the first `bytes` of the body are sent, then nothing more, without an end.
    /// Executed.
    pub fn stall_body(bytes: usize) -> Self {
        Self::delivered(Delivery::Stall(Extent::Bytes(bytes)))
    }

    /// The body is sent `bytes` at a time (at least one), with a pause before each. Executed.
    pub fn trickle_body(bytes: usize, pause: Duration) -> Self {
        Self::delivered(Delivery::Trickle(bytes.max(1), pause))
    }

    /// The body is replaced, of a stream the whole of it; status and content type stay. Executed.
    pub fn body(bytes: impl Into<Bytes>) -> Self {
        Self::edit(Edit::Body(bytes.into()))
    }

    /// The body is replaced by bytes that are neither JSON, nor a message, nor gzip. Executed.
    pub fn garbage() -> Self {
        Self::body(&b"\xff\xfe\x00garbage\x80\x07{[\"\xc3\x28"[..])
    }

    /// The body, of a stream its first message, is the right one with so many bytes of padding
    /// that change nothing: white space in JSON, an unknown field in binary. Executed.
    pub fn oversized_body(padding: usize) -> Self {
        Self::edit(Edit::Message(MessageEdit::Pad(padding)))
    }

    /// The body, of a stream its first message, is gzip, a thousandth of what comes out of it:
    /// the right message behind so many bytes of padding. Sent whether the client accepts gzip or
    /// not. Executed.
    pub fn gzip_bomb(padding: u64) -> Self {
        Self::edit(Edit::Message(MessageEdit::Bomb(padding)))
    }

    // ----- Turning one fault into another.

    /// Both faults at once. Where the two contradict each other (how often the call is executed,
    /// how the answer is sent), the other one's word counts.
    pub fn and(mut self, other: Fault) -> Self {
        self.before += other.before;
        self.after += other.after;
        self.executions = other.executions.or(self.executions);
        self.edits.extend(other.edits);
        if other.delivery != Delivery::Whole {
            self.delivery = other.delivery;
        }
        self
    }

    /// What is lost is the whole connection, over HTTP/2 too, and not the stream alone. Without
    /// effect on faults that lose nothing.
    pub fn whole_connection(mut self) -> Self {
        if let Delivery::Lost(loss) | Delivery::Cut(_, loss) = &mut self.delivery
            && matches!(loss, Loss::Stream(_))
        {
            *loss = Loss::Connection(Ending::Close);
        }
        self
    }

    /// The connection ends by a TCP reset (RST) and not by an orderly end (FIN). Over HTTP/2 the
    /// whole connection ends. The bytes of [`raw`](Self::raw) go out before it. Without effect on
    /// faults that lose nothing.
    pub fn by_reset(mut self) -> Self {
        if let Delivery::Lost(loss) | Delivery::Cut(_, loss) = &mut self.delivery {
            let ending = match loss {
                Loss::Connection(Ending::Raw(bytes)) => Ending::RawReset(std::mem::take(bytes)),
                _ => Ending::Reset,
            };
            *loss = Loss::Connection(ending);
        }
        self
    }
}

/// Without the bytes of bodies.
impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fault")
            .field("before", &self.before)
            .field("executions", &self.executions)
            .field("after", &self.after)
            .field("edits", &self.edits)
            .field("delivery", &self.delivery)
            .finish()
    }
}

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Edit::Replace(response) => write!(f, "Replace({})", response.status()),
            Edit::Error(error) => write!(f, "Error({})", error.code()),
            Edit::Body(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Edit::Set(name, _) => write!(f, "Set({name})"),
            Edit::Append(name, _) => write!(f, "Append({name})"),
            Edit::Remove(name) => write!(f, "Remove({name})"),
            Edit::Message(edit) => edit.fmt(f),
            Edit::Stream(edit) => edit.fmt(f),
        }
    }
}
