//! A client's settings.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use crate::base_url::BaseUrl;
use crate::body::RequestBody;
use crate::client::{Client, Inner};
use crate::codec::Codec;
use crate::compression::{Accepted, Compression, Outgoing};
use crate::credential::{Credential, CredentialProvider, Credentials};
use crate::deadline::TimeoutHeader;
use crate::error::{BoxError, Error};
use crate::http_client::HttpClient;
use crate::layered::Loop;
use crate::observe::{Attempt, Hook};
use crate::redirect::Origin;
use crate::request::{Common, Heads};
use crate::retry::RetryPolicy;
use crate::retry_budget::RetryBudget;
use crate::timers::Timers;
use crate::transport::{self, HttpService, Hyper, Transport, Versions};
use crate::{Code, metadata};

/// The deadline of a call that sets none: 30 s.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a stream of responses may be silent: 5 min.
const DEFAULT_STREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// How large a response may be once it is decompressed: 16 MiB.
const DEFAULT_RESPONSE_LIMIT: usize = 16 << 20;
/// How long the URL of a GET may be: what everybody on the way should take (RFC 9110, section 4.1).
const DEFAULT_GET_URL_LIMIT: usize = 8000;

/// Collects a [`Client`]'s settings. Nothing is checked, and nothing can fail, before
/// [`build`](Self::build).
#[must_use = "a builder does nothing until build() is called"]
pub struct ClientBuilder {
    base_url: String,
    codec: Codec,
    timeout: Option<Duration>,
    pub(crate) options: transport::Options,
    stream_idle_timeout: Option<Duration>,
    response_limit: usize,
    accepted: Accepted,
    outgoing: Option<Outgoing>,
    use_get: bool,
    validate: bool,
    get_url_limit: usize,
    headers: Vec<(String, String)>,
    credentials: Credentials,
    retry: RetryPolicy,
    on_attempt: Option<Hook>,
    redirect_origins: Vec<String>,
    transport: Option<Transport>,
    layers: Layers,
    call_layers: Layers,
}

/// From the inside out.
type Layers = Vec<Box<dyn FnOnce(HttpService) -> Transport + Send>>;

fn wrap(inside: Transport, layers: Layers) -> Transport {
    layers
        .into_iter()
        .fold(inside, |inside, layer| layer(HttpService::new(inside)))
}

impl fmt::Debug for ClientBuilder {
    /// URL and header values are left out: they haven't been checked for secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("codec", &self.codec)
            .field("timeout", &self.timeout)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl ClientBuilder {
    pub(crate) fn new(base_url: String) -> Self {
        Self {
            base_url,
            codec: Codec::default(),
            timeout: Some(DEFAULT_TIMEOUT),
            options: transport::Options::default(),
            stream_idle_timeout: Some(DEFAULT_STREAM_IDLE_TIMEOUT),
            response_limit: DEFAULT_RESPONSE_LIMIT,
            accepted: Accepted::default(),
            outgoing: None,
            use_get: false,
            validate: true,
            get_url_limit: DEFAULT_GET_URL_LIMIT,
            headers: Vec::new(),
            credentials: Credentials::None,
            retry: RetryPolicy::default(),
            on_attempt: None,
            redirect_origins: Vec::new(),
            transport: None,
            layers: Vec::new(),
            call_layers: Vec::new(),
        }
    }

    /// The base URL, in place of the one that the builder was started with.
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// The form of messages on the wire. JSON unless set.
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// The deadline of calls that set none of their own: 30 s unless set. `None` waits for ever.
    ///
    /// It covers the whole call: the connection, the headers, the last byte of the body. Of a
    /// stream of responses it covers the start: to the headers.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// How long a stream of responses may be silent before it ends in `deadline_exceeded`: 5 min
    /// unless set. `None` waits for ever.
    pub fn stream_idle_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.stream_idle_timeout = timeout.into();
        self
    }

    /// How many bytes a response, or a message of a stream, may have, decompressed: 16 MiB unless set. The limit holds while
    /// a body is read and while it is decompressed. Beyond it a call ends in `resource_exhausted`.
    pub fn response_limit(mut self, bytes: usize) -> Self {
        self.response_limit = bytes;
        self
    }

    /// Compresses each message that has `min_bytes` bytes or more, before compression. Off unless
    /// set, since not every server takes it.
    ///
    /// A compressed length tells something of what is in the message. Where an attacker can have
    /// text of his own sent beside a secret, and sees the lengths, that is a leak.
    pub fn compress_requests(mut self, compression: Compression, min_bytes: usize) -> Self {
        self.outgoing = Some(Outgoing {
            compression,
            min_bytes,
        });
        self
    }

    /// What a server may compress its answers with, the most preferred first: all that this build
    /// has unless set. None at all asks for answers as they are.
    ///
    /// The features `zstd`, `br` and `gzip` say what there is, and it is preferred in that order.
    pub fn accept_compression(
        mut self,
        compressions: impl IntoIterator<Item = Compression>,
    ) -> Self {
        self.accepted = compressions.into_iter().collect();
        self
    }

    /// Calls unary methods without side effects by GET, so that caches on the way can answer them.
    /// Off unless set.
    ///
    /// The message then stands in the URL, and proxies and servers write URLs to their logs. A call
    /// whose request holds a secret can turn it off for itself ([`Call::use_get`](crate::Call::use_get)).
    pub fn use_get(mut self, use_get: bool) -> Self {
        self.use_get = use_get;
        self
    }

    /// Whether requests are looked at before they are sent ([`Method::validate`](crate::Method::validate)):
    /// they are unless set. A call can differ from its client ([`Call::validate`](crate::Call::validate)).
    pub fn validate(mut self, validate: bool) -> Self {
        self.validate = validate;
        self
    }

    /// How many bytes the URL of a GET may have: 8000 unless set, which RFC 9110 asks everybody on
    /// the way to take. A call whose URL would be longer is made by POST.
    pub fn get_url_limit(mut self, bytes: usize) -> Self {
        self.get_url_limit = bytes;
        self
    }

    /// A header of every call, in place of one of that name that was set before. A call's own
    /// header of that name replaces it.
    ///
    /// The protocol's own headers are refused, and so are values outside printable ASCII, and an
    /// `authorization` beside a credential.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.headers
            .retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
        self.headers.push((name, value.into()));
        self
    }

    /// The credential of every call.
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credentials = Credentials::Static(credential);
        self
    }

    /// Whom to ask for a credential.
    pub fn credential_provider(mut self, provider: impl CredentialProvider) -> Self {
        self.credentials = Credentials::provider(provider);
        self
    }

    /// How often calls that set no policy of their own are attempted: at most 3 times unless set, and
    /// only where another attempt can do no harm ([`RetryPolicy`]). `RetryPolicy::none()` turns it
    /// off.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// What is told of every attempt when it is over, before the wait for the next one. It runs
    /// where the call runs, so it must be quick, and must not panic. An attempt that is given up by
    /// dropping its call isn't told.
    pub fn on_attempt(mut self, hook: impl Fn(&Attempt) + Send + Sync + 'static) -> Self {
        self.on_attempt = Some(Hook::new(hook));
        self
    }

    /// More origins that redirects may lead to, besides the base URL's own: `https://example.com`
    /// for instance.
    ///
    /// A redirect of status 307 or 308 to one of them is followed with method, message and
    /// credential, up to 5 times a request and within the call's deadline. Plain http is followed
    /// from a server of this machine to itself alone. Any other redirect is an error that names the
    /// origin, and nothing is sent there.
    pub fn redirect_origins<O: Into<String>>(
        mut self,
        origins: impl IntoIterator<Item = O>,
    ) -> Self {
        self.redirect_origins
            .extend(origins.into_iter().map(Into::into));
        self
    }

    /// Sends requests by a tower service in place of hyper's pooled client.
    ///
    /// The service gets every attempt, with an absolute URI. Of its failures it is only known that
    /// the request may have been executed; but an error that is `hyper_util`'s pooled client's own
    /// is read as such, so that a service which wraps that client and makes one attempt a call
    /// loses nothing.
    pub fn transport<S, B>(mut self, service: S) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.transport = Some(Transport::service(service));
        self
    }

    /// Wraps a tower layer around every attempt of every call. One that is added later is further
    /// out.
    ///
    /// What a layer's own failure means isn't known, so the request may have been executed; an
    /// error of the transport's that a layer hands on keeps its meaning.
    pub fn layer<L, B>(mut self, layer: L) -> Self
    where
        L: Layer<HttpService> + Send + 'static,
        L::Service:
            Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request<RequestBody>>>::Future: Send,
        <L::Service as Service<Request<RequestBody>>>::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.layers.push(Box::new(move |inner| {
            Transport::service(layer.layer(inner))
        }));
        self
    }

    /// Wraps a tower layer around every call, with all its attempts inside. One that is added later
    /// is further out.
    ///
    /// It sees the request without what each attempt adds: the credential and what is left of the
    /// time. What it changes of headers and URL holds for all attempts. A call that fails, after all
    /// its attempts, is an [`Error`] to it; the deadline, which covers the layer too, and giving up
    /// are seen as being dropped. It must hand on the request that it got, extensions included.
    pub fn call_layer<L, B>(mut self, layer: L) -> Self
    where
        L: Layer<HttpService> + Send + 'static,
        L::Service:
            Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request<RequestBody>>>::Future: Send,
        <L::Service as Service<Request<RequestBody>>>::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.call_layers.push(Box::new(move |inner| {
            Transport::service(layer.layer(inner))
        }));
        self
    }

    /// The client.
    ///
    /// # Errors
    ///
    /// `invalid_argument` for a URL or a header that can't be used, and for a credential that would
    /// cross a network in plain text; `failed_precondition` if the system has no root certificates.
    pub fn build(self) -> Result<Client, Error> {
        let base = BaseUrl::parse(&self.base_url)?;
        if self.headers.len() > metadata::MAX_HEADERS {
            return Err(metadata::too_many());
        }
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| metadata::check(name, value))
            .collect::<Result<Vec<_>, _>>()?;
        if self.credentials.is_some()
            && headers
                .iter()
                .any(|(name, _)| *name == http::header::AUTHORIZATION)
        {
            return Err(Error::new(
                Code::InvalidArgument,
                "header \"authorization\": set beside a credential, which is sent in it",
            ));
        }
        let has_secret =
            self.credentials.is_some() || headers.iter().any(|(name, _)| metadata::is_secret(name));
        let redirects = base
            .origin()
            .map(Ok)
            .into_iter()
            .chain(self.redirect_origins.iter().map(|text| Origin::parse(text)))
            .collect::<Result<Vec<_>, _>>()?;
        let https = redirects.iter().any(Origin::is_https);
        let is_local = self.is_local();
        let is_private = base.is_https() || base.is_loopback() || is_local;
        let transport = match self.transport {
            Some(transport) => transport,
            None => Transport::Hyper(Hyper::new(&self.options, &base, https)?),
        };
        let transport = wrap(transport, self.layers);
        let call_layers = (!self.call_layers.is_empty())
            .then(|| wrap(Transport::service(Loop), self.call_layers));
        // hyper's own connections take requests as they are.
        let is_http1 = self.options.versions != Versions::Http2;
        let is_hyper = matches!(transport, Transport::Hyper(_));
        let host = (is_hyper && is_http1).then(|| base.host_header()).flatten();
        let inner = Inner {
            base,
            is_private,
            codec: self.codec,
            timeout: self.timeout,
            stream_idle_timeout: self.stream_idle_timeout,
            response_limit: self.response_limit,
            accepted: self.accepted,
            outgoing: self.outgoing,
            use_get: self.use_get,
            validate: self.validate,
            get_url_limit: self.get_url_limit,
            heads: Heads::new(Common {
                codec: self.codec,
                accept_encoding: self.accepted.header(),
                defaults: &headers,
                has_credential: self.credentials.is_some(),
                host,
            }),
            timers: Timers::default(),
            timeout_header: TimeoutHeader::default(),
            header_names: headers.into_iter().map(|(name, _)| name).collect(),
            credentials: self.credentials,
            retry: self.retry,
            retry_budget: RetryBudget::default(),
            on_attempt: self.on_attempt,
            redirects,
            call_layers,
            transport,
        };
        if has_secret {
            inner.check_secrecy()?;
        }
        Ok(Client::new(inner))
    }

    /// A client of plain HTTP with these settings of connections, TLS and proxies, this timeout, limit on
    /// a response, transport and layers around attempts. The base URL is where most requests go; each has a
    /// whole URL of its own.
    ///
    /// # Errors
    ///
    /// Those of [`build`](Self::build); and `invalid_argument` for a credential or a header, which each
    /// request has of its own.
    pub fn build_http(self) -> Result<HttpClient, Error> {
        let base = BaseUrl::parse(&self.base_url)?;
        if self.credentials.is_some() || !self.headers.is_empty() {
            return Err(Error::new(
                Code::InvalidArgument,
                "a client of plain HTTP has neither credential nor headers: each request has its own",
            ));
        }
        let is_local = self.is_local();
        let transport = match self.transport {
            Some(transport) => transport,
            None => Transport::Hyper(Hyper::new(&self.options, &base, true)?),
        };
        Ok(HttpClient::new(
            wrap(transport, self.layers),
            self.timeout,
            self.response_limit,
            is_local,
        ))
    }

    /// Whether all connections are to a socket of this machine.
    fn is_local(&self) -> bool {
        #[cfg(unix)]
        return self.options.unix_socket.is_some();
        #[cfg(not(unix))]
        false
    }
}
