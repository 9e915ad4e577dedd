//! What holds for a handler whatever it does: its panics go no further, and its client's deadline
//! ends it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use connect_hyper::Code;
use futures_core::Stream;
use http::HeaderMap;
use tokio::time::Sleep;

use super::{End, Event, Events, too_late};
use crate::connect::error::ServerError;

/// The answer to a call whose handler panics.
pub(crate) fn panicked() -> ServerError {
    ServerError::new(Code::Internal, "the handler panicked")
}

/// Runs a handler up to its answer.
pub(super) async fn run<T>(
    deadline: Option<Instant>,
    mut running: Pin<Box<impl Future<Output = Result<T, ServerError>>>>,
) -> Result<T, ServerError> {
    let mut timer = timer(deadline);
    std::future::poll_fn(|cx| {
        if is_over(&mut timer, cx) {
            return Poll::Ready(Err(too_late()));
        }
        // Whatever a panic leaves behind isn't polled again.
        catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx)))
            .unwrap_or_else(|_| Poll::Ready(Err(panicked())))
    })
    .await
}

type Timer = Option<Pin<Box<Sleep>>>;

fn timer(deadline: Option<Instant>) -> Timer {
    deadline.map(|deadline| Box::pin(tokio::time::sleep_until(deadline.into())))
}

fn is_over(timer: &mut Timer, cx: &mut Context<'_>) -> bool {
    timer
        .as_mut()
        .is_some_and(|timer| timer.as_mut().poll(cx).is_ready())
}

/// A stream's events, up to its deadline, or its panic.
pub(super) struct Guarded {
    /// None behind the end.
    events: Option<Events>,
    timer: Timer,
}

impl Guarded {
    pub(super) fn new(
        deadline: Option<Instant>,
        events: impl Stream<Item = Event> + Send + 'static,
    ) -> Self {
        Self {
            events: Some(Box::pin(events)),
            timer: timer(deadline),
        }
    }

    /// Ends the stream, of which nothing is kept.
    fn fail(&mut self, error: ServerError) -> Poll<Option<Event>> {
        self.events = None;
        Poll::Ready(Some(Event::End(End {
            error: Some(error),
            trailers: HeaderMap::new(),
        })))
    }
}

impl Stream for Guarded {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = &mut *self;
        let Some(events) = &mut this.events else {
            return Poll::Ready(None);
        };
        // First the deadline: a stream that always has something to say would never meet it.
        if is_over(&mut this.timer, cx) {
            return this.fail(too_late());
        }
        match catch_unwind(AssertUnwindSafe(|| events.as_mut().poll_next(cx))) {
            Ok(event) => event,
            Err(_) => this.fail(panicked()),
        }
    }
}

/// The events of a stream that is over.
pub(super) struct Once(Option<End>);

impl Once {
    pub(super) fn new(end: End) -> Self {
        Self(Some(end))
    }
}

impl Stream for Once {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Event>> {
        Poll::Ready(self.0.take().map(Event::End))
    }
}
