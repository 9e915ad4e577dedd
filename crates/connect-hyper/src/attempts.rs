//! The attempts of a call: the one loop in which requests are sent.

use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use http::{Request, Response, StatusCode, Uri, header};
use tokio::time::Instant;

use crate::body::{RequestBody, ResponseBody};
use crate::call::Prepared;
use crate::cancel::Signal;
use crate::client::{Client, Inner};
use crate::credential::Credential;
use crate::deadline::Deadline;
use crate::error::{Error, Execution};
use crate::layered::{self, Template};
use crate::observe::Attempt;
use crate::payload::Payload;
use crate::request::{self, Parts};
use crate::response::Raw;
use crate::retry::{Decision, Failure};
use crate::transport::Transport;
use crate::{Code, Idempotency, observe, redirect, retry, stream, unary};

/// How far an attempt has to come to be a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// To the response's head, whatever it says.
    Head,
    /// To the head of a stream.
    Stream,
    /// To the last byte of a response that isn't an error.
    Body,
}

/// A response, and the credential that was sent for it.
pub(crate) type Exchange = (Box<Raw>, Option<Credential>);

/// Sends the request until it succeeds, no further attempt is due, or `signal` gives it up.
pub(crate) async fn exchange(
    client: &Client,
    prepared: &Prepared,
    payload: &Payload,
    until: Until,
    limit: Deadline,
    signal: &mut Signal,
) -> Result<Exchange, Error> {
    let mut attempts = Attempts::new(client.inner(), prepared, payload, limit);
    let phase = match until {
        Until::Head | Until::Stream => "before the response's head",
        Until::Body => "the body included",
    };
    let timers = &client.inner().timers;
    let result = match &client.inner().call_layers {
        None => {
            let work = pin!(attempts.run(until));
            limit.enforce(timers, phase, signal.end(work)).await
        }
        Some(layers) => {
            let mut work = Box::pin(layered::run(layers, client, &mut attempts, until));
            limit
                .enforce(timers, phase, signal.end(work.as_mut()))
                .await
        }
    };
    match result {
        Ok(raw) => Ok((raw, attempts.progress.used)),
        Err(error) => Err(attempts.finish(error)),
    }
}

/// What went before the end of a call, for its error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Past {
    started: Instant,
    attempts: u32,
    /// The most that an attempt which failed may have done.
    execution: Execution,
}

impl Past {
    pub(crate) fn begin(started: Instant) -> Self {
        Self {
            started,
            attempts: 0,
            execution: Execution::NotSent,
        }
    }

    /// Tells of all attempts, in the error that ends the last one.
    pub(crate) fn tell(&self, error: Error) -> Error {
        let execution = self.execution.max(error.execution());
        error
            .with_execution(execution)
            .with_attempts(self.attempts, self.started.elapsed())
    }

    /// The number of the attempt that goes on, or went last.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }
}

/// A call under way.
pub(crate) struct Attempts<'a> {
    client: &'a Inner,
    pub(crate) prepared: &'a Prepared,
    payload: &'a Payload,
    /// When the loop has to be over.
    pub(crate) limit: Deadline,
    /// What layers have made of the request.
    pub(crate) template: Option<&'a Template>,
    pub(crate) progress: Progress,
}

/// How far a call has come.
pub(crate) struct Progress {
    pub(crate) past: Past,
    phase: Phase,
    /// Of what may be on its way it is known that it isn't: there is no connection yet.
    is_connecting: AtomicBool,
    /// What came of the last attempt that was followed by another one.
    last: Option<Error>,
    /// The credential of this attempt.
    used: Option<Credential>,
    /// The server refused the credential of this attempt, and another may be had.
    is_refused: bool,
    /// A refused credential was replaced before.
    is_refreshed: bool,
}

impl Progress {
    fn begin(past: Past) -> Self {
        Self {
            past,
            phase: Phase::Waiting,
            is_connecting: AtomicBool::new(false),
            last: None,
            used: None,
            is_refused: false,
            is_refreshed: false,
        }
    }

    /// All of it, and leaves none.
    pub(crate) fn take(&mut self) -> Self {
        let past = self.past;
        std::mem::replace(self, Self::begin(past))
    }
}

/// How far an attempt has come, for whoever has to end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Nothing goes on: the last attempt's error is the call's.
    Over,
    /// Between two attempts.
    Waiting,
    /// Nothing was sent.
    Begun,
    /// The request may be on its way.
    Sent,
    /// It was answered by a redirect.
    Redirected,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(
        client: &'a Inner,
        prepared: &'a Prepared,
        payload: &'a Payload,
        limit: Deadline,
    ) -> Self {
        Self {
            client,
            prepared,
            payload,
            limit,
            template: None,
            progress: Progress::begin(Past::begin(limit.began())),
        }
    }

    pub(crate) async fn run(&mut self, until: Until) -> Result<Box<Raw>, Error> {
        loop {
            let error = match self.attempt(until).await {
                Ok(raw) => {
                    if raw.status.is_success() {
                        self.client.retry_budget.refund();
                    }
                    return Ok(raw);
                }
                Err(error) => error,
            };
            let wait = self.failed(error)?;
            if !wait.is_zero() {
                Box::pin(tokio::time::sleep(wait)).await;
            }
        }
    }

    async fn attempt(&mut self, until: Until) -> Result<Box<Raw>, Error> {
        let client = self.client;
        self.progress.past.attempts += 1;
        self.progress.phase = Phase::Begun;
        self.progress.is_refused = false;
        self.progress.used = match client.credentials.provided() {
            Some(provided) if !self.has_authorization() => Some(provided.get().await?),
            _ => None,
        };
        // Blocks, for what a future has let go of takes room in it until its block ends.
        let mut raw = {
            let (head, body) = {
                let request = self.request(None)?;
                self.progress.phase = Phase::Sent;
                let mut response = client
                    .transport
                    .send(request, &self.progress.is_connecting)
                    .await?;
                if response.status().is_redirection() {
                    response = Box::pin(self.follow(response)).await?;
                }
                response.into_parts()
            };
            self.progress.is_refused = head.status == StatusCode::UNAUTHORIZED
                && self
                    .progress
                    .used
                    .as_ref()
                    .is_some_and(|used| client.credentials.refused(used));
            Raw::new(client, self.prepared, head, body, self.progress.past)
        };
        check(&mut raw, until).await?;
        if until == Until::Head
            && self.can_refresh()
            && self.prepared.idempotency != Idempotency::Unknown
        {
            let error = unary::by_status(raw.status, &raw.headers);
            return Err(error.with_metadata(raw.headers));
        }
        Ok(raw)
    }

    /// Whether the call brings its own credential.
    fn has_authorization(&self) -> bool {
        let own = match self.template {
            Some(template) => Some(&template.headers),
            None => self.prepared.headers(),
        };
        own.is_some_and(|own| own.contains_key(header::AUTHORIZATION))
    }

    /// The request of an attempt, to `elsewhere` if a redirect says so.
    fn request(&self, elsewhere: Option<Uri>) -> Result<Request<RequestBody>, Error> {
        let authorization = match &self.progress.used {
            Some(used) => Some(used.authorization()),
            None if self.has_authorization() => None,
            None => self
                .client
                .credentials
                .fixed()
                .map(Credential::authorization),
        };
        // Nothing was waited for: neither an earlier attempt, nor a layer, a credential or a redirect.
        let has_just_begun = self.progress.past.attempts == 1
            && self.template.is_none()
            && self.client.credentials.provided().is_none()
            && elsewhere.is_none();
        let timeout = self
            .prepared
            .deadline
            .header(&self.client.timeout_header, has_just_begun);
        let mut request = match self.template {
            // hyper's connections go to the base URL's origin unless a request says otherwise.
            None => {
                let is_absolute = !matches!(self.client.transport, Transport::Hyper(_));
                let parts = self.parts(is_absolute);
                request::make(&parts, self.body()?, authorization, timeout)?
            }
            Some(template) => {
                let mut request = Request::new(self.body()?);
                *request.method_mut() = template.method.clone();
                *request.uri_mut() = template.uri.clone();
                *request.headers_mut() = template.headers.clone();
                request::add(request.headers_mut(), authorization, timeout);
                request
            }
        };
        if let Some(uri) = elsewhere {
            *request.uri_mut() = uri;
        }
        Ok(request)
    }

    pub(crate) fn parts(&self, is_absolute: bool) -> Parts<'_> {
        Parts {
            base: &self.client.base,
            path: self.prepared.path,
            is_absolute,
            codec: self.client.codec,
            framing: self.prepared.framing,
            encoding: self.prepared.encoding,
            heads: &self.client.heads,
            get_url_limit: self.prepared.get_url_limit,
            headers: self.prepared.headers(),
        }
    }

    pub(crate) fn body(&self) -> Result<RequestBody, Error> {
        self.payload
            .body()
            .ok_or_else(|| Error::new(Code::Internal, "a stream of requests was to be sent twice"))
    }

    /// Goes where a redirect points, as long as it may. All of it is one attempt.
    async fn follow(
        &mut self,
        mut response: Response<ResponseBody>,
    ) -> Result<Response<ResponseBody>, Error> {
        let mut from = match self.template {
            Some(template) => template.uri.clone(),
            None => self.client.base.uri(self.prepared.path)?,
        };
        let mut hops = 0;
        while let Some(target) = redirect::target(
            &self.client.redirects,
            &from,
            response.status(),
            response.headers(),
        ) {
            self.progress.phase = Phase::Redirected;
            let status = response.status();
            let target = match target {
                Ok(_) if hops == redirect::MAX_HOPS => Err(redirect::refused(
                    status,
                    "more redirects than are followed",
                )),
                Ok(_) if !self.payload.can_repeat() => Err(redirect::refused(
                    status,
                    "a redirect of a stream that has begun",
                )),
                target => target,
            };
            let target = match target {
                Ok(target) => target,
                Err(error) => return Err(error.with_metadata(response.into_parts().0.headers)),
            };
            hops += 1;
            // The connection is free for others while the next one is made.
            drop(response);
            from = target.clone();
            let request = self.request(Some(target))?;
            response = self
                .client
                .transport
                .send(request, &self.progress.is_connecting)
                .await?;
        }
        Ok(response)
    }

    fn can_refresh(&self) -> bool {
        self.progress.is_refused && !self.progress.is_refreshed && self.payload.can_repeat()
    }

    /// An attempt has failed. How long to wait for the next one, or the call's error.
    #[cold]
    fn failed(&mut self, error: Error) -> Result<Duration, Error> {
        let error = self.proven(error);
        let failure = Failure {
            error: &error,
            idempotency: self.prepared.idempotency,
            attempt: self.progress.past.attempts,
            can_repeat: self.payload.can_repeat(),
            can_refresh: self.can_refresh(),
            left: self
                .limit
                .at()
                .map(|at| at.saturating_duration_since(Instant::now())),
            now: SystemTime::now(),
            jitter: fastrand::f64(),
        };
        let policy = self.prepared.retry().unwrap_or(&self.client.retry);
        let wait = match retry::decide(policy, &failure) {
            Decision::Refresh => {
                self.progress.is_refreshed = true;
                Some(Duration::ZERO)
            }
            Decision::Retry(wait) if self.client.retry_budget.pay() => Some(wait),
            Decision::Retry(_) | Decision::Stop => None,
        };
        self.report(&error, wait);
        let past = &mut self.progress.past;
        past.execution = past.execution.max(error.execution());
        let Some(wait) = wait else {
            self.progress.phase = Phase::Over;
            return Err(error);
        };
        self.progress.phase = Phase::Waiting;
        self.progress.last = Some(error);
        Ok(wait)
    }

    /// A redirect was an answer: of what it led to it is never true that nothing was sent.
    fn proven(&self, error: Error) -> Error {
        match error.execution() {
            Execution::NotSent if self.progress.phase == Phase::Redirected => {
                error.with_execution(Execution::Ambiguous)
            }
            _ => error,
        }
    }

    /// The error of the call. If that isn't over, the error ended it from outside.
    #[cold]
    fn finish(mut self, mut error: Error) -> Error {
        let is_from_outside = self.progress.phase != Phase::Over;
        let is_unsent = match self.progress.phase {
            Phase::Begun | Phase::Waiting => true,
            Phase::Sent => *self.progress.is_connecting.get_mut(),
            Phase::Over | Phase::Redirected => false,
        };
        if is_unsent {
            error = error.with_execution(Execution::NotSent);
        }
        if self.progress.phase >= Phase::Begun {
            self.report(&error, None);
        }
        if is_from_outside && let Some(last) = self.progress.last.take() {
            // Why there was more than one attempt.
            error = error.with_source(last);
        }
        self.progress.past.tell(error)
    }

    fn report(&self, error: &Error, wait: Option<Duration>) {
        observe::attempt(
            self.client,
            self.prepared,
            &Attempt {
                method: self.prepared.path,
                number: self.progress.past.attempts,
                error_code: Some(error.code()),
                status: error.http_status(),
                request_bytes: self.payload.len(),
                response_bytes: None,
                wait,
            },
        );
    }
}

/// Whether a response is what an attempt has to come to; then with as much of its body as that.
pub(crate) async fn check(raw: &mut Raw, until: Until) -> Result<(), Error> {
    match until {
        Until::Head => Ok(()),
        Until::Body => raw.read_for_decoding().await,
        Until::Stream => stream::check_head(raw.status, &raw.headers, raw.codec, &raw.accepted)
            .map_err(|error| error.with_metadata(std::mem::take(&mut raw.headers))),
    }
}
