//! New connections: TCP or a unix socket, a proxy's tunnel, TLS, and HTTP's beginning.

use std::io;
use std::time::Duration;

use http::Uri;
use hyper::client::conn::{http1, http2};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service as _;

use super::Options;
#[cfg(feature = "tls")]
use super::{proxy::Proxy, tls::Tls};
use crate::body::RequestBody;
use crate::error::{BoxError, Error};

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
    Http1(http1::SendRequest<RequestBody>),
    Http2(http2::SendRequest<RequestBody>),
}

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
    tls: Option<Tls>,
    #[cfg(feature = "tls")]
    proxy: Option<Proxy>,
    timeout: Duration,
    http2_keep_alive: Option<(Duration, Duration)>,
}

impl Connector {
    pub(super) fn new(options: &Options, https: bool) -> Result<Self, Error> {
        #[cfg(not(feature = "tls"))]
        let _ = https;
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_keepalive(options.tcp_keep_alive);
        Ok(Self {
            tcp,
            #[cfg(unix)]
            unix_socket: options.unix_socket.clone(),
            #[cfg(feature = "tls")]
            tls: https.then(|| Tls::new(&options.tls)).transpose()?,
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
        if origin.scheme() != Some(&http::uri::Scheme::HTTPS) {
            return self.handshake(plain, versions == Versions::Http2).await;
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let (stream, speaks_http2) = tls.connect(&origin, plain, versions).await?;
            return self.handshake(stream, speaks_http2).await;
        }
        Err("no TLS is set up for an https origin".into())
    }

    /// A stream of bytes to the origin's host, or to whatever stands for it.
    async fn open(&self, origin: &Uri) -> Result<BoxStream, BoxError> {
        #[cfg(unix)]
        if let Some(path) = &self.unix_socket {
            return Ok(Box::new(tokio::net::UnixStream::connect(path).await?));
        }
        #[cfg(feature = "tls")]
        if let (Some(proxy), Some(tls)) = (&self.proxy, &self.tls)
            && let Some(tunnel) = proxy.tunnel(origin, &self.tcp, tls).await?
        {
            return Ok(tunnel);
        }
        let stream = self.tcp.clone().call(origin.clone()).await?;
        Ok(Box::new(stream.into_inner()))
    }

    async fn handshake(&self, stream: BoxStream, is_http2: bool) -> Result<Connected, BoxError> {
        let io = TokioIo::new(stream);
        if is_http2 {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder.timer(TokioTimer::new());
            if let Some((interval, timeout)) = self.http2_keep_alive {
                // A connection that has gone silent is found and left, not used for ever.
                builder
                    .keep_alive_interval(interval)
                    .keep_alive_timeout(timeout);
            }
            let (sender, connection) = builder.handshake(io).await?;
            // How it ends is told to those who have requests on it.
            tokio::spawn(connection);
            Ok(Connected::Http2(sender))
        } else {
            let (sender, connection) = http1::handshake(io).await?;
            tokio::spawn(connection);
            Ok(Connected::Http1(sender))
        }
    }
}
