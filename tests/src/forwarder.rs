//! A middleman that counts connections, and can cut them.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Hands all bytes on to a port of this machine.
#[derive(Debug)]
pub struct Forwarder {
    port: u16,
    counts: Arc<Counts>,
    cut: watch::Sender<()>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicUsize,
    open: AtomicUsize,
    /// The port that the next connection leads to.
    to: AtomicU16,
}

impl Forwarder {
    /// A middleman on a free port before this one.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn tcp(to: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        Ok(Self::run(port, to, move |cx| {
            listener.poll_accept(cx).map_ok(|(stream, _)| stream)
        }))
    }

    /// A middleman on a unix socket, which must not exist yet.
    ///
    /// # Errors
    ///
    /// When the socket can't be made.
    #[cfg(unix)]
    pub fn unix(path: &std::path::Path, to: u16) -> io::Result<Self> {
        let listener = tokio::net::UnixListener::bind(path)?;
        Ok(Self::run(0, to, move |cx| {
            listener.poll_accept(cx).map_ok(|(stream, _)| stream)
        }))
    }

    fn run<A, S>(port: u16, to: u16, accept: A) -> Self
    where
        A: Fn(&mut Context<'_>) -> Poll<io::Result<S>> + Send + Sync + 'static,
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let counts = Arc::<Counts>::default();
        counts.to.store(to, Ordering::SeqCst);
        let cut = watch::Sender::new(());
        let (counting, cutting) = (counts.clone(), cut.clone());
        let accepting = tokio::spawn(async move {
            while let Ok(mut stream) = poll_fn(&accept).await {
                counting.accepted.fetch_add(1, Ordering::SeqCst);
                counting.open.fetch_add(1, Ordering::SeqCst);
                let (counts, mut cut) = (counting.clone(), cutting.subscribe());
                tokio::spawn(async move {
                    let to = SocketAddr::from(([127, 0, 0, 1], counts.to.load(Ordering::SeqCst)));
                    if let Ok(mut server) = TcpStream::connect(to).await {
                        tokio::select! {
                            _ = copy_bidirectional(&mut stream, &mut server) => {}
                            _ = cut.changed() => {}
                        }
                    }
                    counts.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            port,
            counts,
            cut,
            accepting,
        }
    }

    /// Its port; 0 for a unix socket.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections came.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.counts.accepted.load(Ordering::SeqCst)
    }

    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }

    /// Connections lead to another port from now on.
    pub fn lead_to(&self, port: u16) {
        self.counts.to.store(port, Ordering::SeqCst);
    }

    /// Closes all connections.
    pub fn cut(&self) {
        self.cut.send_replace(());
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
