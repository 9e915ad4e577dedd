//! From a request to its response: logged, spoiled where a fault says so, executed, sent.

mod stream;
mod whole;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, Version};
use hyper::body::Incoming;

use crate::calls::{CallLog, CallRecord};
use crate::clock::Clock;
use crate::connect::compression::Compression;
use crate::connect::head::Head;
use crate::credential::Credentials;
use crate::fault::{Delivery, Executions, Fault, FaultBoard, deliver};
use crate::handler::Call;
use crate::net::body::ScriptedBody;
use crate::net::connection::{Control, Ending};
use crate::quirk::{Quirk, Quirks};
use crate::route::{Route, Router};
use crate::scim::endpoint::ScimEndpoint;

/// What all connections of a server share.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    pub(crate) router: Router,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) faults: FaultBoard,
    pub(crate) calls: CallLog,
    pub(crate) clock: Clock,
    pub(crate) scim: ScimEndpoint,
    pub(crate) options: Options,
}

#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The path that the RPCs' paths are behind.
    pub(crate) api_path: String,
    pub(crate) max_request_bytes: usize,
    pub(crate) max_concurrent_streams: u32,
    /// What responses may be compressed with.
    pub(crate) compress_responses: Vec<Compression>,
    pub(crate) require_protocol_version: bool,
    pub(crate) quirks: Quirks,
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
    let route = Route::of(parts.uri.path(), &dispatcher.options.api_path);
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
    let fault = fault.as_ref();
    if fault.is_some_and(|fault| fault.delivery == Delivery::GoAwayFirst) {
        control.end(Ending::GoAway);
    }
    let answer = match stream::served(&dispatcher, &parts, &route) {
        Some(served) => stream::answer(&dispatcher, served, parts, body, fault).await,
        None => whole::answer(&dispatcher, route, parts, body, fault).await?,
    };
    pause(fault.map_or(Duration::ZERO, |fault| fault.after)).await;
    let date = dispatcher.date();
    deliver(answer, fault, http2, &control, date).await
}

/// What a fault says of the execution: the pause before it, and how often it happens.
fn executions(fault: Option<&Fault>) -> (Duration, Executions) {
    let once = (Duration::ZERO, Executions::Once);
    fault.map_or(once, |fault| {
        let executions = fault.executions.unwrap_or(Executions::Once);
        (fault.before, executions)
    })
}

async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

impl Dispatcher {
    fn date(&self) -> Option<HeaderValue> {
        if self.options.quirks.has(Quirk::NoDate) {
            return None;
        }
        HeaderValue::try_from(httpdate::fmt_http_date(self.clock.now())).ok()
    }

    /// A call that begins now.
    fn call<B>(&self, head: &Head, headers: HeaderMap, query: Option<&str>, body: B) -> Call<B> {
        let mut accepted = head.accepted.iter().copied();
        let offered = &self.options.compress_responses;
        Call {
            codec: head.codec,
            headers,
            query: query.map(str::to_owned),
            compression: accepted.find(|compression| offered.contains(compression)),
            deadline: head
                .timeout
                .and_then(|timeout| Instant::now().checked_add(timeout)),
            body,
        }
    }
}
