//! The connections to one origin, by the protocol that it speaks.
//!
//! HTTP/1.1 connections lie in a cache while nobody uses them; of HTTP/2 there is one, which
//! everybody shares. Where TLS negotiates, the first calls share one attempt to connect, and what
//! comes of it decides for the rest.

use std::error::Error;
use std::fmt;
use std::future::{Ready, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper::client::conn::{http1, http2};
use hyper_util::client::pool::singleton::Singleton;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tower_service::Service;

use super::connect::{Connected, Connector, Versions};
use super::http1_cache::{self, Http1Cache, Idle, Limits, Opening, Take};
use super::lease::{self, BoxLease, Connection};
use crate::body::RequestBody;
use crate::error::BoxError;

/// How often connections that were idle for too long are looked for, at most.
const LEAST_REAPING: Duration = Duration::from_millis(100);

/// The connections to one origin.
pub(super) struct OriginPool {
    origin: Arc<Origin>,
    pools: Arc<Pools>,
    reaper: Mutex<Option<AbortHandle>>,
}

struct Pools {
    http1: Arc<dyn Http1Cache>,
    http2: Mutex<Singleton<OpenShared, ()>>,
}

impl Pools {
    /// The one that makes what is shared. It makes one thing, once, and is then replaced, if what it
    /// made isn't `good`. Emptied instead, it would count those who share the next attempt as it did
    /// those of the last one, and one of these who is late takes the place of one of them, who then
    /// waits for ever (hyper-util 0.1.21).
    fn shared(
        &self,
        good: impl Fn(&Made) -> bool,
        origin: &Arc<Origin>,
    ) -> Singleton<OpenShared, ()> {
        let mut current = self.http2.lock().unwrap_or_else(PoisonError::into_inner);
        let mut is_good = true;
        current.retain(|made| {
            is_good = good(made);
            true
        });
        if !is_good {
            *current = Singleton::new(OpenShared(Arc::clone(origin)));
        }
        current.clone()
    }
}

/// Where connections go, and what is known of it.
struct Origin {
    uri: Uri,
    connector: Arc<Connector>,
    versions: Versions,
    limits: Limits,
    /// Whether HTTP/1.1 is what the origin speaks.
    is_http1: AtomicBool,
    /// An HTTP/1.1 connection that came of a negotiation, for the cache.
    spare: Mutex<Option<http1::SendRequest<RequestBody>>>,
    idle: Arc<AtomicUsize>,
}

impl OriginPool {
    pub(super) fn new(
        uri: Uri,
        connector: Arc<Connector>,
        versions: Versions,
        limits: Limits,
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
            limits,
            is_http1: AtomicBool::new(is_http1),
            spare: Mutex::new(None),
            idle: Arc::default(),
        });
        let pools = Arc::new(Pools {
            http1: http1_cache::new(OpenOwn(Arc::clone(&origin))),
            http2: Mutex::new(Singleton::new(OpenShared(Arc::clone(&origin)))),
        });
        Self {
            origin,
            pools,
            reaper: Mutex::new(None),
        }
    }

    /// A connection for one exchange, and whether it speaks HTTP/2.
    pub(super) async fn lease(&self) -> Result<(BoxLease, bool), BoxError> {
        loop {
            if self.origin.is_http1.load(Ordering::Acquire) {
                let lease = match self.pools.http1.take() {
                    Take::Idle(lease) => lease,
                    Take::Connecting(connecting) => {
                        let lease = connecting.await?;
                        self.ensure_reaper();
                        lease
                    }
                };
                return Ok((lease, false));
            }
            match self.shared().await? {
                (Made::Shared(shared), is_reused) => return Ok((shared.lease(is_reused), true)),
                (Made::Failed(error), _) => return Err(error.into()),
                (Made::Own, _) => {}
            }
        }
    }

    /// The connection that all calls share, and whether it was there before this one.
    async fn shared(&self) -> Result<(Made, bool), BoxError> {
        let mut pool = self.pools.shared(Made::is_usable, &self.origin);
        let is_new = pool.is_empty();
        poll_fn(|cx| pool.poll_ready(cx)).await?;
        let mut single = pool.call(()).await?;
        let made = single.call(()).await.unwrap_or_else(|never| match never {});
        if is_new {
            self.ensure_reaper();
        }
        Ok((made, !is_new))
    }

    fn ensure_reaper(&self) {
        let mut reaper = self.reaper.lock().unwrap_or_else(PoisonError::into_inner);
        // Its runtime may be gone, and another one be here.
        if reaper.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let pools = Arc::downgrade(&self.pools);
        let origin = Arc::downgrade(&self.origin);
        let idle_timeout = self.origin.limits.idle_timeout;
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(idle_timeout.max(LEAST_REAPING)).await;
                let (Some(pools), Some(origin)) = (Weak::upgrade(&pools), Weak::upgrade(&origin))
                else {
                    return;
                };
                pools.http1.reap();
                pools.shared(
                    |made| made.is_usable() && !made.is_older(idle_timeout),
                    &origin,
                );
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
        Box::pin(async move {
            let sender = match spare {
                Some(spare) => spare,
                None => match origin.connect(Versions::Http1).await? {
                    Connected::Http1(sender) => sender,
                    Connected::Http2(_) => {
                        return Err("the server speaks HTTP/2, which it wasn't offered".into());
                    }
                },
            };
            Ok(Idle::new(sender, Arc::clone(&origin.idle), origin.limits))
        })
    }
}

/// Opens the connection that all calls share, if it turns out to be one that can be shared.
#[derive(Clone)]
struct OpenShared(Arc<Origin>);

impl Service<()> for OpenShared {
    type Response = Made;
    type Error = BoxError;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Made, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        let origin = Arc::clone(&self.0);
        Box::pin(async move {
            Ok(match origin.connect(origin.versions).await {
                Err(error) => Made::Failed(SharedError(error.into())),
                Ok(Connected::Http2(sender)) => Made::Shared(Arc::new(Shared {
                    sender,
                    last_use: Mutex::new(Instant::now()),
                })),
                Ok(Connected::Http1(sender)) => {
                    let mut spare = origin.spare.lock().unwrap_or_else(PoisonError::into_inner);
                    *spare = Some(sender);
                    origin.is_http1.store(true, Ordering::Release);
                    Made::Own
                }
            })
        })
    }
}

/// What came of the attempt that the first calls share.
#[derive(Clone)]
enum Made {
    /// HTTP/2.
    Shared(Arc<Shared>),
    /// HTTP/1.1, so that each call needs a connection of its own.
    Own,
    /// No connection. It is something that was made, for the pool empties itself at an error.
    Failed(SharedError),
}

/// Why all calls that shared an attempt failed.
#[derive(Debug, Clone)]
struct SharedError(Arc<dyn Error + Send + Sync>);

impl fmt::Display for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the attempt to connect failed")
    }
}

impl Error for SharedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

impl Made {
    fn is_usable(&self) -> bool {
        match self {
            Made::Shared(shared) => !shared.sender.is_closed(),
            Made::Own => true,
            Made::Failed(_) => false,
        }
    }

    /// A connection that is let go of while it has streams ends with the last of them.
    fn is_older(&self, age: Duration) -> bool {
        matches!(self, Made::Shared(shared) if shared.last_use().elapsed() >= age)
    }
}

/// The pool hands out what was made by way of this call alone.
impl Service<()> for Made {
    type Response = Made;
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Made, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        std::future::ready(Ok(self.clone()))
    }
}

struct Shared {
    sender: http2::SendRequest<RequestBody>,
    last_use: Mutex<Instant>,
}

impl Shared {
    fn last_use(&self) -> MutexGuard<'_, Instant> {
        self.last_use.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lease(&self, is_reused: bool) -> BoxLease {
        *self.last_use() = Instant::now();
        let share = Share {
            sender: self.sender.clone(),
            is_reused,
        };
        lease::lease(share, |share, request| {
            share.sender.try_send_request(request)
        })
    }
}

struct Share {
    sender: http2::SendRequest<RequestBody>,
    is_reused: bool,
}

impl Connection for Share {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.sender.poll_ready(cx)
    }

    fn is_reused(&mut self) -> bool {
        self.is_reused
    }

    fn finish(&mut self) {}
}
