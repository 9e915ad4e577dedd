//! The attempts of a call: the one loop in which requests are sent.

use std::time::{Duration, SystemTime};

use http::{Request, Response, StatusCode, Uri};
use tokio::time::Instant;

use crate::body::{RequestBody, ResponseBody};
use crate::call::Prepared;
use crate::client::Inner;
use crate::credential::Credential;
use crate::deadline::Deadline;
use crate::error::{Error, Execution};
use crate::observe::Attempt;
use crate::payload::Payload;
use crate::request::{self, Parts};
use crate::response::{Buffer, Raw};
use crate::retry::{Decision, Failure};
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
pub(crate) type Exchange = (Raw, Option<Credential>);

/// Sends the request until it succeeds, or no further attempt is due.
pub(crate) async fn exchange(
    client: &Inner,
    prepared: &Prepared,
    payload: &Payload,
    until: Until,
    limit: Deadline,
) -> Result<Exchange, Error> {
    let mut attempts = Attempts::new(client, prepared, payload, limit);
    let phase = match until {
        Until::Head | Until::Stream => "before the response's head",
        Until::Body => "the body included",
    };
    match limit.enforce(phase, attempts.run(until)).await {
        Ok(raw) => Ok((raw, attempts.used)),
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
    fn begin() -> Self {
        Self {
            started: Instant::now(),
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
struct Attempts<'a> {
    client: &'a Inner,
    prepared: &'a Prepared,
    payload: &'a Payload,
    /// When the loop has to be over.
    limit: Deadline,
    past: Past,
    /// What came of the last attempt that was followed by another one.
    last: Option<Error>,
    /// The credential of this attempt.
    used: Option<Credential>,
    phase: Phase,
    /// The server refused the credential of this attempt, and another may be had.
    is_refused: bool,
    /// A refused credential was replaced before.
    is_refreshed: bool,
}

/// How far an attempt has come, for whoever has to end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    fn new(
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
            past: Past::begin(),
            last: None,
            used: None,
            phase: Phase::Over,
            is_refused: false,
            is_refreshed: false,
        }
    }

    async fn run(&mut self, until: Until) -> Result<Raw, Error> {
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

    async fn attempt(&mut self, until: Until) -> Result<Raw, Error> {
        self.past.attempts += 1;
        self.phase = Phase::Begun;
        self.is_refused = false;
        self.used = if self.prepared.has_authorization() {
            None
        } else {
            self.client.credentials.get().await?
        };
        let request = self.request(None)?;
        self.phase = Phase::Sent;
        let mut response = self.client.transport.send(request).await?;
        if response.status().is_redirection() {
            response = Box::pin(self.follow(response)).await?;
        }
        let (head, body) = response.into_parts();
        self.is_refused = head.status == StatusCode::UNAUTHORIZED
            && self
                .used
                .as_ref()
                .is_some_and(|used| self.client.credentials.refused(used));
        let mut raw = Raw {
            status: head.status,
            headers: head.headers,
            body: Some(body),
            buffer: Buffer::default(),
            deadline: self.prepared.deadline,
            codec: self.client.codec,
            limit: self.client.response_limit,
            accepted: self.client.accepted,
            failed: false,
            past: self.past,
        };
        match until {
            Until::Body => raw.read_for_decoding().await?,
            Until::Stream => {
                if let Err(error) =
                    stream::check_head(raw.status, &raw.headers, raw.codec, &raw.accepted)
                {
                    return Err(error.with_metadata(raw.headers));
                }
            }
            Until::Head => {
                if self.can_refresh() && self.prepared.idempotency != Idempotency::Unknown {
                    let error = unary::by_status(raw.status, &raw.headers);
                    return Err(error.with_metadata(raw.headers));
                }
            }
        }
        Ok(raw)
    }

    /// The request of an attempt, to `elsewhere` if a redirect says so.
    fn request(&self, elsewhere: Option<Uri>) -> Result<Request<RequestBody>, Error> {
        let body = self.payload.body().ok_or_else(|| {
            Error::new(Code::Internal, "a stream of requests was to be sent twice")
        })?;
        let mut request = request::make(Parts {
            base: &self.client.base,
            path: self.prepared.path,
            codec: self.client.codec,
            framing: self.prepared.framing,
            encoding: self.prepared.encoding,
            accept_encoding: self.client.accept_encoding.clone(),
            get_url_limit: self.prepared.get_url_limit,
            defaults: &self.client.headers,
            headers: self.prepared.headers.as_ref(),
            authorization: self.used.as_ref().map(Credential::authorization),
            timeout: self.prepared.deadline.header(),
            body,
        })?;
        if let Some(uri) = elsewhere {
            *request.uri_mut() = uri;
        }
        Ok(request)
    }

    /// Goes where a redirect points, as long as it may. All of it is one attempt.
    async fn follow(
        &mut self,
        mut response: Response<ResponseBody>,
    ) -> Result<Response<ResponseBody>, Error> {
        let mut from = self.client.base.uri(self.prepared.path)?;
        let mut hops = 0;
        while let Some(target) = redirect::target(
            &self.client.redirects,
            &from,
            response.status(),
            response.headers(),
        ) {
            self.phase = Phase::Redirected;
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
            response = self.client.transport.send(request).await?;
        }
        Ok(response)
    }

    fn can_refresh(&self) -> bool {
        self.is_refused && !self.is_refreshed && self.payload.can_repeat()
    }

    /// An attempt has failed. How long to wait for the next one, or the call's error.
    #[cold]
    fn failed(&mut self, error: Error) -> Result<Duration, Error> {
        let error = self.proven(error);
        let failure = Failure {
            error: &error,
            idempotency: self.prepared.idempotency,
            attempt: self.past.attempts,
            can_repeat: self.payload.can_repeat(),
            can_refresh: self.can_refresh(),
            left: self
                .limit
                .at()
                .map(|at| at.saturating_duration_since(Instant::now())),
            now: SystemTime::now(),
            jitter: fastrand::f64(),
        };
        let policy = self.prepared.retry.as_ref().unwrap_or(&self.client.retry);
        let wait = match retry::decide(policy, &failure) {
            Decision::Refresh => {
                self.is_refreshed = true;
                Some(Duration::ZERO)
            }
            Decision::Retry(wait) if self.client.retry_budget.pay() => Some(wait),
            Decision::Retry(_) | Decision::Stop => None,
        };
        self.report(&error, wait);
        let Some(wait) = wait else {
            self.phase = Phase::Over;
            return Err(error);
        };
        self.phase = Phase::Waiting;
        self.past.execution = self.past.execution.max(error.execution());
        self.last = Some(error);
        Ok(wait)
    }

    /// A redirect was an answer: of what it led to it is never true that nothing was sent.
    fn proven(&self, error: Error) -> Error {
        match error.execution() {
            Execution::NotSent if self.phase == Phase::Redirected => {
                error.with_execution(Execution::Ambiguous)
            }
            _ => error,
        }
    }

    /// The error of the call. If that isn't over, the error ended it from outside.
    #[cold]
    fn finish(mut self, mut error: Error) -> Error {
        let is_from_outside = self.phase != Phase::Over;
        if matches!(self.phase, Phase::Begun | Phase::Waiting) {
            error = error.with_execution(Execution::NotSent);
        }
        if !matches!(self.phase, Phase::Over | Phase::Waiting) {
            self.report(&error, None);
        }
        if is_from_outside && let Some(last) = self.last.take() {
            // Why there was more than one attempt.
            error = error.with_source(last);
        }
        self.past.tell(error)
    }

    fn report(&self, error: &Error, wait: Option<Duration>) {
        observe::attempt(
            self.client,
            &Attempt {
                method: self.prepared.path,
                number: self.past.attempts,
                error_code: Some(error.code()),
                status: error.http_status(),
                request_bytes: self.payload.len(),
                response_bytes: None,
                wait,
            },
        );
    }
}
