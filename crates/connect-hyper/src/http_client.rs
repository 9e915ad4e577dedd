//! Plain HTTP, beside the API that a client is for.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::Code;
use crate::base_url::is_loopback;
use crate::body::RequestBody;
use crate::deadline::Deadline;
use crate::error::{Error, Execution};
use crate::metadata;
use crate::timers::Timers;
use crate::transport::Transport;

/// Plain HTTP over connections like a [`Client`](crate::Client)'s: the same TLS, roots, proxies, pool and
/// limits. It is for the few requests that belong to the work and not to the Connect API: a token
/// endpoint, a REST call, a probe.
///
/// ```
/// # async fn probe(token: &str) -> Result<bool, connect_hyper::Error> {
/// use connect_hyper::Client;
///
/// let http = Client::builder("https://example.com").build_http()?;
/// let request = http::Request::get("https://example.com/scim/v2/Users?count=1")
///     .header("authorization", format!("Bearer {token}"))
///     .body(bytes::Bytes::new())
///     .map_err(|_| connect_hyper::Error::new(connect_hyper::Code::InvalidArgument, "not a request"))?;
/// let response = http.send(request).await?;
/// Ok(response.status().is_success())
/// # }
/// ```
///
/// A clone is cheap and shares the connections.
#[derive(Clone)]
pub struct HttpClient(Arc<Inner>);

struct Inner {
    transport: Transport,
    timeout: Option<Duration>,
    response_limit: usize,
    /// All goes to a socket of this machine.
    is_local: bool,
    timers: Timers,
}

impl HttpClient {
    pub(crate) fn new(
        transport: Transport,
        timeout: Option<Duration>,
        response_limit: usize,
        is_local: bool,
    ) -> Self {
        Self(Arc::new(Inner {
            transport,
            timeout,
            response_limit,
            is_local,
            timers: Timers::default(),
        }))
    }

    /// Sends the request to the absolute URL that it has, once, and reads the whole answer. Whatever its
    /// status is, an answer is a success. No redirect is followed, and nothing is sent again.
    ///
    /// # Errors
    ///
    /// `invalid_argument`: the URL isn't absolute, or a credential would cross a network in plain text.
    /// `unavailable`: no answer; [`execution`](Error::execution) tells whether the request was sent.
    /// `deadline_exceeded`: not complete within the client's timeout. `resource_exhausted`: the answer is
    /// larger than the client's limit. No error quotes URL, headers or body.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        let inner = &*self.0;
        inner.check(&request)?;
        let deadline = Deadline::after(inner.timeout);
        deadline.check()?;
        let request = inner.prepare(request);
        let is_connecting = AtomicBool::new(false);
        let exchange = async {
            let response = inner.transport.send(request, &is_connecting).await?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, inner.response_limit).collect().await;
            let body = body.map_err(|error| inner.unread(error.as_ref()))?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        deadline
            .enforce(&inner.timers, "waiting for an answer", exchange)
            .await
            .map_err(|error| {
                if is_connecting.load(Ordering::Relaxed) {
                    error.with_execution(Execution::NotSent)
                } else {
                    error
                }
            })
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("timeout", &self.0.timeout)
            .field("response_limit", &self.0.response_limit)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn check(&self, request: &Request<Bytes>) -> Result<(), Error> {
        let refuse = |why| Err(Error::new(Code::InvalidArgument, why));
        let uri = request.uri();
        if uri.authority().is_none() {
            return refuse("the URL of the request isn't absolute");
        }
        let is_secret = request.headers().keys().any(metadata::is_secret);
        if is_secret && !self.is_local && !is_private(uri) {
            return refuse(
                "a credential is sent over https, or over http to a loopback address: the URL is neither",
            );
        }
        Ok(())
    }

    fn prepare(&self, request: Request<Bytes>) -> Request<RequestBody> {
        let (mut head, body) = request.into_parts();
        for (name, value) in &mut head.headers {
            if metadata::is_secret(name) {
                value.set_sensitive(true);
            }
        }
        // hyper says nothing of a body that isn't there, and some servers want to hear it.
        let is_told = head.headers.contains_key(CONTENT_LENGTH);
        if body.is_empty() && !head.method.is_safe() && !is_told {
            head.headers
                .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Request::from_parts(head, RequestBody::full(body))
    }

    fn unread(&self, error: &(dyn std::error::Error + Send + Sync + 'static)) -> Error {
        if error.is::<LengthLimitError>() {
            let limit = self.response_limit;
            return Error::new(
                Code::ResourceExhausted,
                format!("the answer is larger than the limit of {limit} bytes"),
            )
            .with_execution(Execution::Ambiguous);
        }
        Error::new(
            Code::Unavailable,
            "the connection was lost within the answer",
        )
        .with_execution(Execution::Ambiguous)
        .with_source(crate::error::innermost(error))
    }
}

/// Whether nobody else can read what is sent there: it is https, or this machine by a loopback address.
#[must_use]
pub fn is_private(uri: &Uri) -> bool {
    uri.scheme() == Some(&Scheme::HTTPS) || uri.host().is_some_and(is_loopback)
}
