//! One request on its way. A future by hand, for it is in every call, and an `async` function would
//! hold the request twice.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use http::{Request, Response};

use super::Origin;
use super::failure;
use super::lease::BoxLease;
use super::pool::{Connecting, Get};
use super::service::ErasedFuture;
use crate::body::{RequestBody, ResponseBody};
use crate::error::Error;

/// What a transport's `send` returns.
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the usual one, and lies in its call's own allocation"
)]
pub(crate) enum Sending<'a> {
    Hyper(Attempt<'a>),
    Service(ErasedFuture),
    Failed(Option<Error>),
}

/// Sends a request on whatever connection takes it. One that turns out to have been closed while
/// it was idle gives the request back.
pub(crate) struct Attempt<'a> {
    origin: Arc<Origin>,
    /// Here until it is on its way.
    request: Option<Request<RequestBody>>,
    state: State,
    /// Says to whoever gives it up that it waits for a connection.
    is_connecting: &'a AtomicBool,
}

enum State {
    Begin,
    Connecting(Connecting),
    /// A connection, and whether it speaks HTTP/2.
    Connected(BoxLease, bool),
    /// The request is with it.
    Sent(BoxLease, bool),
}

impl<'a> Attempt<'a> {
    pub(super) fn new(
        origin: Arc<Origin>,
        request: Request<RequestBody>,
        is_connecting: &'a AtomicBool,
    ) -> Self {
        Self {
            origin,
            request: Some(request),
            state: State::Begin,
            is_connecting,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<ResponseBody>, Error>> {
        loop {
            match &mut self.state {
                State::Begin => {
                    self.state = match self.origin.pool.get() {
                        Get::Ready(lease, is_http2) => State::Connected(lease, is_http2),
                        Get::Connecting(connecting) => {
                            self.is_connecting.store(true, Ordering::Relaxed);
                            State::Connecting(connecting)
                        }
                    };
                }
                State::Connecting(connecting) => {
                    let connected = ready!(connecting.as_mut().poll(cx));
                    self.is_connecting.store(false, Ordering::Relaxed);
                    self.state = match connected {
                        Ok(Some((lease, is_http2))) => State::Connected(lease, is_http2),
                        // It calls for another connection.
                        Ok(None) => State::Begin,
                        Err(error) => return Poll::Ready(Err(failure::to_connect(error))),
                    };
                }
                State::Connected(lease, is_http2) => {
                    if let Err(error) = ready!(lease.as_mut().poll_ready(cx)) {
                        let is_reused = lease.as_mut().is_reused();
                        self.again(is_reused, error)?;
                        continue;
                    }
                    let Some(mut request) = self.request.take() else {
                        return Poll::Pending;
                    };
                    self.origin.shape(&mut request, *is_http2);
                    if lease.as_mut().start(request) && *is_http2 {
                        self.origin.pool.let_go();
                    }
                    if let State::Connected(lease, is_http2) =
                        std::mem::replace(&mut self.state, State::Begin)
                    {
                        self.state = State::Sent(lease, is_http2);
                    }
                }
                State::Sent(lease, is_http2) => {
                    let mut error = match ready!(lease.as_mut().poll_response(cx)) {
                        Ok(response) => {
                            let is_http2 = *is_http2;
                            let state = std::mem::replace(&mut self.state, State::Begin);
                            // Of HTTP/2 everybody has a share, and none is given back.
                            let lease = match state {
                                State::Sent(lease, _) if !is_http2 => Some(lease),
                                _ => None,
                            };
                            return Poll::Ready(Ok(
                                response.map(|body| ResponseBody::hyper(body, lease))
                            ));
                        }
                        Err(error) => error,
                    };
                    let Some(unsent) = error.take_message() else {
                        return Poll::Ready(Err(failure::to_respond(error.into_error())));
                    };
                    self.request = Some(unsent);
                    let is_reused = lease.as_mut().is_reused();
                    self.again(is_reused, error.into_error())?;
                }
            }
        }
    }

    /// The connection has closed before it took the request. One that was idle may have been closed
    /// long ago, which is no failure of this request's; how often a new one is made is the retry
    /// policy's to say.
    fn again(&mut self, is_reused: bool, error: hyper::Error) -> Result<(), Error> {
        self.state = State::Begin;
        if is_reused {
            return Ok(());
        }
        Err(failure::to_connect(error.into()))
    }
}

impl Future for Sending<'_> {
    type Output = Result<Response<ResponseBody>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Sending::Hyper(attempt) => attempt.poll(cx),
            Sending::Service(service) => service.as_mut().poll(cx).map_err(failure::of_service),
            Sending::Failed(error) => match error.take() {
                Some(error) => Poll::Ready(Err(error)),
                None => Poll::Pending,
            },
        }
    }
}
