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
use crate::fault::Envelopes;

/// Where a body's bytes come from.
#[derive(Debug)]
pub(crate) enum Source {
    Whole(Bytes),
    Stream(Envelopes),
}

/// What a body does next.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Send what is left.
    Rest,
    /// Send so many bytes.
    First(usize),
    /// Send what is left, so many bytes at a time, with a pause before each.
    Trickle(usize, Duration),
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
    source: Source,
    /// What of the source's last piece isn't sent yet.
    piece: Bytes,
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// Whether the pause before the next bytes of a trickle is over.
    rested: bool,
    tells_length: bool,
    control: Control,
}

impl ScriptedBody {
    /// A body that goes through these steps. Whether it `tells_length` matters to hyper, which
    /// insists that body and `Content-Length` agree, or sets the header where there is none.
    pub(crate) fn new(
        source: Source,
        steps: impl IntoIterator<Item = Step>,
        tells_length: bool,
        control: Control,
    ) -> Self {
        Self {
            source,
            piece: Bytes::new(),
            steps: steps.into_iter().collect(),
            sleep: None,
            rested: false,
            tells_length,
            control,
        }
    }

    /// Whether a piece is there; no where the source has ended.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        while self.piece.is_empty() {
            let next = match &mut self.source {
                Source::Whole(bytes) => Some(std::mem::take(bytes)).filter(|all| !all.is_empty()),
                Source::Stream(envelopes) => ready!(envelopes.poll_next(cx)),
            };
            match next {
                None => return Poll::Ready(false),
                Some(piece) => self.piece = piece,
            }
        }
        Poll::Ready(true)
    }

    /// At most so many bytes of the piece that is there.
    fn send(&mut self, most: usize) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        let bytes = self.piece.split_to(most.min(self.piece.len()));
        Poll::Ready(Some(Ok(Frame::data(bytes))))
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
                this.rested = true;
            }
            let Some(step) = this.steps.front().cloned() else {
                return Poll::Ready(None);
            };
            match step {
                Step::Rest => {
                    if ready!(this.poll_piece(cx)) {
                        return this.send(usize::MAX);
                    }
                }
                Step::First(bytes) => {
                    if bytes > 0 && ready!(this.poll_piece(cx)) {
                        let sent = bytes.min(this.piece.len());
                        this.steps[0] = Step::First(bytes - sent);
                        return this.send(sent);
                    }
                }
                Step::Trickle(bytes, pause) => {
                    if ready!(this.poll_piece(cx)) {
                        if std::mem::take(&mut this.rested) {
                            return this.send(bytes);
                        }
                        this.sleep = Some(Box::pin(tokio::time::sleep(pause)));
                        continue;
                    }
                }
                Step::Wait(time) => this.sleep = Some(Box::pin(tokio::time::sleep(time))),
                Step::Fail(reason) => {
                    this.steps.clear();
                    return Poll::Ready(Some(Err(reason.into())));
                }
                Step::End(ending) => {
                    this.control.end(ending);
                    this.steps[0] = Step::Stall;
                    continue;
                }
                Step::Stall => return Poll::Pending,
            }
            this.steps.pop_front();
        }
    }

    /// hyper asks behind each frame, and sends what it has of a body that is over: without an
    /// error even where the headers have promised more.
    fn is_end_stream(&self) -> bool {
        let sent =
            self.piece.is_empty() && matches!(&self.source, Source::Whole(rest) if rest.is_empty());
        match self.steps.front() {
            None => self.sleep.is_none(),
            Some(Step::Rest) => sent && self.steps.len() == 1,
            Some(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        // Where the script breaks off, the headers alone say how long the body should have been.
        let whole = self
            .steps
            .iter()
            .all(|step| matches!(step, Step::Rest | Step::Trickle(..) | Step::Wait(_)));
        match &self.source {
            Source::Whole(rest) if whole && self.tells_length => {
                SizeHint::with_exact((self.piece.len() + rest.len()) as u64)
            }
            _ => SizeHint::default(),
        }
    }
}
