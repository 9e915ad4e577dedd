//! One call of one method, and how it is carried out.

use std::fmt;
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::body::{RequestBody, ResponseBody};
use crate::cancel::Signal;
use crate::client::{Client, Inner};
use crate::compression::Compression;
use crate::credential::Credential;
use crate::deadline::Deadline;
use crate::error::{Error, Execution};
use crate::kind::sealed::Kind as _;
use crate::kind::{Kind, Unary};
use crate::request::{self, Framing, Parts};
use crate::response::RawResponse;
use crate::{Code, Idempotency, Method, metadata, unary};

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
    timeout: Option<Option<Duration>>,
    headers: Option<HeaderMap>,
    signal: Signal,
    /// None: the client's.
    use_get: Option<bool>,
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

    /// A header of this call. A name that is set twice is sent twice; of `user-agent` and what
    /// holds a credential the last one counts.
    ///
    /// A header that can't be sent (one of the protocol's own, a line break in its value) makes the
    /// call fail with `invalid_argument`, and nothing is sent.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        match metadata::check(name.as_ref(), value.as_ref()) {
            Ok((name, value)) => {
                let headers = self.options.headers.get_or_insert_default();
                // Far below what a HeaderMap can hold, where it panics.
                if headers.len() >= metadata::MAX_HEADERS {
                    self.options.error.get_or_insert_with(metadata::too_many);
                } else if name == http::header::USER_AGENT || metadata::is_secret(&name) {
                    headers.insert(name, value);
                } else {
                    headers.append(name, value);
                }
            }
            Err(error) => {
                self.options.error.get_or_insert(error);
            }
        }
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

impl<M: Method<Kind = Unary>> Call<M> {
    /// Makes this call by GET or by POST, whatever the client's setting
    /// ([`ClientBuilder::use_get`](crate::ClientBuilder::use_get)) is. A method that may have side
    /// effects is called by POST in any case.
    pub fn use_get(mut self, use_get: bool) -> Self {
        self.options.use_get = Some(use_get);
        self
    }

    /// Makes the call, and returns as soon as status and headers are here, whatever they say.
    ///
    /// The deadline goes on while the body is read. What [`cancel_on`](Self::cancel_on) was given is
    /// heeded as far as this returns; from there on, dropping the response cancels the call.
    ///
    /// # Errors
    ///
    /// No response came. The error tells whether the request may have been executed.
    pub async fn send(mut self) -> Result<RawResponse<M>, Error> {
        let mut signal = std::mem::take(&mut self.options.signal);
        let call = pin!(unary::send(self));
        let raw = signal.end(call).instrument(span(M::PATH)).await;
        Ok(RawResponse {
            raw: raw.map_err(|error| error.with_method(M::PATH))?,
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
        let span = span(M::PATH);
        let own = span.clone();
        let mut signal = std::mem::take(&mut self.options.signal);
        let call = async move {
            match signal.end(pin!(M::Kind::run(self))).await {
                Ok(mut output) => {
                    M::Kind::hold::<M>(&mut output, signal);
                    Ok(output)
                }
                Err(error) => {
                    own.record("rpc.connect_rpc.error_code", error.code().as_str());
                    Err(error.with_method(M::PATH))
                }
            }
        };
        Box::pin(call.instrument(span))
    }
}

/// The span of a call, by OpenTelemetry's semantic conventions for Connect RPC. No body and no
/// header's value is ever in it.
fn span(path: &'static str) -> Span {
    let (service, method) = path
        .strip_prefix('/')
        .and_then(|path| path.split_once('/'))
        .unwrap_or((path, ""));
    tracing::debug_span!(
        "rpc",
        rpc.system = "connect_rpc",
        rpc.service = service,
        rpc.method = method,
        rpc.connect_rpc.error_code = Empty,
        http.response.status_code = Empty,
    )
}

/// A call that is ready for the wire.
pub(crate) struct Prepared {
    path: &'static str,
    idempotency: Idempotency,
    framing: Framing,
    headers: Option<HeaderMap>,
    /// What the message, or some of a stream's, is compressed with.
    pub(crate) encoding: Option<Compression>,
    /// How long a URL may be for the call to be made by GET. None: it is made by POST.
    get_url_limit: Option<usize>,
    /// What the server is told.
    pub(crate) deadline: Deadline,
}

impl Options {
    /// Checks what the call has set.
    pub(crate) fn prepare<M: Method>(
        self,
        client: &Inner,
        deadline: Deadline,
    ) -> Result<Prepared, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let headers = self.headers;
        if headers
            .as_ref()
            .is_some_and(|own| own.keys().any(metadata::is_secret))
        {
            client.check_secrecy()?;
        }
        deadline.check()?;
        let framing = Framing::of(M::Kind::STREAMS);
        let may_get = framing == Framing::Unary && M::IDEMPOTENCY == Idempotency::NoSideEffects;
        let use_get = may_get && self.use_get.unwrap_or(client.use_get);
        Ok(Prepared {
            path: M::PATH,
            idempotency: M::IDEMPOTENCY,
            framing,
            headers,
            encoding: client.outgoing.map(|outgoing| outgoing.compression),
            get_url_limit: use_get.then_some(client.get_url_limit),
            deadline,
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

/// A body that can be sent again, or only once.
pub(crate) enum Payload {
    Message(Bytes),
    Stream(Option<RequestBody>),
}

impl Payload {
    fn next(&mut self) -> Option<RequestBody> {
        match self {
            Payload::Message(message) => Some(RequestBody::full(message.clone())),
            Payload::Stream(body) => body.take(),
        }
    }

    fn can_repeat(&self) -> bool {
        matches!(self, Payload::Message(_))
    }
}

/// What came of an attempt: the response's head, and the credential that was sent.
pub(crate) type Exchange = (http::Response<ResponseBody>, Option<Credential>);

/// Sends the request, a second time only if the credential was refused and repeating is allowed.
pub(crate) async fn exchange(
    client: &Inner,
    prepared: &Prepared,
    mut payload: Payload,
) -> Result<Exchange, Error> {
    let has_own = prepared
        .headers
        .as_ref()
        .is_some_and(|own| own.contains_key(http::header::AUTHORIZATION));
    let mut may_refresh = payload.can_repeat() && prepared.idempotency != Idempotency::Unknown;
    let mut is_second = false;
    // Of a call of two attempts it is never true that nothing was sent.
    let as_second = |is_second: bool| {
        move |error: Error| match error.execution() {
            Execution::NotSent if is_second => error.with_execution(Execution::Ambiguous),
            _ => error,
        }
    };
    while let Some(body) = payload.next() {
        let credential = if has_own {
            None
        } else {
            client
                .credentials
                .get()
                .await
                .map_err(as_second(is_second))?
        };
        let request = request::make(Parts {
            base: &client.base,
            path: prepared.path,
            codec: client.codec,
            framing: prepared.framing,
            encoding: prepared.encoding,
            accept_encoding: client.accept_encoding.clone(),
            get_url_limit: prepared.get_url_limit,
            defaults: &client.headers,
            headers: prepared.headers.as_ref(),
            authorization: credential
                .as_ref()
                .map(|credential| credential.authorization()),
            timeout: prepared.deadline.header(),
            body,
        })?;
        let response = client
            .transport
            .send(request)
            .await
            .map_err(as_second(is_second))?;
        let span = Span::current();
        // Where ours is filtered out, the current one is the caller's.
        if span
            .metadata()
            .is_some_and(|span| span.target() == module_path!())
        {
            span.record("http.response.status_code", response.status().as_u16());
        }
        let was_refused = response.status() == http::StatusCode::UNAUTHORIZED
            && credential
                .as_ref()
                .is_some_and(|used| client.credentials.refused(used));
        if !(was_refused && may_refresh) {
            return Ok((response, credential));
        }
        may_refresh = false;
        is_second = true;
    }
    Err(Error::new(Code::Internal, "a stream was to be sent twice"))
}
