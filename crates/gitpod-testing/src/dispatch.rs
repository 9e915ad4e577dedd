//! From a request to its response: logged, spoiled where a fault says so, executed, sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use connect_hyper::Code;
use http::request::Parts;
use http::{HeaderValue, StatusCode, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::calls::{CallLog, CallRecord};
use crate::clock::Clock;
use crate::connect::compression::too_large;
use crate::connect::envelope;
use crate::connect::error::ServerError;
use crate::connect::get;
use crate::connect::header::single;
use crate::connect::unary::{self, Refusal};
use crate::credential::Credentials;
use crate::fault::{Executions, FaultBoard, deliver};
use crate::handler::{Handler, RawCall};
use crate::net::body::ScriptedBody;
use crate::net::connection::Control;
use crate::route::{Route, Router, is_of_the_api};
use crate::scim::endpoint::ScimEndpoint;

/// How many times a request's limit is read and thrown away, so that a client that sends too
/// much sees the answer and not a broken pipe.
const DRAIN: usize = 8;

/// What all connections of a server share.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    pub(crate) router: Router,
    pub(crate) credentials: Credentials,
    pub(crate) faults: FaultBoard,
    pub(crate) calls: CallLog,
    pub(crate) clock: Clock,
    pub(crate) scim: ScimEndpoint,
    pub(crate) options: Options,
}

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) max_request_bytes: usize,
    pub(crate) compress_responses: bool,
    pub(crate) require_protocol_version: bool,
}

/// A request's body.
enum Received {
    Whole(Bytes),
    TooLarge,
    /// The client went away, or what it sent isn't HTTP.
    Broken,
}

/// Answers one request.
///
/// # Errors
///
/// The stream is reset with this code, in place of an answer.
pub(crate) async fn dispatch(
    dispatcher: Arc<Dispatcher>,
    control: Control,
    request: http::Request<Incoming>,
) -> Result<http::Response<ScriptedBody>, h2::Error> {
    let (parts, body) = request.into_parts();
    let http2 = parts.version == Version::HTTP_2;
    let route = Route::of(parts.uri.path());
    let path = match &route {
        Route::Rpc(path) => path,
        _ => parts.uri.path(),
    };
    dispatcher
        .calls
        .add(CallRecord::new(&parts, path, dispatcher.clock.now()));
    let fault = route
        .target()
        .and_then(|target| dispatcher.faults.take(&target));
    let body = receive(body, dispatcher.options.max_request_bytes).await;
    if matches!(body, Received::Broken) {
        return Err(h2::Reason::CANCEL.into());
    }
    let (before, executions, after) = fault.as_ref().map_or(
        (Duration::ZERO, Executions::Once, Duration::ZERO),
        |fault| {
            let executions = fault.executions.unwrap_or(Executions::Once);
            (fault.before, executions, fault.after)
        },
    );
    // A task of its own: a request that has arrived is executed whether or not its client is
    // still there, and a handler that panics takes nothing with it.
    let execution = tokio::spawn({
        let dispatcher = Arc::clone(&dispatcher);
        async move {
            pause(before).await;
            repeat(executions, || dispatcher.answer(&parts, &route, &body)).await
        }
    });
    let response = execution.await.unwrap_or_else(|_| {
        ServerError::new(Code::Internal, "the handler panicked").to_unary_response()
    });
    pause(after).await;
    let date = httpdate::fmt_http_date(dispatcher.clock.now());
    let date = HeaderValue::try_from(date).unwrap_or(HeaderValue::from_static(""));
    deliver(response, fault.as_ref(), http2, &control, date).await
}

async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

async fn repeat<F>(executions: Executions, execute: impl Fn() -> F) -> http::Response<Bytes>
where
    F: Future<Output = http::Response<Bytes>>,
{
    match executions {
        // Whoever wants no execution says what goes out in place of the answer.
        Executions::None => http::Response::new(Bytes::new()),
        Executions::Once => execute().await,
        Executions::TwiceFirst => {
            let first = execute().await;
            execute().await;
            first
        }
        Executions::TwiceSecond => {
            execute().await;
            execute().await
        }
    }
}

async fn receive(mut body: Incoming, limit: usize) -> Received {
    let mut received = BytesMut::new();
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Received::Broken;
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
        Received::TooLarge
    } else {
        Received::Whole(received.freeze())
    }
}

impl Dispatcher {
    async fn answer(&self, parts: &Parts, route: &Route, body: &Received) -> http::Response<Bytes> {
        match route {
            Route::Rpc(path) => match self.call(parts, path, body).await {
                Ok(response) => response,
                Err(refusal) => refusal.into_response(),
            },
            Route::Scim(path) => self.scim.answer(parts, path, self.clock.now()),
            Route::Nowhere => status(StatusCode::NOT_FOUND),
        }
    }

    async fn call(
        &self,
        parts: &Parts,
        path: &str,
        body: &Received,
    ) -> Result<http::Response<Bytes>, Refusal> {
        let found = self.router.find(path);
        let Some(Handler::Unary { run, allows_get }) = found else {
            if found.is_none() && !is_of_the_api(path) {
                return Ok(status(StatusCode::NOT_FOUND));
            }
            self.credentials.check(&parts.headers)?;
            let content_type = single(&parts.headers, "content-type")?.unwrap_or_default();
            return Ok(envelope::unimplemented(content_type, path));
        };
        let limit = self.options.max_request_bytes;
        let strict = self.options.require_protocol_version;
        let (head, message) = if allows_get && parts.method == http::Method::GET {
            let query = parts.uri.query().unwrap_or_default();
            let called = get::read_query(query, &parts.headers, strict)?;
            self.credentials.check(&parts.headers)?;
            called
        } else {
            let head = unary::read_head(&parts.method, &parts.headers, allows_get, strict)?;
            self.credentials.check(&parts.headers)?;
            let Received::Whole(body) = body else {
                return Err(too_large(limit).into());
            };
            (head, body.clone())
        };
        let message = head.encoding.decompress(message, limit)?;
        let call = RawCall {
            head,
            headers: parts.headers.clone(),
            message,
            compress: self.options.compress_responses,
        };
        Ok(run(call).await)
    }
}

fn status(status: StatusCode) -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
