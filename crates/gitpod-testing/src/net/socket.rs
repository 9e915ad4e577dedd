//! A socket, with TLS or without, that somebody beside hyper can end, or write to once hyper is
//! done with it.

use std::io;
use std::pin::Pin;
#[cfg(feature = "tls")]
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
#[cfg(feature = "tls")]
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::tcp::Tcp;

/// How connections are accepted.
#[derive(Clone)]
pub(crate) enum Acceptor {
    Plain,
    #[cfg(feature = "tls")]
    Tls(TlsAcceptor),
}

impl Acceptor {
    /// How a URL says it.
    pub(crate) fn scheme(&self) -> &'static str {
        match self {
            Acceptor::Plain => "http",
            #[cfg(feature = "tls")]
            Acceptor::Tls(_) => "https",
        }
    }

    /// Makes a socket of a connection: with TLS, once the client has shaken hands.
    pub(super) async fn accept(&self, tcp: Tcp) -> io::Result<Socket> {
        match self {
            Acceptor::Plain => Ok(Socket::Plain(tcp)),
            #[cfg(feature = "tls")]
            Acceptor::Tls(acceptor) => {
                let stream = acceptor.accept(tcp.clone()).await?;
                Ok(Socket::Tls(Arc::new(Mutex::new(stream)), tcp))
            }
        }
    }
}

/// A share in a connection's socket. It closes when the last one is dropped.
#[derive(Clone)]
pub(crate) enum Socket {
    Plain(Tcp),
    /// The session, which is locked while it is polled and no longer, and what it runs over.
    #[cfg(feature = "tls")]
    Tls(Arc<Mutex<TlsStream<Tcp>>>, Tcp),
}

impl Socket {
    fn tcp(&self) -> &Tcp {
        match self {
            Socket::Plain(tcp) => tcp,
            #[cfg(feature = "tls")]
            Socket::Tls(_, tcp) => tcp,
        }
    }

    /// Makes closing send a reset in place of an orderly end.
    pub(super) fn reset_on_close(&self) {
        self.tcp().reset_on_close();
    }

    /// Writes bytes that no HTTP library has seen.
    pub(super) async fn write_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes).await?;
        self.flush().await
    }

    /// Reads what still comes, and throws it away, until the peer ends its direction.
    pub(super) async fn drain(&self) {
        self.tcp().drain().await;
    }

    /// Ends our direction, and reads what still comes until the peer ends its own or `patience`
    /// is over.
    ///
    /// A close with unread bytes would send a reset, and the peer could lose what we wrote.
    pub(super) async fn finish(&mut self, patience: Duration) {
        let end = async {
            let _ = self.shutdown().await;
            self.drain().await;
        };
        let _ = tokio::time::timeout(patience, end).await;
    }

    /// Does one thing with what bytes go through.
    fn with<T>(&mut self, act: impl FnOnce(Pin<&mut dyn Stream>) -> T) -> T {
        match self {
            Socket::Plain(tcp) => act(Pin::new(tcp)),
            #[cfg(feature = "tls")]
            Socket::Tls(session, _) => {
                let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
                act(Pin::new(&mut *session))
            }
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write(cx, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write_vectored(cx, slices))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(cx))
    }
}
