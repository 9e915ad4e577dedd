//! A connection that a call has for itself, or its share of one, and the exchange on it.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use pin_project_lite::pin_project;

use crate::body::RequestBody;

/// What a request came to on a connection. The error holds the request if it was never sent.
pub(super) type Sent = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;

/// The types of hyper's futures and of its pool's leases can't be named, so they are one trait
/// object: the one allocation that a call pays for its transport.
pub(crate) type BoxLease = Pin<Box<dyn Lease>>;

/// A connection for one exchange. One that is dropped before [`finish`](Self::finish) isn't used
/// again, for the exchange isn't over (HTTP/1.1), or resets its stream (HTTP/2).
pub(crate) trait Lease: Send {
    /// Whether the connection takes a request. An error: it is closed.
    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<hyper::Result<()>>;

    /// Whether the connection has been used before, so that its end is no surprise.
    fn is_reused(self: Pin<&mut Self>) -> bool;

    /// Sends the request.
    fn start(self: Pin<&mut Self>, request: Request<RequestBody>);

    /// The response's head.
    fn poll_response(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Sent>;

    /// The response is read to its end: the connection may serve the next call.
    fn finish(self: Pin<&mut Self>);
}

/// What a lease does with the connection that it holds.
pub(super) trait Connection: Send {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>>;
    fn is_reused(&mut self) -> bool;
    fn finish(&mut self);
}

pin_project! {
    /// A connection, the function that sends on it, and the future that this function returns.
    struct Exchange<C, S, F> {
        connection: C,
        send: S,
        #[pin]
        response: Option<F>,
    }
}

/// A lease of a connection on which `send` sends.
pub(super) fn lease<C, S, F>(connection: C, send: S) -> BoxLease
where
    C: Connection + 'static,
    S: Fn(&mut C, Request<RequestBody>) -> F + Send + 'static,
    F: Future<Output = Sent> + Send + 'static,
{
    Box::pin(Exchange {
        connection,
        send,
        response: None,
    })
}

impl<C, S, F> Lease for Exchange<C, S, F>
where
    C: Connection,
    S: Fn(&mut C, Request<RequestBody>) -> F + Send,
    F: Future<Output = Sent> + Send,
{
    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.project().connection.poll_ready(cx)
    }

    fn is_reused(self: Pin<&mut Self>) -> bool {
        self.project().connection.is_reused()
    }

    fn start(self: Pin<&mut Self>, request: Request<RequestBody>) {
        let mut this = self.project();
        let response = (this.send)(this.connection, request);
        this.response.set(Some(response));
    }

    fn poll_response(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Sent> {
        match self.project().response.as_pin_mut() {
            Some(response) => response.poll(cx),
            // Nobody asks before the request is on its way.
            None => Poll::Pending,
        }
    }

    fn finish(self: Pin<&mut Self>) {
        self.project().connection.finish();
    }
}
