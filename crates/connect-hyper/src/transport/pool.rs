//! The connections to one origin, by the protocol that it speaks.
//!
//! HTTP/1.1 connections lie in a cache while nobody uses them; of HTTP/2 there is one, which
//! everybody shares. Where TLS negotiates, the first calls share one attempt to connect, and what
//! comes of it decides for the rest.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::Uri;
use http::uri::Scheme;
use hyper::client::conn::http2;
use tokio::sync::{Semaphore, SetOnce};
use tokio::task::AbortHandle;
use tower_service::Service;

use super::connect::{Connected, Connector, Http1, Versions};
use super::http1_cache::{self, Http1Cache, Idle, Take};
use super::idle::{Idleness, Since};
use super::lease::{self, BoxLease, Connection};
use super::opening::Opening;
use crate::body::RequestBody;
use crate::error::BoxError;

/// How many HTTP/1.1 connections to an origin are made at the same time. More calls than that wait for
/// one of them, or for another call's: a thousand at once are more than a server's backlog takes (128
/// is usual), and each that it drops takes a second or more.
const CONNECTING: usize = 64;

/// How long a call has to have waited on an HTTP/2 connection on which nothing is answered, until
/// giving it up takes the connection out of use: what is given up at once proves nothing. What is under
/// way on it goes on. To be wrong about it costs a handshake, so nothing is asked beyond that.
const SILENCE: Duration = Duration::from_millis(250);

/// The connections to one origin.
pub(super) struct OriginPool {
    origin: Arc<Origin>,
    pools: Arc<Pools>,
    reaper: Mutex<Option<AbortHandle>>,
}

/// A connection, and whether it speaks HTTP/2; or one that comes about.
pub(super) enum Get {
    Ready(BoxLease, bool),
    Connecting(Connecting),
}

/// None: what came about is of no use to this call. It was an HTTP/1.1 connection for all, and each
/// needs one of its own; or one that has become useless meanwhile.
pub(super) type Connecting =
    Pin<Box<dyn Future<Output = Result<Option<(BoxLease, bool)>, BoxError>> + Send>>;

struct Pools {
    http1: Arc<dyn Http1Cache>,
    /// What the calls that came first made together. It is made once, and replaced when it is of
    /// no use any more. (hyper-util's own pool for this, `singleton`, would be emptied; but in
    /// version 0.1.21 a call of the last attempt that is late then takes the place of one of the
    /// next, which waits for ever: `tests/first_calls.rs`.)
    http2: Mutex<Option<Arc<SetOnce<Made>>>>,
}

impl Pools {
    /// What the calls share, and nothing that is of no use any more.
    fn shared(&self) -> MutexGuard<'_, Option<Arc<SetOnce<Made>>>> {
        let mut current = self.http2.lock().unwrap_or_else(PoisonError::into_inner);
        let made = current.as_ref().and_then(|shared| shared.get());
        if made.is_some_and(|made| !made.is_usable()) {
            *current = None;
        }
        current
    }
}

/// Where connections go, and what is known of it.
struct Origin {
    uri: Uri,
    connector: Arc<Connector>,
    versions: Versions,
    idleness: Arc<Idleness>,
    /// Whether HTTP/1.1 is what the origin speaks.
    is_http1: AtomicBool,
    /// An HTTP/1.1 connection that came of a negotiation, for the cache.
    spare: Mutex<Option<Http1>>,
    /// What it takes to make an HTTP/1.1 connection.
    connecting: Arc<Semaphore>,
}

impl OriginPool {
    pub(super) fn new(
        uri: Uri,
        connector: Arc<Connector>,
        versions: Versions,
        idleness: Idleness,
    ) -> Self {
        let is_http1 = match versions {
            Versions::Negotiated => uri.scheme() != Some(&Scheme::HTTPS),
            Versions::Http1 => true,
            Versions::Http2 => false,
        };
        let origin = Arc::new(Origin {
            uri,
            connector,
            versions,
            idleness: Arc::new(idleness),
            is_http1: AtomicBool::new(is_http1),
            spare: Mutex::new(None),
            connecting: Arc::new(Semaphore::new(CONNECTING)),
        });
        let pools = Arc::new(Pools {
            http1: http1_cache::new(OpenOwn(Arc::clone(&origin)), Arc::clone(&origin.idleness)),
            http2: Mutex::default(),
        });
        Self {
            origin,
            pools,
            reaper: Mutex::new(None),
        }
    }

    /// A connection for one exchange.
    pub(super) fn get(&self) -> Get {
        if !self.origin.is_http1.load(Ordering::Acquire) {
            let shared = Arc::clone(self.pools.shared().get_or_insert_with(|| self.make()));
            match shared.get() {
                Some(Made::Shared(shared)) => return Get::Ready(shared.lease(true), true),
                Some(Made::Own) => {}
                Some(Made::Failed(_)) | None => {
                    self.ensure_reaper();
                    return Get::Connecting(Box::pin(async move {
                        match shared.wait().await {
                            Made::Shared(shared) => Ok(Some((shared.lease(false), true))),
                            Made::Own => Ok(None),
                            Made::Failed(error) => Err(error.clone().into()),
                        }
                    }));
                }
            }
        }
        match self.pools.http1.take() {
            Take::Idle(lease) => Get::Ready(lease, false),
            Take::Connecting(connecting) => {
                self.ensure_reaper();
                Get::Connecting(Box::pin(async move {
                    Ok(connecting.await?.map(|lease| (lease, false)))
                }))
            }
        }
    }

    /// Begins to make what all calls share, in a task of its own: none of them is sure to be polled.
    fn make(&self) -> Arc<SetOnce<Made>> {
        let made = Arc::new(SetOnce::new());
        let promise = Promise(Arc::clone(&made));
        let origin = Arc::clone(&self.origin);
        tokio::spawn(async move { promise.keep(origin.make().await) });
        made
    }

    /// A connection has ended, and nobody is to hold what is left of it.
    pub(super) fn let_go(&self) {
        drop(self.pools.shared());
    }

    fn ensure_reaper(&self) {
        let mut reaper = self.reaper.lock().unwrap_or_else(PoisonError::into_inner);
        // Its runtime may be gone, and another one be here.
        if reaper.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let pools = Arc::downgrade(&self.pools);
        let origin = Arc::clone(&self.origin);
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(origin.idleness.tick()).await;
                let Some(pools) = Weak::upgrade(&pools) else {
                    return;
                };
                origin.idleness.pass();
                let is_empty = pools.http1.reap();
                let mut shared = pools.shared();
                let made = shared.as_ref().and_then(|shared| shared.get());
                if is_empty && matches!(made, Some(Made::Own)) {
                    // What the origin speaks is negotiated once more: it may have learnt HTTP/2.
                    *shared = None;
                    origin.is_http1.store(false, Ordering::Release);
                }
            }
        });
        *reaper = Some(task.abort_handle());
    }
}

impl Drop for OriginPool {
    fn drop(&mut self) {
        let reaper = self
            .reaper
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(reaper) = reaper {
            reaper.abort();
        }
    }
}

impl Origin {
    /// Makes what all calls share, if it turns out to be something that can be shared.
    async fn make(&self) -> Made {
        match self.connect(self.versions).await {
            Ok(Connected::Http2(sender)) => Made::Shared(Shared {
                sender,
                last_use: Mutex::new(self.idleness.now()),
                idleness: Arc::clone(&self.idleness),
                hearing: Arc::default(),
            }),
            Ok(Connected::Http1(connection)) => {
                let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
                *spare = Some(connection);
                self.is_http1.store(true, Ordering::Release);
                Made::Own
            }
            Err(error) => Made::Failed(SharedError(error.into())),
        }
    }

    async fn connect(&self, versions: Versions) -> Result<Connected, BoxError> {
        self.connector.connect(self.uri.clone(), versions).await
    }
}

/// Opens HTTP/1.1 connections, each for one call at a time.
#[derive(Clone)]
struct OpenOwn(Arc<Origin>);

impl Service<()> for OpenOwn {
    type Response = Idle;
    type Error = BoxError;
    type Future = Opening;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Opening {
        let origin = Arc::clone(&self.0);
        let spare = origin
            .spare
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // What is there already waits for nobody.
        let turns = match spare {
            Some(_) => Arc::new(Semaphore::new(1)),
            None => Arc::clone(&origin.connecting),
        };
        Opening::new(turns, async move {
            let connection = match spare {
                Some(spare) => spare,
                None => match origin.connect(Versions::Http1).await? {
                    Connected::Http1(connection) => connection,
                    Connected::Http2(_) => {
                        return Err("the server speaks HTTP/2, which it wasn't offered".into());
                    }
                },
            };
            Ok(Idle::new(connection, Arc::clone(&origin.idleness)))
        })
    }
}

/// What came of the attempt that the first calls share.
enum Made {
    /// HTTP/2.
    Shared(Shared),
    /// HTTP/1.1, so that each call needs a connection of its own.
    Own,
    Failed(SharedError),
}

impl Made {
    /// A connection that is let go of while it has streams ends with the last of them.
    fn is_usable(&self) -> bool {
        match self {
            Made::Shared(shared) => {
                !shared.sender.is_closed()
                    && !shared.hearing.is_silent.load(Ordering::Relaxed)
                    && !shared.idleness.is_too_long(*shared.last_use())
            }
            Made::Own => true,
            Made::Failed(_) => false,
        }
    }
}

/// Has something said to those who wait, whatever happens.
struct Promise(Arc<SetOnce<Made>>);

impl Promise {
    fn keep(&self, made: Made) {
        // It is kept once, here or when it is dropped.
        let _ = self.0.set(made);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if self.0.get().is_none() {
            let why: BoxError = "the runtime that made the connection has ended".into();
            self.keep(Made::Failed(SharedError(why.into())));
        }
    }
}

/// Why all calls that shared an attempt failed.
#[derive(Debug, Clone)]
struct SharedError(Arc<dyn std::error::Error + Send + Sync>);

impl fmt::Display for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the attempt to connect failed")
    }
}

impl std::error::Error for SharedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

struct Shared {
    sender: http2::SendRequest<RequestBody>,
    last_use: Mutex<Since>,
    idleness: Arc<Idleness>,
    hearing: Arc<Hearing>,
}

/// What is heard of a connection's other end.
#[derive(Default)]
struct Hearing {
    /// How many responses have begun, or failed.
    answers: AtomicU32,
    /// A call was given up, and nobody else had heard anything either: the next ones shall not wait
    /// for what may never come.
    is_silent: AtomicBool,
}

impl Shared {
    fn last_use(&self) -> MutexGuard<'_, Since> {
        self.last_use.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lease(&self, is_reused: bool) -> BoxLease {
        *self.last_use() = self.idleness.now();
        let share = Share {
            sender: self.sender.clone(),
            is_reused,
            hearing: Arc::clone(&self.hearing),
            sent: None,
        };
        lease::lease(share, |share, request| {
            let answers = share.hearing.answers.load(Ordering::Relaxed);
            share.sent = Some((Instant::now(), answers));
            share.sender.try_send_request(request)
        })
    }
}

struct Share {
    sender: http2::SendRequest<RequestBody>,
    is_reused: bool,
    hearing: Arc<Hearing>,
    /// Of a request that waits for its answer: since when, and how many had come by then.
    sent: Option<(Instant, u32)>,
}

impl Connection for Share {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.sender.poll_ready(cx)
    }

    fn is_reused(&mut self) -> bool {
        self.is_reused
    }

    fn is_closed(&mut self) -> bool {
        self.sender.is_closed()
    }

    fn heard(&mut self) {
        self.sent = None;
        self.hearing.answers.fetch_add(1, Ordering::Relaxed);
    }

    fn finish(&mut self) {}
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Some((sent, answers)) = self.sent
            && self.hearing.answers.load(Ordering::Relaxed) == answers
            && sent.elapsed() >= SILENCE
        {
            self.hearing.is_silent.store(true, Ordering::Relaxed);
        }
    }
}
