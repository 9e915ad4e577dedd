//! hyper's tasks over HTTP/2, and how one ends that sends the requests of a call which is over.
//!
//! Where the peer takes no more, such a task waits for that alone, for as long as there is a connection:
//! once the response has begun, hyper has no word for it that the call is over. The stream is reset
//! when the task goes.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::Executor;
use pin_project_lite::pin_project;

use crate::payload::Source;

thread_local! {
    /// The requests that a connection has just looked at. It does so before it makes a task of their
    /// sending. None where no connection is polled.
    static SEEN: RefCell<Option<Option<Source>>> = const { RefCell::new(None) };
}

/// Says whose requests were looked at.
pub(crate) fn look_at(source: &Source) {
    SEEN.with_borrow_mut(|seen| {
        if let Some(seen) = seen {
            *seen = Some(source.clone());
        }
    });
}

/// Runs hyper's tasks: one for each connection of HTTP/2, and one for each request on it, of the
/// same type and so of the same size. In a box a small one isn't copied like a large one.
#[derive(Clone)]
pub(super) struct Boxing;

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Boxing {
    fn execute(&self, work: F) {
        tokio::spawn(Task {
            work: Box::pin(work),
            source: SEEN.with_borrow_mut(|seen| seen.as_mut()?.take()),
        });
    }
}

/// A task of hyper's. One that sends a stream of requests ends with their call.
struct Task<F> {
    work: Pin<Box<F>>,
    source: Option<Source>,
}

impl<F: Future<Output = ()>> Future for Task<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &self.source {
            Some(source) if source.is_over(cx) => Poll::Ready(()),
            _ => self.work.as_mut().poll(cx),
        }
    }
}

/// Runs a connection.
pub(super) fn run<C: Future + Send + 'static>(connection: C)
where
    C::Output: Send,
{
    tokio::spawn(Connection { connection });
}

pin_project! {
    struct Connection<C> {
        #[pin]
        connection: C,
    }
}

impl<C: Future> Future for Connection<C> {
    type Output = C::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        let outer = SEEN.replace(Some(None));
        let polled = self.project().connection.poll(cx);
        SEEN.set(outer);
        polled
    }
}
