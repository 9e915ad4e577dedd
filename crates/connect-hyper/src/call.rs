//! One call of one method, and how it is carried out.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use pin_project_lite::pin_project;
use tracing::{Instrument as _, Span};

use crate::cancel::Signal;
use crate::client::{Client, Inner};
use crate::compression::{Compression, Outgoing};
use crate::deadline::Deadline;
use crate::error::Error;
use crate::kind::sealed::Kind as _;
use crate::kind::{Kind, Unary};
use crate::request::Framing;
use crate::response::RawResponse;
use crate::retry::RetryPolicy;
use crate::{Idempotency, Method, metadata, observe, unary};

/// A call that is ready to be made. Nothing is sent until it is awaited.
///
/// Dropping the future gives the call up: its connection is closed (HTTP/1.1) or its stream reset
/// (HTTP/2), and the server may have executed it all the same.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<M: Method> {
    pub(crate) client: Client,
    pub(crate) input: Input<M>,
    pub(crate) options: Options,
}

/// What a call of this method takes: a request, or a stream of them.
pub(crate) type Input<M> = <<M as Method>::Kind as Kind>::Input<M>;
/// What it comes to.
type Output<M> = <<M as Method>::Kind as Kind>::Output<M>;

/// What a call sets for itself.
#[derive(Default)]
pub(crate) struct Options {
    /// None: the client's.
    pub(crate) timeout: Option<Option<Duration>>,
    pub(crate) signal: Signal,
    /// What few calls set lies apart, for calls are moved about.
    more: Option<Box<More>>,
}

#[derive(Default)]
struct More {
    headers: Option<HeaderMap>,
    /// None: the client's.
    use_get: Option<bool>,
    /// None: the client's.
    validate: Option<bool>,
    /// None: the client's.
    retry: Option<RetryPolicy>,
    /// The call's span, if anybody wants it.
    span: Option<Span>,
    /// The first thing that is wrong with them; awaiting reports it.
    error: Option<Error>,
}

impl<M: Method> Call<M> {
    pub(crate) fn new(client: Client, input: Input<M>) -> Self {
        Self {
            client,
            input,
            options: Options::default(),
        }
    }

    /// The call's own deadline, in place of the client's. `None` waits for ever.
    ///
    /// It covers everything to the last byte, of a stream too. (The client's deadline covers no
    /// more than the start of a stream of responses.)
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.options.timeout = Some(timeout.into());
        self
    }

    /// How often this call is attempted, in place of the client's policy.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.options.retry(policy);
        self
    }

    /// A header of this call. A name that is set twice is sent twice; of `user-agent` and what
    /// holds a credential the last one counts.
    ///
    /// A header that can't be sent (one of the protocol's own, a line break in its value) makes the
    /// call fail with `invalid_argument`, and nothing is sent.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        self.options.header(name.as_ref(), value.as_ref());
        self
    }

    /// Whether requests are looked at before they are sent
    /// ([`Method::validate`](crate::Method::validate)), whatever the client's setting
    /// ([`ClientBuilder::validate`](crate::ClientBuilder::validate)) is.
    pub fn validate(mut self, validate: bool) -> Self {
        self.options.more().validate = Some(validate);
        self
    }

    /// Ends the call in `canceled` when `signal` completes: the cancellation of a token, say, or the
    /// end of a timer. A stream of responses ends so too, behind the messages that were taken from
    /// it. The last signal that is set counts.
    ///
    /// On the wire it is what dropping the call is. A signal that has completed before the call is
    /// awaited keeps it from being sent.
    pub fn cancel_on(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.options.signal = Signal::new(signal);
        self
    }
}

impl<M: Method> Call<M> {
    /// Opens the call's span.
    fn begin(&mut self) -> Span {
        let span = observe::span(M::PATH, &self.client.inner().base);
        if !span.is_disabled() {
            self.options.more().span = Some(span.clone());
        }
        span
    }
}

impl<M: Method<Kind = Unary>> Call<M> {
    /// Makes this call by GET or by POST, whatever the client's setting
    /// ([`ClientBuilder::use_get`](crate::ClientBuilder::use_get)) is. A method that may have side
    /// effects is called by POST in any case.
    pub fn use_get(mut self, use_get: bool) -> Self {
        self.options.more().use_get = Some(use_get);
        self
    }

    /// Makes the call, and returns as soon as status and headers are here, whatever they say.
    ///
    /// The deadline goes on while the body is read. What [`cancel_on`](Self::cancel_on) was given is
    /// heeded as far as this returns; from there on, dropping the response cancels the call.
    ///
    /// # Errors
    ///
    /// No response came, or a redirect that isn't followed. The error tells whether the request may
    /// have been executed.
    pub async fn send(mut self) -> Result<RawResponse<M>, Error> {
        let span = self.begin();
        let raw = unary::send(self).instrument(span.clone()).await;
        Ok(RawResponse {
            raw: raw.map_err(|error| ended(error, M::PATH, &span))?,
            method: PhantomData,
        })
    }
}

impl<M: Method> fmt::Debug for Call<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &M::PATH)
            .field("input", &self.input)
            .finish_non_exhaustive()
    }
}

impl<M: Method> IntoFuture for Call<M> {
    type Output = Result<Output<M>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(Calling {
            span: self.begin(),
            work: M::Kind::run(self),
            method: PhantomData::<fn() -> M>,
        })
    }
}

pin_project! {
    /// A call under way. A future by hand, for an `async` block would hold all of it twice.
    struct Calling<M, F> {
        #[pin]
        work: F,
        span: Span,
        method: PhantomData<fn() -> M>,
    }
}

impl<M: Method, F: Future<Output = Result<Output<M>, Error>>> Future for Calling<M, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let entered = this.span.enter();
        let result = ready!(this.work.poll(cx));
        drop(entered);
        Poll::Ready(result.map_err(|error| ended(error, M::PATH, this.span)))
    }
}

/// The error that a call ends in.
pub(crate) fn ended(error: Error, path: &'static str, span: &Span) -> Error {
    observe::failed(span, &error);
    error.with_method(path)
}

/// A call that is ready for the wire.
pub(crate) struct Prepared {
    pub(crate) path: &'static str,
    pub(crate) idempotency: Idempotency,
    pub(crate) framing: Framing,
    /// What the message, or some of a stream's, is compressed with.
    pub(crate) encoding: Option<Compression>,
    /// How long a URL may be for the call to be made by GET. None: it is made by POST.
    pub(crate) get_url_limit: Option<usize>,
    /// What the server is told.
    pub(crate) deadline: Deadline,
    more: Option<Box<More>>,
}

impl Prepared {
    /// The call's own headers.
    pub(crate) fn headers(&self) -> Option<&HeaderMap> {
        self.more.as_ref()?.headers.as_ref()
    }

    /// The call's own policy, in place of the client's.
    pub(crate) fn retry(&self) -> Option<&RetryPolicy> {
        self.more.as_ref()?.retry.as_ref()
    }

    /// The call's span, if anybody wants it.
    pub(crate) fn span(&self) -> Option<&Span> {
        self.more.as_ref()?.span.as_ref()
    }

    /// The message as it is sent, if messages are compressed, and what is said of it.
    pub(crate) fn compress(&mut self, message: Bytes, outgoing: Outgoing) -> Result<Bytes, Error> {
        let (message, is_compressed) = outgoing.apply(message)?;
        self.encoding = self.encoding.filter(|_| is_compressed);
        Ok(message)
    }

    /// All but the headers, which the request has by now.
    pub(crate) fn without_headers(&self) -> Self {
        let more = self.more.as_ref().map(|more| {
            Box::new(More {
                retry: more.retry,
                span: more.span.clone(),
                ..More::default()
            })
        });
        Self { more, ..*self }
    }
}

/// What a call goes by of its method.
#[derive(Clone, Copy)]
pub(crate) struct Spec {
    pub(crate) path: &'static str,
    pub(crate) idempotency: Idempotency,
    pub(crate) framing: Framing,
}

impl Spec {
    pub(crate) fn of<M: Method>() -> Self {
        Self {
            path: M::PATH,
            idempotency: M::IDEMPOTENCY,
            framing: Framing::of(M::Kind::STREAMS),
        }
    }
}

impl Options {
    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// The same for another call; the signal stays here, and the error goes with the first.
    pub(crate) fn again(&mut self) -> Self {
        Self {
            timeout: self.timeout,
            signal: Signal::default(),
            more: self.more.as_mut().map(|more| {
                Box::new(More {
                    headers: more.headers.clone(),
                    span: None,
                    error: more.error.take(),
                    ..**more
                })
            }),
        }
    }

    pub(crate) fn retry(&mut self, policy: RetryPolicy) {
        self.more().retry = Some(policy);
    }

    pub(crate) fn header(&mut self, name: &str, value: &str) {
        let more = self.more();
        match metadata::check(name, value) {
            Ok((name, value)) => {
                let headers = more.headers.get_or_insert_default();
                // Far below what a HeaderMap can hold, where it panics.
                if headers.len() >= metadata::MAX_HEADERS {
                    more.error.get_or_insert_with(metadata::too_many);
                } else if name == http::header::USER_AGENT || metadata::is_secret(&name) {
                    headers.insert(name, value);
                } else {
                    headers.append(name, value);
                }
            }
            Err(error) => {
                more.error.get_or_insert(error);
            }
        }
    }

    /// Opens the span of a call of a method that no type stands for.
    pub(crate) fn begin(&mut self, path: &'static str, client: &Client) -> Span {
        let span = observe::span(path, &client.inner().base);
        if !span.is_disabled() {
            self.more().span = Some(span.clone());
        }
        span
    }

    /// Looks at a request, if that is wanted.
    pub(crate) fn validate<M: Method>(
        &self,
        client: &Inner,
        request: &M::Request,
    ) -> Result<(), Error> {
        if self.validates(client) {
            M::validate(request)
        } else {
            Ok(())
        }
    }

    pub(crate) fn validates(&self, client: &Inner) -> bool {
        let own = self.more.as_ref().and_then(|more| more.validate);
        own.unwrap_or(client.validate)
    }

    /// Checks what the call has set. Inlined, so that what a type says of its method costs nothing.
    #[inline(always)]
    pub(crate) fn prepare(
        self,
        spec: Spec,
        client: &Inner,
        deadline: Deadline,
    ) -> Result<Prepared, Error> {
        let mut use_get = client.use_get;
        let mut more = self.more;
        if let Some(more) = &mut more {
            if let Some(error) = more.error.take() {
                return Err(error);
            }
            let headers = more.headers.as_ref();
            if headers.is_some_and(|own| own.keys().any(metadata::is_secret)) {
                client.check_secrecy()?;
            }
            use_get = more.use_get.unwrap_or(use_get);
        }
        deadline.check()?;
        let may_get =
            spec.framing == Framing::Unary && spec.idempotency == Idempotency::NoSideEffects;
        Ok(Prepared {
            path: spec.path,
            idempotency: spec.idempotency,
            framing: spec.framing,
            encoding: client.outgoing.map(|outgoing| outgoing.compression),
            get_url_limit: (may_get && use_get).then_some(client.get_url_limit),
            deadline,
            more,
        })
    }

    /// The deadline of a call that is over when its one response is here.
    pub(crate) fn deadline(&self, client: &Inner) -> Deadline {
        Deadline::after(self.timeout.unwrap_or(client.timeout))
    }

    /// The deadline of a stream of responses: the call's own, if it has one.
    pub(crate) fn stream_deadline(&self) -> Deadline {
        Deadline::after(self.timeout.flatten())
    }
}
