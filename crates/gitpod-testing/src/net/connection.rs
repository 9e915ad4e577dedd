//! One connection: served by hyper until it ends, or until it is told how to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::listener::Phase;
use super::socket::{Acceptor, Socket};
use super::tcp::Tcp;
use crate::dispatch::{Dispatcher, dispatch};

/// How long a closed connection waits for the peer to close too.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a client may take for the handshake of TLS.
const HANDSHAKE: Duration = Duration::from_secs(60);

/// How long what was sent gets to be read before a reset.
const FLUSH: Duration = Duration::from_millis(30);

/// How a connection ends before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// An orderly end (FIN).
    Close,
    /// A reset (RST).
    Reset,
    /// These bytes, then an orderly end.
    Raw(Bytes),
    /// These bytes, then a reset.
    RawReset(Bytes),
    /// These bytes, then nothing more, and no end.
    RawOpen(Bytes),
    /// What is under way is finished; nothing new is taken (HTTP/2: GOAWAY).
    GoAway,
}

/// Tells the connection that a request came over how to end.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    ending: watch::Sender<Option<Ending>>,
    /// How many requests came over the connection before this one.
    before: u32,
}

impl Control {
    /// Ends the connection. The first ending that isn't [`Ending::GoAway`] counts.
    pub(crate) fn end(&self, ending: Ending) {
        self.ending.send_if_modified(|current| {
            let open = matches!(current, None | Some(Ending::GoAway));
            if open {
                *current = Some(ending);
            }
            open
        });
    }

    /// Ends the connection as a peer does that has processed what came before this request, and
    /// neither this one nor what comes behind it. HTTP/2: GOAWAY with the last stream's id.
    pub(crate) fn end_unprocessed(&self) {
        // A client's streams have the odd numbers, and it opens them in order (RFC 9113, 5.1.1).
        let last = (2 * self.before).saturating_sub(1);
        let mut frame = vec![0, 0, 8, 7, 0, 0, 0, 0, 0];
        frame.extend(last.to_be_bytes());
        frame.extend(u32::from(h2::Reason::NO_ERROR).to_be_bytes());
        self.end(Ending::Raw(frame.into()));
    }
}

/// Serves a connection.
pub(crate) async fn serve(
    stream: TcpStream,
    acceptor: Acceptor,
    dispatcher: Arc<Dispatcher>,
    mut phase: watch::Receiver<Phase>,
) {
    let tcp = Tcp::new(stream);
    if let Some(fault) = dispatcher.faults.take_connection() {
        finish(&mut Socket::Plain(tcp), Some(fault.0), phase).await;
        return;
    }
    let accepted = tokio::select! {
        accepted = tokio::time::timeout(HANDSHAKE, acceptor.accept(tcp)) => accepted,
        // Nothing is under way yet that could be finished.
        _ = phase.wait_for(|phase| *phase != Phase::Running) => return,
    };
    // Whatever is wrong, the client has been told by an alert.
    let Ok(Ok(mut socket)) = accepted else {
        return;
    };
    let sender = watch::Sender::new(None);
    let mut ending = sender.subscribe();
    let requests = AtomicU32::new(0);
    let streams = dispatcher.options.max_concurrent_streams;
    let service = service_fn(move |request| {
        let control = Control {
            ending: sender.clone(),
            before: requests.fetch_add(1, Ordering::Relaxed),
        };
        dispatch(Arc::clone(&dispatcher), control, request)
    });
    // The service tells the time by the server's clock, so hyper's own `Date` stays out.
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .auto_date_header(false)
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(60))
        .keep_alive(true);
    builder
        .http2()
        .auto_date_header(false)
        .timer(TokioTimer::new())
        .max_concurrent_streams(streams);
    let connection = builder.serve_connection(TokioIo::new(socket.clone()), service);
    let mut connection = Box::pin(connection);
    let mut deserted = false;
    loop {
        tokio::select! {
            // Whatever the connection says at its end, there is nobody to tell.
            _ = connection.as_mut() => return,
            changed = ending.changed() => {
                let told = ending.borrow_and_update().clone();
                match told {
                    Some(Ending::GoAway) | None if changed.is_ok() => {
                        connection.as_mut().graceful_shutdown();
                    }
                    told => {
                        drop(connection);
                        finish(&mut socket, told, phase).await;
                        return;
                    }
                }
            }
            changed = phase.changed(), if !deserted => {
                let now = *phase.borrow_and_update();
                // Nobody is there to say anything more: what was said last holds.
                deserted = changed.is_err();
                match now {
                    Phase::Running => {}
                    Phase::Leaving => connection.as_mut().graceful_shutdown(),
                    Phase::Stopped => return,
                }
            }
        }
    }
}

/// Ends a connection that hyper has let go of, or never had.
async fn finish(socket: &mut Socket, ending: Option<Ending>, mut phase: watch::Receiver<Phase>) {
    match ending {
        Some(Ending::Reset) => socket.reset_on_close(),
        Some(Ending::Raw(bytes)) => {
            let _ = tokio::time::timeout(PATIENCE, socket.write_raw(&bytes)).await;
            socket.finish(PATIENCE).await;
        }
        Some(Ending::RawReset(bytes)) => {
            let _ = tokio::time::timeout(PATIENCE, socket.write_raw(&bytes)).await;
            // A reset overtakes what the peer hasn't read.
            tokio::time::sleep(FLUSH).await;
            socket.reset_on_close();
        }
        Some(Ending::RawOpen(bytes)) => {
            let _ = tokio::time::timeout(PATIENCE, socket.write_raw(&bytes)).await;
            tokio::select! {
                () = socket.drain() => {}
                _ = phase.wait_for(|phase| *phase != Phase::Running) => {}
            }
        }
        Some(Ending::Close | Ending::GoAway) | None => socket.finish(PATIENCE).await,
    }
}
