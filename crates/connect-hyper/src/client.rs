//! A client: everything that all calls to one service share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use crate::body::RequestBody;
use crate::call::Call;
use crate::codec::Codec;
use crate::compression::{Accepted, Compression, Outgoing};
use crate::credential::{Credential, CredentialProvider, Credentials};
use crate::deadline::TimeoutHeader;
use crate::error::{BoxError, Error};
use crate::kind::Kind;
use crate::layered::Loop;
use crate::observe::{Attempt, Hook};
use crate::redirect::Origin;
use crate::request::{BaseUrl, Common, Heads};
use crate::retry::RetryPolicy;
use crate::retry_budget::RetryBudget;
use crate::timers::Timers;
use crate::transport::{self, HttpService, Hyper, Transport, Versions};
use crate::{Code, Method, metadata};

/// The deadline of a call that sets none: 30 s.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a stream of responses may be silent: 5 min.
const DEFAULT_STREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// How large a response may be once it is decompressed: 16 MiB.
const DEFAULT_RESPONSE_LIMIT: usize = 16 << 20;
/// How long the URL of a GET may be: what everybody on the way should take (RFC 9110, section 4.1).
const DEFAULT_GET_URL_LIMIT: usize = 8000;

/// A client of Connect services behind one base URL.
///
/// A clone is cheap and shares the connections. Calls take `&self`, and their futures are `Send`.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) base: BaseUrl,
    /// Nobody else can read what is sent.
    is_private: bool,
    pub(crate) codec: Codec,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stream_idle_timeout: Option<Duration>,
    pub(crate) response_limit: usize,
    pub(crate) accepted: Accepted,
    /// `accepted` as a header.
    pub(crate) outgoing: Option<Outgoing>,
    pub(crate) use_get: bool,
    pub(crate) get_url_limit: usize,
    /// What a user has set, by name.
    header_names: Vec<HeaderName>,
    pub(crate) heads: Heads,
    pub(crate) timers: Timers,
    pub(crate) timeout_header: TimeoutHeader,
    pub(crate) credentials: Credentials,
    pub(crate) retry: RetryPolicy,
    pub(crate) retry_budget: RetryBudget,
    pub(crate) on_attempt: Option<Hook>,
    /// Where redirects may lead.
    pub(crate) redirects: Vec<Origin>,
    /// Layers around calls, with the loop of attempts inside.
    pub(crate) call_layers: Option<Transport>,
    pub(crate) transport: Transport,
}

impl Client {
    /// Starts a client for the services below `base_url`, `https://example.com/api` for instance.
    ///
    /// A wrong URL is reported by [`ClientBuilder::build`].
    pub fn builder(base_url: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            base_url: base_url.into(),
            codec: Codec::default(),
            timeout: Some(DEFAULT_TIMEOUT),
            options: transport::Options::default(),
            stream_idle_timeout: Some(DEFAULT_STREAM_IDLE_TIMEOUT),
            response_limit: DEFAULT_RESPONSE_LIMIT,
            accepted: Accepted::default(),
            outgoing: None,
            use_get: false,
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

    /// A call of a method, with its request, or with a stream of them ([`Requests`]). Nothing is
    /// sent until it is awaited.
    ///
    /// [`Requests`]: crate::Requests
    pub fn call<M: Method>(&self, input: <M::Kind as Kind>::Input<M>) -> Call<M> {
        Call::new(self.clone(), input)
    }

    /// The base URL.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.inner.base.to_string()
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.base_url())
            .field("codec", &self.inner.codec)
            .field("timeout", &self.inner.timeout)
            .field("response_limit", &self.inner.response_limit)
            .field("headers", &self.inner.header_names)
            .field("credentials", &self.inner.credentials)
            .field("retry", &self.inner.retry)
            .field("transport", &self.inner.transport)
            .finish()
    }
}

/// Collects a [`Client`]'s settings. Nothing is checked, and nothing can fail, before
/// [`build`](Self::build).
#[must_use = "a builder does nothing until build() is called"]
pub struct ClientBuilder {
    base_url: String,
    codec: Codec,
    timeout: Option<Duration>,
    options: transport::Options,
    stream_idle_timeout: Option<Duration>,
    response_limit: usize,
    accepted: Accepted,
    outgoing: Option<Outgoing>,
    use_get: bool,
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

    /// How long a connection may take to come about, its TLS handshake included: 10 s unless set.
    ///
    /// Failing here is known as not sent, which the deadline's end is not.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.options.connect_timeout = timeout;
        self
    }

    /// How long an unused connection is kept: 90 s unless set. Zero keeps none.
    pub fn pool_idle_timeout(mut self, timeout: Duration) -> Self {
        self.options.pool_idle_timeout = timeout;
        self
    }

    /// How many unused HTTP/1.1 connections are kept to an origin: 128 unless set.
    ///
    /// It doesn't limit how many are in use. Of HTTP/2 there is one connection an origin.
    pub fn pool_max_idle(mut self, connections: usize) -> Self {
        self.options.pool_max_idle = connections;
        self
    }

    /// How long a connection is silent before TCP looks whether the other end is there: 60 s
    /// unless set. `None`: it never does.
    ///
    /// On Linux a connection also ends when what was sent isn't acknowledged for 30 s.
    pub fn tcp_keep_alive(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.options.tcp_keep_alive = time.into();
        self
    }

    /// How often an HTTP/2 connection with calls under way is pinged, and how long an answer may
    /// take before it is given up. Unless set, it isn't pinged: TCP finds a host that is gone by
    /// itself ([`tcp_keep_alive`](Self::tcp_keep_alive)), deadlines and the idle limit of streams
    /// end a call that nobody answers, and counting what arrives takes its time in every call. Set
    /// it where something between here and the server answers TCP for a server that is gone.
    pub fn http2_keep_alive(
        mut self,
        interval_and_timeout: impl Into<Option<(Duration, Duration)>>,
    ) -> Self {
        self.options.http2_keep_alive = interval_and_timeout.into();
        self
    }

    /// Speaks HTTP/1.1 alone.
    ///
    /// Unless this or [`http2_only`](Self::http2_only) is set, plain connections speak HTTP/1.1,
    /// and TLS negotiates (ALPN).
    pub fn http1_only(mut self) -> Self {
        self.options.versions = Versions::Http1;
        self
    }

    /// Speaks HTTP/2 alone, from the first byte: over plain connections too (h2c with prior
    /// knowledge).
    pub fn http2_only(mut self) -> Self {
        self.options.versions = Versions::Http2;
        self
    }

    /// Connects to a unix socket, whatever host the base URL names. A credential over http is
    /// fine then, as the socket is this machine's.
    #[cfg(unix)]
    pub fn unix_socket(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.options.unix_socket = Some(path.into());
        self
    }

    /// Trusts the certificates of this PEM text too, beside the system's.
    ///
    /// [`build`](Self::build) reports what can't be read.
    #[cfg(feature = "tls")]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.options.tls.roots.push(pem.into());
        self
    }

    /// Shows servers that ask for one a certificate: its chain (the leaf first) and its key, in
    /// PEM. The key may be PKCS #8, PKCS #1 or SEC 1.
    ///
    /// [`build`](Self::build) reports what can't be read, and never quotes it.
    #[cfg(feature = "tls")]
    pub fn client_certificate(
        mut self,
        chain_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<Vec<u8>>,
    ) -> Self {
        self.options.tls.client = Some((chain_pem.into(), key_pem.into()));
        self
    }

    /// Takes this configuration of TLS, in place of the default one and of
    /// [`root_certificates`](Self::root_certificates) and
    /// [`client_certificate`](Self::client_certificate). Its ALPN protocols are set here.
    ///
    /// Unstable: rustls's version is part of it, and changes in any release of this crate.
    #[cfg(feature = "unstable-rustls")]
    pub fn rustls_client_config(mut self, config: rustls::ClientConfig) -> Self {
        self.options.tls.config = Some(config);
        self
    }

    /// Whether https goes by the proxy that the environment names: it does unless set.
    ///
    /// The first of `HTTPS_PROXY`, `https_proxy`, `ALL_PROXY` and `all_proxy` that is set counts, as
    /// `http://[user:password@]host[:port]` or `https://…`; `NO_PROXY`, or `no_proxy`, lists hosts
    /// and networks that it isn't for. The proxy is asked for a tunnel (`CONNECT`), so that it sees
    /// the host's name and nothing else. Plain http, which is for tests, goes by no proxy.
    #[cfg(feature = "tls")]
    pub fn proxy_from_env(mut self, is_used: bool) -> Self {
        self.options.proxy_from_env = is_used;
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
    /// whose request holds a secret can turn it off for itself ([`Call::use_get`]).
    pub fn use_get(mut self, use_get: bool) -> Self {
        self.use_get = use_get;
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
        #[cfg(unix)]
        let is_local = self.options.unix_socket.is_some();
        #[cfg(not(unix))]
        let is_local = false;
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
        Ok(Client {
            inner: Arc::new(inner),
        })
    }
}

impl Inner {
    /// A credential over plain http goes to this machine alone.
    pub(crate) fn check_secrecy(&self) -> Result<(), Error> {
        if self.is_private {
            return Ok(());
        }
        Err(Error::new(
            Code::InvalidArgument,
            "a credential is sent over https, or over http to a loopback address: the base URL is neither",
        ))
    }
}
