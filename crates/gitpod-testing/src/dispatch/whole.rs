//! Requests that are taken whole before they are answered: unary calls, and everything that isn't
//! a call.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::request::Parts;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::stream::unimplemented;
use super::{Dispatcher, executions, pause};
use crate::connect::compression::{decompress, too_large};
use crate::connect::get;
use crate::connect::head::{Form, Refusal, read_codec, read_head};
use crate::fault::{Answer, Executions, Fault, stale};
use crate::handler::{Handler, panicked};
use crate::route::{Route, is_of_the_api};

/// How many times a request's limit is read and thrown away, so that a client that sends too
/// much sees the answer and not a broken pipe.
const DRAIN: usize = 8;

/// A request's body.
enum Body {
    Whole(Bytes),
    TooLarge,
    /// The client went away, or what it sent isn't HTTP.
    Broken,
}

/// # Errors
///
/// The client isn't there to be answered.
pub(super) async fn answer(
    dispatcher: &Arc<Dispatcher>,
    route: Route,
    parts: Parts,
    body: Incoming,
    fault: Option<&Fault>,
) -> Result<Answer, h2::Error> {
    let body = receive(body, dispatcher.options.max_request_bytes).await;
    if matches!(body, Body::Broken) {
        return Err(h2::Reason::CANCEL.into());
    }
    let (before, executions) = executions(fault);
    // A task of its own: a request that has arrived is executed whether or not its client is
    // still there, and a handler that panics takes nothing with it.
    let execution = tokio::spawn({
        let dispatcher = Arc::clone(dispatcher);
        async move {
            pause(before).await;
            let request = Arc::new(Whole { parts, route, body });
            execute(&dispatcher, &request, executions).await
        }
    });
    let response = execution.await;
    Ok(Answer::Whole(
        response.unwrap_or_else(|_| panicked().to_unary_response()),
    ))
}

/// A request that is all here.
struct Whole {
    parts: Parts,
    route: Route,
    body: Body,
}

async fn execute(
    dispatcher: &Arc<Dispatcher>,
    request: &Arc<Whole>,
    executions: Executions,
) -> http::Response<Bytes> {
    let once = || dispatcher.answer(&request.parts, &request.route, &request.body);
    match executions {
        // Whoever wants no execution says what goes out in place of the answer.
        Executions::None => http::Response::new(Bytes::new()),
        Executions::Once => once().await,
        Executions::TwiceFirst => {
            let first = once().await;
            once().await;
            first
        }
        Executions::TwiceSecond => {
            once().await;
            once().await
        }
        Executions::Late(delay) => {
            execute_later(dispatcher, request, delay);
            http::Response::new(Bytes::new())
        }
        Executions::AgainLate(delay) => {
            execute_later(dispatcher, request, delay);
            once().await
        }
        Executions::Stale => stale(once()).await,
    }
}

/// By the server's clock; unless the server is gone by then.
fn execute_later(dispatcher: &Arc<Dispatcher>, request: &Arc<Whole>, delay: Duration) {
    let clock = dispatcher.clock.clone();
    let due = clock.now().checked_add(delay).unwrap_or(clock.now());
    let (dispatcher, request) = (Arc::downgrade(dispatcher), Arc::clone(request));
    tokio::spawn(async move {
        clock.reaches(due).await;
        if let Some(dispatcher) = dispatcher.upgrade() {
            dispatcher
                .answer(&request.parts, &request.route, &request.body)
                .await;
        }
    });
}

async fn receive(mut body: Incoming, limit: usize) -> Body {
    let mut received = BytesMut::new();
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Body::Broken;
        };
        // Trailers of a request mean nothing in this protocol.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length = length.saturating_add(data.len());
        if length <= limit {
            received.extend_from_slice(&data);
        } else {
            received = BytesMut::new();
            if length > limit.saturating_mul(DRAIN) {
                break;
            }
        }
    }
    if length > limit {
        Body::TooLarge
    } else {
        Body::Whole(received.freeze())
    }
}

impl Dispatcher {
    async fn answer(&self, parts: &Parts, route: &Route, body: &Body) -> http::Response<Bytes> {
        match route {
            Route::Rpc(path) => match self.unary(parts, path, body).await {
                Ok(response) => response,
                Err(refusal) => refusal.into_response(),
            },
            Route::Scim(path) => self.scim.answer(parts, path, self.clock.now()),
            Route::Nowhere => status(StatusCode::NOT_FOUND),
        }
    }

    async fn unary(
        &self,
        parts: &Parts,
        path: &str,
        body: &Body,
    ) -> Result<http::Response<Bytes>, Refusal> {
        let Some(Handler::Unary { run, allows_get }) = self.router.find(path) else {
            if !is_of_the_api(path) {
                return Ok(status(StatusCode::NOT_FOUND));
            }
            self.credentials.check(&parts.headers)?;
            return Err(unimplemented(path).into());
        };
        let limit = self.options.max_request_bytes;
        let strict = self.options.require_protocol_version;
        let (head, message) = if allows_get && parts.method == http::Method::GET {
            let query = parts.uri.query().unwrap_or_default();
            let called = get::read_query(query, &parts.headers, strict)?;
            self.credentials.check(&parts.headers)?;
            called
        } else {
            let codec = read_codec(Form::Unary, &parts.method, &parts.headers, allows_get)?;
            let head = read_head(Form::Unary, codec, &parts.headers, strict)?;
            self.credentials.check(&parts.headers)?;
            let Body::Whole(body) = body else {
                return Err(too_large(limit).into());
            };
            (head, body.clone())
        };
        let message = decompress(head.compression, message, limit)?;
        let call = self.call(&head, parts.headers.clone(), parts.uri.query(), message);
        Ok(run(call).await)
    }
}

fn status(status: StatusCode) -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
