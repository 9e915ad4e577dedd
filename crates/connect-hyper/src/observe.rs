//! What an attempt shows of itself: an event, the call's span, a user's hook.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tracing::field::Empty;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Span, debug, debug_span};

use crate::Code;
use crate::base_url::BaseUrl;
use crate::call::Prepared;
use crate::client::Inner;
use crate::error::Error;
use crate::payload::Payload;
use crate::response::Raw;

/// An attempt of a call that is over.
///
/// Of what was sent and received there are lengths in it, and nothing else.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Attempt {
    pub(crate) method: &'static str,
    pub(crate) number: u32,
    pub(crate) error_code: Option<Code>,
    pub(crate) status: Option<StatusCode>,
    pub(crate) request_bytes: Option<usize>,
    pub(crate) response_bytes: Option<usize>,
    pub(crate) wait: Option<Duration>,
}

impl Attempt {
    /// The attempt that a response came of, if anybody looks at attempts.
    pub(crate) fn last(
        client: &Inner,
        prepared: &Prepared,
        payload: &Payload,
        raw: &Raw,
    ) -> Option<Self> {
        if client.on_attempt.is_none() && LevelFilter::current() < Level::DEBUG {
            return None;
        }
        Some(Self {
            method: prepared.path,
            number: raw.past.attempts(),
            error_code: None,
            status: Some(raw.status),
            request_bytes: payload.len(),
            // What comes of a body that isn't read yet isn't known.
            response_bytes: raw.body.is_none().then(|| raw.buffer.len()),
            wait: None,
        })
    }

    /// The path of the method, `/package.Service/Method`.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// Which attempt of its call it was, from 1.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// What it failed with. `None` if it succeeded.
    #[must_use]
    pub fn error_code(&self) -> Option<Code> {
        self.error_code
    }

    /// The response's HTTP status, if there was a response.
    #[must_use]
    pub fn http_status(&self) -> Option<StatusCode> {
        self.status
    }

    /// How long the call waits before its next attempt. `None` if this was the last one.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.wait
    }
}

/// A user's hook.
#[derive(Clone)]
pub(crate) struct Hook(Arc<dyn Fn(&Attempt) + Send + Sync>);

impl Hook {
    pub(crate) fn new(hook: impl Fn(&Attempt) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").finish_non_exhaustive()
    }
}

/// The span of a call, by OpenTelemetry's semantic conventions for Connect RPC. No body and no
/// header's value is ever in it.
pub(crate) fn span(path: &'static str, base: &BaseUrl) -> Span {
    // Without a subscriber this is all that it costs.
    if LevelFilter::current() < Level::DEBUG {
        return Span::none();
    }
    debug_span!(
        "rpc",
        otel.name = path.trim_start_matches('/'),
        otel.kind = "client",
        otel.status_code = Empty,
        rpc.system = SYSTEM,
        rpc.service = split(path).0,
        rpc.method = split(path).1,
        rpc.connect_rpc.error_code = Empty,
        rpc.attempts = Empty,
        server.address = base.host(),
        server.port = base.port(),
        http.response.status_code = Empty,
        http.request.body.size = Empty,
        http.response.body.size = Empty,
    )
}

const SYSTEM: &str = "connect_rpc";

fn split(path: &'static str) -> (&'static str, &'static str) {
    path.strip_prefix('/')
        .and_then(|path| path.split_once('/'))
        .unwrap_or((path, ""))
}

/// A call has failed.
#[cold]
pub(crate) fn failed(span: &Span, error: &Error) {
    span.record("otel.status_code", "ERROR");
    span.record("rpc.connect_rpc.error_code", error.code().as_str());
}

/// The last attempt of a call is over; `error` is what became of its response.
pub(crate) fn last_attempt(
    client: &Inner,
    prepared: &Prepared,
    last: Option<Attempt>,
    error: Option<&Error>,
) {
    if let Some(last) = last {
        let error_code = error.map(Error::code);
        attempt(client, prepared, &Attempt { error_code, ..last });
    }
}

/// An attempt is over.
pub(crate) fn attempt(client: &Inner, prepared: &Prepared, attempt: &Attempt) {
    let status = attempt.status.map(|status| status.as_u16());
    debug!(
        rpc.system = SYSTEM,
        rpc.service = split(attempt.method).0,
        rpc.method = split(attempt.method).1,
        rpc.attempt = attempt.number,
        rpc.connect_rpc.error_code = attempt.error_code.map(Code::as_str),
        http.response.status_code = status,
        http.request.body.size = attempt.request_bytes,
        http.response.body.size = attempt.response_bytes,
        rpc.wait_ms = attempt.wait.map(|wait| wait.as_secs_f64() * 1000.0),
        "attempt"
    );
    if let Some(span) = prepared.span() {
        span.record("rpc.attempts", attempt.number);
        span.record("http.response.status_code", status);
        span.record("http.request.body.size", attempt.request_bytes);
        span.record("http.response.body.size", attempt.response_bytes);
    }
    if let Some(Hook(hook)) = &client.on_attempt {
        hook(attempt);
    }
}
