//! A connection that a call has for itself, or its share of one, and the exchange on it.

use std::pin::Pin;
use std::sync::atomic::{Ordering, fence};
use std::task::{Context, Poll, ready};

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

    /// Sends the request. Whether the connection has ended meanwhile: then the response, which will be
    /// the request itself as a rule, comes when nobody holds the connection any more.
    fn start(self: Pin<&mut Self>, request: Request<RequestBody>) -> bool;

    /// The response's head.
    fn poll_response(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Sent>;

    /// The response is read to its end: the connection may serve the next call.
    fn finish(self: Pin<&mut Self>);
}

/// What a lease does with the connection that it holds.
pub(super) trait Connection: Send {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>>;
    fn is_reused(&mut self) -> bool;
    fn is_closed(&mut self) -> bool;
    /// The request was answered, or has failed.
    fn heard(&mut self) {}
    fn finish(&mut self);
}

pin_project! {
    /// A connection, the function that sends on it, and the future that this function returns.
    struct Exchange<C, S, F> {
        connection: Held<C>,
        send: S,
        #[pin]
        response: Option<F>,
    }
}

enum Held<C> {
    Open(C),
    /// It ended while the request was sent. Whether it had been used before.
    Ended(bool),
}

/// A lease of a connection on which `send` sends.
pub(super) fn lease<C, S, F>(connection: C, send: S) -> BoxLease
where
    C: Connection + 'static,
    S: Fn(&mut C, Request<RequestBody>) -> F + Send + 'static,
    F: Future<Output = Sent> + Send + 'static,
{
    Box::pin(Exchange {
        connection: Held::Open(connection),
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
        match self.project().connection {
            Held::Open(connection) => connection.poll_ready(cx),
            // Nobody asks once the request is on its way.
            Held::Ended(_) => Poll::Pending,
        }
    }

    fn is_reused(self: Pin<&mut Self>) -> bool {
        match self.project().connection {
            Held::Open(connection) => connection.is_reused(),
            Held::Ended(was_reused) => *was_reused,
        }
    }

    fn start(self: Pin<&mut Self>, request: Request<RequestBody>) -> bool {
        let mut this = self.project();
        let Held::Open(connection) = this.connection else {
            return true;
        };
        let response = (this.send)(connection, request);
        this.response.set(Some(response));
        // A request that is sent while its connection ends may get into the channel behind the last
        // look that anybody takes at it, and lies there for as long as there is a sender (hyper's
        // issue 4122). The connection says that it has ended before that look.
        fence(Ordering::SeqCst);
        let has_ended = connection.is_closed();
        if has_ended {
            let was_reused = connection.is_reused();
            *this.connection = Held::Ended(was_reused);
        }
        has_ended
    }

    fn poll_response(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Sent> {
        let this = self.project();
        // Nobody asks before the request is on its way.
        let Some(response) = this.response.as_pin_mut() else {
            return Poll::Pending;
        };
        let sent = ready!(response.poll(cx));
        if let Held::Open(connection) = this.connection {
            connection.heard();
        }
        Poll::Ready(sent)
    }

    fn finish(self: Pin<&mut Self>) {
        if let Held::Open(connection) = self.project().connection {
            connection.finish();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use hyper::client::conn::http1::{self, SendRequest};
    use hyper_util::rt::TokioIo;

    use super::*;

    struct Plain(SendRequest<RequestBody>);

    impl Connection for Plain {
        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
            self.0.poll_ready(cx)
        }

        fn is_reused(&mut self) -> bool {
            false
        }

        fn is_closed(&mut self) -> bool {
            self.0.is_closed()
        }

        fn finish(&mut self) {}
    }

    /// Whatever comes first, the request is answered for: it is given back, or it failed.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_request_that_is_sent_while_its_connection_ends_is_not_lost() {
        for _ in 0..30_000 {
            let (near, far) = tokio::io::duplex(1024);
            let (sender, connection) = http1::handshake(TokioIo::new(near)).await.unwrap();
            let connection = tokio::spawn(connection);
            let mut lease = lease(Plain(sender), |plain: &mut Plain, request| {
                plain.0.try_send_request(request)
            });
            let ready = std::future::poll_fn(|cx| lease.as_mut().poll_ready(cx));
            ready.await.unwrap();
            // Its other end goes, on another thread.
            drop(far);
            tokio::task::yield_now().await;
            lease
                .as_mut()
                .start(Request::new(RequestBody::full(Bytes::new())));
            let response = std::future::poll_fn(|cx| lease.as_mut().poll_response(cx));
            let response = tokio::time::timeout(Duration::from_secs(30), response).await;
            assert!(response.expect("nobody answers for the request").is_err());
            let _ = connection.await;
        }
    }
}
