//! How an HTTP request reaches a server: by hyper, or by whatever a user plugs in.

mod connect;
mod failure;
mod http1_cache;
mod idle;
mod lease;
mod opening;
mod pool;
#[cfg(feature = "tls")]
mod proxy;
mod sending;
mod service;
mod tasks;
#[cfg(feature = "tls")]
mod tls;

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Uri, header};

use self::connect::Connector;
use self::idle::Idleness;
use self::pool::OriginPool;
use self::sending::{Attempt, Sending};
use self::service::Erased;
use crate::Code;
use crate::base_url::BaseUrl;
use crate::body::RequestBody;
use crate::error::Error;

pub(crate) use self::connect::Versions;
#[cfg(feature = "tls")]
pub(crate) use self::failure::stays;
pub(crate) use self::lease::BoxLease;
pub use self::service::HttpService;
pub(crate) use self::tasks::look_at;
#[cfg(feature = "tls")]
pub(crate) use self::tls::TlsOptions;

/// A year: longer times overflow in a clock.
const FOREVER: Duration = Duration::from_secs(365 * 86_400);

/// Sends one request, once.
pub(crate) enum Transport {
    Hyper(Hyper),
    Service(Box<dyn Erased>),
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Hyper(_) => "Hyper",
            Transport::Service(_) => "Service",
        })
    }
}

/// What hyper's connections and their pool are set to.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) versions: Versions,
    pub(crate) connect_timeout: Duration,
    pub(crate) pool_idle_timeout: Duration,
    pub(crate) pool_max_idle: usize,
    pub(crate) tcp_keep_alive: Option<Duration>,
    /// How often a connection with calls under way is pinged, and how long an answer may take.
    pub(crate) http2_keep_alive: Option<(Duration, Duration)>,
    #[cfg(unix)]
    pub(crate) unix_socket: Option<std::path::PathBuf>,
    #[cfg(feature = "tls")]
    pub(crate) tls: TlsOptions,
    #[cfg(feature = "tls")]
    pub(crate) proxy_from_env: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            versions: Versions::default(),
            connect_timeout: Duration::from_secs(10),
            pool_idle_timeout: Duration::from_secs(90),
            pool_max_idle: 128,
            tcp_keep_alive: Some(Duration::from_secs(60)),
            http2_keep_alive: None,
            #[cfg(unix)]
            unix_socket: None,
            #[cfg(feature = "tls")]
            tls: TlsOptions::default(),
            #[cfg(feature = "tls")]
            proxy_from_env: true,
        }
    }
}

impl Transport {
    /// `is_connecting` is true while the request waits for a connection, as far as that is known.
    pub(crate) fn send<'a>(
        &self,
        request: Request<RequestBody>,
        is_connecting: &'a AtomicBool,
    ) -> Sending<'a> {
        match self {
            Transport::Hyper(hyper) => hyper.send(request, is_connecting),
            Transport::Service(service) => Sending::Service(service.send(request)),
        }
    }
}

/// hyper's connections, by origin.
pub(crate) struct Hyper {
    parts: HyperParts,
    /// The base URL's.
    home: Arc<Origin>,
    /// One for each that a redirect, or a layer, led to.
    others: Mutex<Vec<Arc<Origin>>>,
}

/// What an origin's connections are made with.
struct HyperParts {
    connector: Arc<Connector>,
    versions: Versions,
    pool_idle_timeout: Duration,
    pool_max_idle: usize,
}

impl Hyper {
    /// `https`: whether any may be spoken, after a redirect perhaps.
    pub(crate) fn new(options: &Options, base: &BaseUrl, https: bool) -> Result<Self, Error> {
        let parts = HyperParts {
            connector: Arc::new(Connector::new(options, base, https)?),
            versions: options.versions,
            pool_idle_timeout: options.pool_idle_timeout.min(FOREVER),
            pool_max_idle: options.pool_max_idle,
        };
        Ok(Self {
            home: Arc::new(Origin::new(&parts, base.scheme(), base.authority())?),
            parts,
            others: Mutex::default(),
        })
    }

    fn send<'a>(
        &self,
        request: Request<RequestBody>,
        is_connecting: &'a AtomicBool,
    ) -> Sending<'a> {
        match self.origin(request.uri()) {
            Ok(origin) => Sending::Hyper(Attempt::new(origin, request, is_connecting)),
            Err(error) => Sending::Failed(Some(error)),
        }
    }

    /// Where a request goes: home, unless its URI says otherwise.
    fn origin(&self, uri: &Uri) -> Result<Arc<Origin>, Error> {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Ok(Arc::clone(&self.home));
        };
        let is_at = |origin: &Origin| origin.scheme == *scheme && origin.authority == *authority;
        if is_at(&self.home) {
            return Ok(Arc::clone(&self.home));
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = others.iter().find(|origin| is_at(origin)) {
            return Ok(Arc::clone(known));
        }
        let origin = Arc::new(Origin::new(&self.parts, scheme, authority)?);
        others.push(Arc::clone(&origin));
        Ok(origin)
    }
}

struct Origin {
    scheme: Scheme,
    authority: Authority,
    host: HeaderValue,
    pool: OriginPool,
}

impl Origin {
    fn new(hyper: &HyperParts, scheme: &Scheme, authority: &Authority) -> Result<Self, Error> {
        let internal =
            |error: http::Error| Error::new(Code::Internal, "not an origin").with_source(error);
        let uri = Uri::builder()
            .scheme(scheme.clone())
            .authority(authority.clone())
            .path_and_query("/")
            .build()
            .map_err(internal)?;
        let connector = Arc::clone(&hyper.connector);
        let idleness = Idleness::new(hyper.pool_idle_timeout, hyper.pool_max_idle);
        Ok(Self {
            scheme: scheme.clone(),
            authority: authority.clone(),
            host: HeaderValue::try_from(authority.as_str())
                .map_err(|error| internal(error.into()))?,
            pool: OriginPool::new(uri, connector, hyper.versions, idleness),
        })
    }

    /// Gives a request the form that the connection's protocol has for where it goes.
    fn shape(&self, request: &mut Request<RequestBody>, is_http2: bool) {
        let is_absolute = request.uri().authority().is_some();
        if is_http2 {
            request.headers_mut().remove(header::HOST);
            if !is_absolute {
                let mut parts = std::mem::take(request.uri_mut()).into_parts();
                parts.scheme = Some(self.scheme.clone());
                parts.authority = Some(self.authority.clone());
                // What `Origin::new` has put together once goes together again.
                *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
            }
            return;
        }
        // What is on its way home has its host from the beginning.
        if is_absolute {
            let path = std::mem::take(request.uri_mut())
                .into_parts()
                .path_and_query;
            *request.uri_mut() = Uri::from(path.unwrap_or(PathAndQuery::from_static("/")));
            request
                .headers_mut()
                .insert(header::HOST, self.host.clone());
        }
    }
}
