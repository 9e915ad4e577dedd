//! Response bodies that follow a script.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use super::connection::{Control, Ending};

/// What a body does next.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Send these bytes.
    Send(Bytes),
    /// Send nothing for this long; what was sent goes out meanwhile.
    Wait(Duration),
    /// Send nothing more, ever, and don't end.
    Stall,
    /// End the stream by a reset with this code (HTTP/2; over HTTP/1.1 the connection ends).
    Fail(h2::Reason),
    /// End the whole connection.
    End(Ending),
}

/// A body that goes through its steps.
pub(crate) struct ScriptedBody {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
    tells_length: bool,
    control: Control,
}

impl ScriptedBody {
    /// A body that goes through these steps. Whether it `tells_length` matters to hyper, which
    /// insists that body and `Content-Length` agree, or sets the header where there is none.
    pub(crate) fn new(
        steps: impl IntoIterator<Item = Step>,
        tells_length: bool,
        control: Control,
    ) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            sleep: None,
            tells_length,
            control,
        }
    }
}

impl fmt::Debug for ScriptedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedBody")
            .field("steps", &self.steps.len())
            .finish_non_exhaustive()
    }
}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let this = self.get_mut();
        loop {
            if let Some(sleep) = &mut this.sleep {
                ready!(sleep.as_mut().poll(cx));
                this.sleep = None;
            }
            match this.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Send(bytes)) if bytes.is_empty() => {}
                Some(Step::Send(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Step::Wait(time)) => this.sleep = Some(Box::pin(tokio::time::sleep(time))),
                Some(Step::Fail(reason)) => return Poll::Ready(Some(Err(reason.into()))),
                Some(Step::End(ending)) => {
                    this.control.end(ending);
                    this.steps.push_front(Step::Stall);
                }
                Some(Step::Stall) => {
                    this.steps.push_front(Step::Stall);
                    return Poll::Pending;
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.sleep.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if !self.tells_length {
            return SizeHint::default();
        }
        let mut length = 0;
        for step in &self.steps {
            match step {
                Step::Send(bytes) => length += bytes.len() as u64,
                Step::Wait(_) => {}
                // The script breaks off: the headers alone say how long the body should have been.
                Step::Stall | Step::Fail(_) | Step::End(_) => return SizeHint::default(),
            }
        }
        SizeHint::with_exact(length)
    }
}
