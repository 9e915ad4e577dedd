//! HTTP/1.1 connections that nobody uses, in hyper-util's cache; their number and age are limited here.

use std::future::Ready;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hyper::client::conn::http1::SendRequest;
use hyper_util::client::pool::cache;
use tokio::task::AbortHandle;
use tower_service::Service;

use super::connect::Http1;
use super::idle::{Idleness, Since, Waiting};
use super::lease::{self, BoxLease, Connection};
use super::opening::{InBackground, Opening};
use crate::body::RequestBody;
use crate::error::BoxError;

/// What a cache gives.
pub(super) enum Take {
    /// A connection that was idle.
    Idle(BoxLease),
    /// A new one, or one that becomes idle before it is there.
    Connecting(Opened),
}

/// None: what became idle can't be used.
type Opened = Pin<Box<dyn Future<Output = Result<Option<BoxLease>, BoxError>> + Send>>;

/// The cache without its type, which can't be named.
pub(super) trait Http1Cache: Send + Sync {
    fn take(&self) -> Take;

    /// Closes connections that have been idle for too long or are closed at the other end. Whether
    /// none is left.
    fn reap(&self) -> bool;
}

/// A connection, and what the cache knows of it.
pub(super) struct Idle {
    sender: SendRequest<RequestBody>,
    task: AbortHandle,
    idleness: Arc<Idleness>,
    since: Since,
    /// It lies in the cache, and is counted.
    is_counted: bool,
    /// It has lain there before.
    is_reused: bool,
    /// It isn't worth keeping.
    is_done: bool,
    /// Its last request may go out still, when the response is long here.
    may_lag: bool,
}

impl Idle {
    pub(super) fn new((sender, task): Http1, idleness: Arc<Idleness>) -> Self {
        Self {
            sender,
            task,
            since: idleness.now(),
            idleness,
            is_counted: false,
            is_reused: false,
            is_done: false,
            may_lag: false,
        }
    }

    fn is_usable(&self) -> bool {
        // One that still sends its last request has no room for another: the server, which has
        // answered, may never read the rest.
        !self.sender.is_closed()
            && !self.idleness.is_too_long(self.since)
            && (!self.may_lag || self.sender.is_ready())
    }

    /// Whether it stays in the cache.
    fn stays(&self) -> bool {
        !self.idleness.is_over() && self.is_usable()
    }

    /// Has it counted, for it is going to lie in the cache. Whether it may.
    pub(super) fn keep(&mut self) -> bool {
        self.is_counted = self.idleness.keep();
        self.is_counted
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        if self.is_counted {
            self.idleness.release();
        }
        // What is left of a request isn't waited for: nobody wants it, and the server may never read it.
        if self.is_done || self.may_lag {
            self.task.abort();
        }
    }
}

/// The cache asks by `poll_ready` whether a connection is worth keeping, and by nothing else.
impl Service<()> for Idle {
    type Response = ();
    type Error = Done;
    type Future = Ready<Result<(), Done>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Done>> {
        Poll::Ready(if self.is_done { Err(Done) } else { Ok(()) })
    }

    fn call(&mut self, (): ()) -> Self::Future {
        std::future::ready(Ok(()))
    }
}

/// The answer to whether a connection is worth keeping: it isn't.
#[derive(Debug)]
pub(super) struct Done;

impl From<Done> for BoxError {
    fn from(_: Done) -> Self {
        "the connection is done".into()
    }
}

/// An empty cache over what makes connections.
pub(super) fn new<M>(opener: M, idleness: Arc<Idleness>) -> Arc<dyn Http1Cache>
where
    M: Service<(), Response = Idle, Error = BoxError, Future = Opening>
        + Clone
        + Send
        + Sync
        + 'static,
{
    let cache = cache::builder()
        .executor(InBackground)
        .build::<M, ()>(opener);
    // The types of the cache and of what it lends can't be named. These closures are where they
    // are known.
    shared(
        cache,
        idleness,
        |lent| lent.inner_mut(),
        |cache| {
            cache.retain(|idle| idle.stays());
            cache.is_empty()
        },
    )
}

fn shared<C, T, R>(cache: C, idleness: Arc<Idleness>, idle: T, retain: R) -> Arc<dyn Http1Cache>
where
    C: Service<(), Error = BoxError> + Clone + Send + Sync + 'static,
    C::Future: Unpin + Send + 'static,
    C::Response: Service<()> + Send + 'static,
    T: Fn(&mut C::Response) -> &mut Idle + Copy + Send + Sync + 'static,
    R: Fn(&mut C) -> bool + Copy + Send + Sync + 'static,
{
    Arc::new(Shared {
        cache,
        idleness,
        idle,
        retain,
    })
}

struct Shared<C, T, R> {
    cache: C,
    idleness: Arc<Idleness>,
    idle: T,
    retain: R,
}

impl<C, T, R> Http1Cache for Shared<C, T, R>
where
    C: Service<(), Error = BoxError> + Clone + Send + Sync + 'static,
    C::Future: Unpin + Send + 'static,
    C::Response: Service<()> + Send + 'static,
    T: Fn(&mut C::Response) -> &mut Idle + Copy + Send + Sync + 'static,
    R: Fn(&mut C) -> bool + Copy + Send + Sync + 'static,
{
    fn take(&self) -> Take {
        // A clone is two counters, and what makes a lock around the cache needless.
        let mut cache = self.cache.clone();
        let mut context = Context::from_waker(Waker::noop());
        loop {
            // Ready always is: whoever makes connections has no limit of its own.
            let _ = cache.poll_ready(&mut context);
            let mut connecting = cache.call(());
            match Pin::new(&mut connecting).poll(&mut context) {
                Poll::Ready(Ok(lent)) => {
                    let mut lent = Lent {
                        lent,
                        idle: self.idle,
                    };
                    if lent.take() {
                        return Take::Idle(lent.into_lease());
                    }
                }
                Poll::Ready(Err(error)) => {
                    return Take::Connecting(Box::pin(std::future::ready(Err(error))));
                }
                Poll::Pending => {
                    let idle = self.idle;
                    let waiting = WaitingCall {
                        waiting: Some(self.idleness.wait()),
                        idleness: Arc::clone(&self.idleness),
                        cache: self.cache.clone(),
                        retain: self.retain,
                    };
                    return Take::Connecting(Box::pin(async move {
                        let _waiting = waiting;
                        let mut lent = Lent {
                            lent: connecting.await?,
                            idle,
                        };
                        // A new one that isn't usable is found by whoever sends on it.
                        let is_usable = lent.take() || !lent.idle().is_reused;
                        Ok(is_usable.then(|| lent.into_lease()))
                    }));
                }
            }
        }
    }

    fn reap(&self) -> bool {
        (self.retain)(&mut self.cache.clone())
    }
}

/// A call that waits. When it waits no more, what was kept for it and isn't needed is closed.
struct WaitingCall<C, R: Fn(&mut C) -> bool> {
    waiting: Option<Waiting>,
    idleness: Arc<Idleness>,
    cache: C,
    retain: R,
}

impl<C, R: Fn(&mut C) -> bool> Drop for WaitingCall<C, R> {
    fn drop(&mut self) {
        self.waiting = None;
        if self.idleness.is_over() {
            (self.retain)(&mut self.cache);
        }
    }
}

/// A connection that the cache has lent, and how to get at it.
struct Lent<C: Service<()>, T: Fn(&mut C) -> &mut Idle> {
    lent: C,
    idle: T,
}

impl<C, T> Lent<C, T>
where
    C: Service<()> + Send + 'static,
    T: Fn(&mut C) -> &mut Idle + Send + 'static,
{
    fn idle(&mut self) -> &mut Idle {
        (self.idle)(&mut self.lent)
    }

    /// Whether the connection can be used.
    fn take(&mut self) -> bool {
        let idle = self.idle();
        idle.is_reused = idle.is_counted;
        if idle.is_counted {
            idle.is_counted = false;
            idle.idleness.release();
        }
        // Until the exchange is over.
        idle.is_done = true;
        idle.is_usable()
    }

    fn into_lease(self) -> BoxLease {
        lease::lease(self, |lent: &mut Self, request| {
            let idle = lent.idle();
            idle.may_lag = !request.body().is_small();
            idle.sender.try_send_request(request)
        })
    }
}

impl<C, T> Connection for Lent<C, T>
where
    C: Service<()> + Send + 'static,
    T: Fn(&mut C) -> &mut Idle + Send + 'static,
{
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.idle().sender.poll_ready(cx)
    }

    fn is_reused(&mut self) -> bool {
        self.idle().is_reused
    }

    fn is_closed(&mut self) -> bool {
        self.idle().sender.is_closed()
    }

    fn finish(&mut self) {
        let idle = self.idle();
        if idle.keep() {
            idle.is_done = false;
            idle.since = idle.idleness.now();
        }
    }
}

impl<C: Service<()>, T: Fn(&mut C) -> &mut Idle> Drop for Lent<C, T> {
    /// Has the cache look whether the connection is worth keeping.
    fn drop(&mut self) {
        let _ = self
            .lent
            .poll_ready(&mut Context::from_waker(Waker::noop()));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, DuplexStream};
    use tokio::sync::{Semaphore, oneshot};

    use super::*;

    /// Opens each connection when the test says so, and only so many at the same time.
    #[derive(Clone)]
    struct Opener(
        Arc<Mutex<VecDeque<oneshot::Receiver<Idle>>>>,
        Arc<Semaphore>,
    );

    fn opener(opened: VecDeque<oneshot::Receiver<Idle>>, at_once: usize) -> Opener {
        let at_once = Arc::new(Semaphore::new(at_once));
        Opener(Arc::new(Mutex::new(opened)), at_once)
    }

    impl Service<()> for Opener {
        type Response = Idle;
        type Error = BoxError;
        type Future = Opening;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, (): ()) -> Opening {
            let Self(all, at_once) = self.clone();
            Opening::new(at_once, async move {
                let next = all
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .pop_front();
                Ok(next.unwrap().await?)
            })
        }
    }

    /// A connection, and its other end.
    async fn connection(idleness: &Arc<Idleness>) -> (Idle, DuplexStream) {
        let (near, far) = tokio::io::duplex(1024);
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(near))
            .await
            .unwrap();
        let task = tokio::spawn(connection).abort_handle();
        (Idle::new((sender, task), Arc::clone(idleness)), far)
    }

    fn connecting(cache: &Arc<dyn Http1Cache>) -> Opened {
        match cache.take() {
            Take::Connecting(opened) => opened,
            Take::Idle(_) => panic!("one is idle"),
        }
    }

    /// One that another call's connection has made needless counts as soon as it is looked at.
    #[tokio::test]
    async fn those_that_lost_the_race_are_limited_too() {
        let idleness = Arc::new(Idleness::new(Duration::from_secs(60), 1));
        let (opens, opened): (Vec<_>, VecDeque<_>) = (0..2).map(|_| oneshot::channel()).unzip();
        let cache = new(opener(opened, 2), Arc::clone(&idleness));
        let [first, second] = <[_; 2]>::try_from(opens).ok().unwrap();
        let (first_call, second_call) = (connecting(&cache), connecting(&cache));

        let (idle, mut kept) = connection(&idleness).await;
        assert!(first.send(idle).is_ok());
        let mut lease = first_call.await.unwrap().unwrap();
        lease.as_mut().finish();
        drop(lease);
        // The second call gets it, and its own connection comes behind.
        let mut lease = second_call.await.unwrap().unwrap();
        assert!(lease.as_mut().is_reused());
        let (idle, mut needless) = connection(&idleness).await;
        assert!(second.send(idle).is_ok());
        lease.as_mut().finish();
        drop(lease);
        let closed = tokio::select! {
            _ = kept.read_u8() => "the one that is counted",
            _ = needless.read_u8() => "the other one",
            () = tokio::time::sleep(Duration::from_secs(10)) => "none",
        };
        assert_eq!(closed, "the other one");
        assert!(matches!(cache.take(), Take::Idle(_)));
    }

    /// Many calls at once that wait for each other's connections: none of those is closed for being
    /// one too many, so that another has to be made.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_more_are_made_than_there_are_calls() {
        const CALLS: usize = 200;
        const AT_ONCE: usize = 4;
        let idleness = Arc::new(Idleness::new(Duration::from_secs(60), 4));
        let (opens, opened): (Vec<_>, VecDeque<_>) = (0..9999).map(|_| oneshot::channel()).unzip();
        let opener = opener(opened, AT_ONCE);
        let cache = new(opener.clone(), Arc::clone(&idleness));
        let opening = tokio::spawn(async move {
            let mut open = Vec::new();
            for next in opens {
                let (idle, far) = connection(&idleness).await;
                open.push(far);
                if next.send(idle).is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let calls = (0..CALLS).map(|_| {
            let cache = Arc::clone(&cache);
            tokio::spawn(async move {
                for _ in 0..20 {
                    let mut lease = match cache.take() {
                        Take::Idle(lease) => lease,
                        Take::Connecting(connecting) => connecting.await.unwrap().unwrap(),
                    };
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    lease.as_mut().finish();
                }
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
        let made = 9999 - opener.0.lock().unwrap().len();
        assert!(made < CALLS + AT_ONCE, "{made}");
        opening.abort();
    }
}
