//! New connections: TCP or a unix socket, a proxy's tunnel, TLS, and HTTP's beginning.

use std::io;
#[cfg(feature = "tls")]
use std::sync::OnceLock;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper::client::conn::{http1, http2};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tower_service::Service as _;

use super::Options;
use super::tasks::{self, Boxing};
#[cfg(feature = "tls")]
use super::{TlsOptions, proxy::Proxy, tls::Tls};
use crate::base_url::BaseUrl;
use crate::body::RequestBody;
use crate::error::{BoxError, Error};

/// How long what was sent may stay unacknowledged: a host that is gone is found while calls wait.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// How much of all streams together a connection of HTTP/2 takes before it is read: as much as can
/// be said. Each stream has its own limit, 2 MiB, and those that nobody reads must not keep the
/// others from being answered.
const HTTP2_WINDOW: u32 = (1 << 31) - 1;

/// Which versions of HTTP a connection may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Versions {
    /// TLS negotiates; a plain connection speaks HTTP/1.1.
    #[default]
    Negotiated,
    Http1,
    /// Over plain connections too, with prior knowledge.
    Http2,
}

/// A connection that takes requests, and that a task of its own drives.
pub(super) enum Connected {
    Http1(Http1),
    Http2(http2::SendRequest<RequestBody>),
}

/// A connection of HTTP/1.1, and the task that drives it. hyper's own end writes what there is to write
/// first, and the peer may take no more.
pub(super) type Http1 = (http1::SendRequest<RequestBody>, AbortHandle);

/// A socket, or TLS over one.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub(super) type BoxStream = Box<dyn Stream>;

/// Makes connections, to whatever origin.
pub(super) struct Connector {
    tcp: HttpConnector,
    #[cfg(unix)]
    unix_socket: Option<std::path::PathBuf>,
    #[cfg(feature = "tls")]
    tls_options: TlsOptions,
    #[cfg(feature = "tls")]
    tls: OnceLock<Tls>,
    #[cfg(feature = "tls")]
    proxy: Option<Proxy>,
    timeout: Duration,
    http2_keep_alive: Option<(Duration, Duration)>,
}

impl Connector {
    pub(super) fn new(options: &Options, base: &BaseUrl, https: bool) -> Result<Self, Error> {
        #[cfg(not(feature = "tls"))]
        let _ = (base, https);
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        // Shared by the addresses of a name, so that one which is silent leaves time for the next.
        tcp.set_connect_timeout(Some(options.connect_timeout));
        tcp.enforce_http(false);
        tcp.set_keepalive(options.tcp_keep_alive);
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        Ok(Self {
            tcp,
            #[cfg(unix)]
            unix_socket: options.unix_socket.clone(),
            #[cfg(feature = "tls")]
            tls: tls_at_once(options, base)?,
            #[cfg(feature = "tls")]
            tls_options: options.tls.clone(),
            #[cfg(feature = "tls")]
            proxy: if https && options.proxy_from_env {
                Proxy::from_env()?
            } else {
                None
            },
            timeout: options.connect_timeout,
            http2_keep_alive: options.http2_keep_alive,
        })
    }

    /// A new connection to `origin`, within the time limit.
    pub(super) async fn connect(
        &self,
        origin: Uri,
        versions: Versions,
    ) -> Result<Connected, BoxError> {
        match tokio::time::timeout(self.timeout, self.establish(origin, versions)).await {
            Ok(connected) => connected,
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no connection after {:?}", self.timeout),
            )
            .into()),
        }
    }

    async fn establish(&self, origin: Uri, versions: Versions) -> Result<Connected, BoxError> {
        let plain = self.open(&origin).await?;
        if origin.scheme() != Some(&Scheme::HTTPS) {
            return self.handshake(plain, versions == Versions::Http2).await;
        }
        #[cfg(feature = "tls")]
        {
            let (stream, is_http2) = self.tls()?.connect(&origin, plain, versions).await?;
            self.handshake(stream, is_http2).await
        }
        #[cfg(not(feature = "tls"))]
        Err("this build has no TLS (feature `tls`)".into())
    }

    #[cfg(feature = "tls")]
    fn tls(&self) -> Result<&Tls, Error> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls);
        }
        let tls = Tls::new(&self.tls_options)?;
        Ok(self.tls.get_or_init(|| tls))
    }

    /// A stream of bytes to the origin's host, or to whatever stands for it.
    async fn open(&self, origin: &Uri) -> Result<BoxStream, BoxError> {
        #[cfg(unix)]
        if let Some(path) = &self.unix_socket {
            return Ok(Box::new(tokio::net::UnixStream::connect(path).await?));
        }
        #[cfg(feature = "tls")]
        if let Some(proxy) = &self.proxy
            && origin.scheme() == Some(&Scheme::HTTPS)
            && let Some(tunnel) = proxy.tunnel(origin, &self.tcp, self.tls()?).await?
        {
            return Ok(tunnel);
        }
        let stream = self.tcp.clone().call(origin.clone()).await?;
        Ok(Box::new(stream.into_inner()))
    }

    async fn handshake(&self, stream: BoxStream, is_http2: bool) -> Result<Connected, BoxError> {
        let io = TokioIo::new(stream);
        if is_http2 {
            let mut builder = http2::Builder::new(Boxing);
            builder
                .timer(TokioTimer::new())
                .initial_connection_window_size(HTTP2_WINDOW);
            if let Some((interval, timeout)) = self.http2_keep_alive {
                // A connection that has gone silent is found and left, not used for ever.
                builder
                    .keep_alive_interval(interval)
                    .keep_alive_timeout(timeout);
            }
            let (sender, connection) = builder.handshake(io).await?;
            // How it ends is told to those who have requests on it.
            tasks::run(connection);
            Ok(Connected::Http2(sender))
        } else {
            let (sender, connection) = http1::handshake(io).await?;
            let task = tokio::spawn(connection).abort_handle();
            Ok(Connected::Http1((sender, task)))
        }
    }
}

/// TLS where it is sure to be needed, so that what is wrong with it is an error of the client's
/// making. Elsewhere it waits for a redirect to https: reading the system's roots takes
/// milliseconds.
#[cfg(feature = "tls")]
fn tls_at_once(options: &Options, base: &BaseUrl) -> Result<OnceLock<Tls>, Error> {
    let tls = OnceLock::new();
    if base.is_https() || options.tls.is_set() {
        let _ = tls.set(Tls::new(&options.tls)?);
    }
    Ok(tls)
}
