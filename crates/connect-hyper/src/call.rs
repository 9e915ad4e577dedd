//! One call of one method, and how it is carried out.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use crate::client::{Client, Inner, check_secrecy};
use crate::deadline::Deadline;
use crate::error::Error;
use crate::request::{self, Parts};
use crate::response::{Buffer, Raw, RawResponse, Response};
use crate::{Code, Idempotency, Method, StreamKind, metadata};

/// A call that is ready to be made. Nothing is sent until it is awaited.
///
/// Dropping the future gives the call up: its connection is closed (HTTP/1.1) or its stream reset
/// (HTTP/2), and the server may have executed it all the same.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<M: Method> {
    client: Client,
    request: M::Request,
    options: Options,
}

/// What a call sets for itself.
#[derive(Default)]
struct Options {
    /// None: the client's.
    timeout: Option<Option<Duration>>,
    headers: Option<HeaderMap>,
    /// The first thing that is wrong with them; awaiting reports it.
    error: Option<Error>,
}

impl<M: Method> Call<M> {
    pub(crate) fn new(client: Client, request: M::Request) -> Self {
        Self {
            client,
            request,
            options: Options::default(),
        }
    }

    /// The call's own deadline, in place of the client's. `None` waits for ever.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.options.timeout = Some(timeout.into());
        self
    }

    /// A header of this call. A name that is set twice is sent twice.
    ///
    /// A header that can't be sent (one of the protocol's own, a line break in its value) makes the
    /// call fail with `invalid_argument`, and nothing is sent.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        match metadata::check(name.as_ref(), value.as_ref()) {
            Ok((name, value)) => {
                self.options
                    .headers
                    .get_or_insert_default()
                    .append(name, value);
            }
            Err(error) => {
                self.options.error.get_or_insert(error);
            }
        }
        self
    }

    /// The request, for a last change.
    pub fn request_mut(&mut self) -> &mut M::Request {
        &mut self.request
    }

    /// Makes the call, and returns as soon as status and headers are here, whatever they say.
    ///
    /// The deadline goes on while the body is read.
    ///
    /// # Errors
    ///
    /// No response came. The error tells whether the request may have been executed.
    pub async fn send(self) -> Result<RawResponse<M>, Error> {
        let (client, prepared) = self.prepare()?;
        let deadline = prepared.deadline;
        let raw = deadline
            .enforce(
                "before the response's head",
                exchange(client.inner(), &prepared),
            )
            .instrument(span(M::PATH))
            .await
            .map_err(|error| error.with_method(M::PATH))?;
        Ok(RawResponse {
            raw,
            method: PhantomData,
        })
    }

    fn prepare(self) -> Result<(Client, Prepared), Error> {
        let inner = self.client.inner();
        let prepared = || {
            if let Some(error) = self.options.error {
                return Err(error);
            }
            if M::KIND != StreamKind::Unary {
                return Err(Error::new(
                    Code::Unimplemented,
                    "the method streams, and this call is a unary one",
                ));
            }
            let headers = self.options.headers;
            if headers
                .as_ref()
                .is_some_and(|own| own.keys().any(metadata::is_secret))
            {
                check_secrecy(&inner.base)?;
            }
            let deadline = Deadline::after(self.options.timeout.unwrap_or(inner.timeout));
            deadline.check()?;
            Ok(Prepared {
                path: M::PATH,
                idempotency: M::IDEMPOTENCY,
                body: inner.codec.encode(&self.request)?,
                headers,
                deadline,
            })
        };
        let prepared = prepared().map_err(|error| error.with_method(M::PATH))?;
        Ok((self.client, prepared))
    }
}

impl<M: Method> fmt::Debug for Call<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &M::PATH)
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

impl<M: Method> IntoFuture for Call<M> {
    type Output = Result<Response<M::Response>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let call = async move {
            let (client, prepared) = self.prepare()?;
            // Nothing below is generic until the message is decoded.
            let result = unary(client, prepared)
                .await
                .and_then(Raw::decode::<M>)
                .map_err(|error| error.with_method(M::PATH));
            if let Err(error) = &result {
                Span::current().record("rpc.connect_rpc.error_code", error.code().as_str());
            }
            result
        };
        Box::pin(call.instrument(span(M::PATH)))
    }
}

/// The span of a call, by OpenTelemetry's semantic conventions for Connect RPC. No body and no
/// header's value is ever in it.
fn span(path: &'static str) -> Span {
    let (service, method) = path[1..].split_once('/').unwrap_or((path, ""));
    tracing::debug_span!(
        "rpc",
        rpc.system = "connect_rpc",
        rpc.service = service,
        rpc.method = method,
        rpc.connect_rpc.error_code = Empty,
        http.response.status_code = Empty,
    )
}

/// A call whose message is encoded.
struct Prepared {
    path: &'static str,
    idempotency: Idempotency,
    body: Bytes,
    headers: Option<HeaderMap>,
    deadline: Deadline,
}

async fn unary(client: Client, prepared: Prepared) -> Result<Raw, Error> {
    let work = async {
        let mut raw = exchange(client.inner(), &prepared).await?;
        raw.read_for_decoding().await?;
        Ok(raw)
    };
    prepared.deadline.enforce("the body included", work).await
}

/// Sends the request, a second time only if the credential was refused and repeating is allowed.
async fn exchange(client: &Inner, prepared: &Prepared) -> Result<Raw, Error> {
    let has_own = prepared
        .headers
        .as_ref()
        .is_some_and(|own| own.contains_key(http::header::AUTHORIZATION));
    let mut refreshed = false;
    loop {
        let credential = if has_own {
            None
        } else {
            client.credentials.get().await?
        };
        let request = request::unary(Parts {
            base: &client.base,
            path: prepared.path,
            codec: client.codec,
            defaults: &client.headers,
            headers: prepared.headers.as_ref(),
            authorization: credential
                .as_ref()
                .map(|credential| credential.authorization()),
            timeout: prepared.deadline.header(),
            body: prepared.body.clone(),
        })?;
        let response = client.transport.send(request).await?;
        let (head, body) = response.into_parts();
        Span::current().record("http.response.status_code", head.status.as_u16());
        let raw = Raw {
            status: head.status,
            headers: head.headers,
            body: Some(body),
            buffer: Buffer::default(),
            deadline: prepared.deadline,
            codec: client.codec,
            limit: client.response_limit,
        };
        let was_refused = raw.status == http::StatusCode::UNAUTHORIZED
            && credential.is_some_and(|used| client.credentials.refused(&used));
        if was_refused && !refreshed && prepared.idempotency != Idempotency::Unknown {
            refreshed = true;
            continue;
        }
        return Ok(raw);
    }
}
