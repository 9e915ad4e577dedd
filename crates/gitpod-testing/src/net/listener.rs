//! Accepting connections until told to stop.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection;
use super::socket::Acceptor;
use crate::dispatch::Dispatcher;

/// How long calls under way may go on after the server was let go.
const GRACE: Duration = Duration::from_secs(5);

/// How many connections may wait to be taken: what tests open at once must not be dropped.
const BACKLOG: u32 = 4096;

/// Where the server is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Connections are taken.
    Running,
    /// No new connection; calls under way are finished.
    Leaving,
    /// Everything is closed at once.
    Stopped,
}

/// Binds a port of the loopback interface; 0 takes a free one.
pub(crate) fn bind(port: u16) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // A server that is started again takes the port of the last one.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.listen(BACKLOG)
}

/// Takes connections until the phase says otherwise. Returns when the last one is closed.
pub(crate) async fn run(
    listener: TcpListener,
    acceptor: Acceptor,
    dispatcher: Arc<Dispatcher>,
    mut phase: watch::Receiver<Phase>,
) {
    let mut connections = JoinSet::new();
    let for_connections = phase.clone();
    loop {
        tokio::select! {
            () = left(&mut phase) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let phase = for_connections.clone();
                    let dispatcher = Arc::clone(&dispatcher);
                    connections.spawn(connection::serve(
                        stream,
                        acceptor.clone(),
                        dispatcher,
                        phase,
                    ));
                }
                // Out of file descriptors, or a peer that is gone again: neither is the end.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            // Ended connections are let go of as they end.
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    let rest = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GRACE, rest).await;
    connections.shutdown().await;
}

/// Waits until the phase is past [`Phase::Running`].
async fn left(phase: &mut watch::Receiver<Phase>) {
    // An error means that nobody can say it any more, which is the same.
    let _ = phase.wait_for(|phase| *phase != Phase::Running).await;
}
