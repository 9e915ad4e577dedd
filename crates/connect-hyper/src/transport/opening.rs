//! An attempt to make a connection of HTTP/1.1, which waits for its turn first.
//!
//! It runs in a task of its own: a call that is held and not polled would keep its turn from others.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::rt::Executor;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use super::http1_cache::Idle;
use crate::error::BoxError;

tokio::task_local! {
    /// What is polled here is an attempt whose call has got another connection meanwhile.
    static IS_NEEDLESS: ();
}

/// Goes on with an attempt to connect whose call has got another connection.
#[derive(Clone)]
pub(super) struct InBackground;

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for InBackground {
    fn execute(&self, attempt: F) {
        tokio::spawn(IS_NEEDLESS.scope((), attempt));
    }
}

/// The attempt. It ends with whoever drops it; if a call has got another connection instead, it ends
/// where it still waits for its turn, and goes on where it has begun.
pub(super) struct Opening {
    task: JoinHandle<Result<Idle, BoxError>>,
    need: Option<oneshot::Sender<()>>,
}

impl Opening {
    /// Does what `connect` does when it has a permit of `turns`.
    pub(super) fn new(
        turns: Arc<Semaphore>,
        connect: impl Future<Output = Result<Idle, BoxError>> + Send + 'static,
    ) -> Self {
        let (need, no_need) = oneshot::channel();
        let task = tokio::spawn(async move {
            let (mut no_need, mut turn) = (pin!(no_need), pin!(turns.acquire()));
            let turn = poll_fn(|cx| {
                if no_need.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
                turn.as_mut().poll(cx).map(Some)
            });
            let Some(turn) = turn.await else {
                return Err("nobody needs the connection any more".into());
            };
            let _turn = turn?;
            connect.await
        });
        Self {
            task,
            need: Some(need),
        }
    }
}

impl Future for Opening {
    type Output = Result<Idle, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let is_needless = IS_NEEDLESS.try_with(|()| ()).is_ok();
        if is_needless {
            self.need = None;
        }
        let mut opened = ready!(Pin::new(&mut self.task).poll(cx))??;
        if is_needless && !opened.keep() {
            return Poll::Ready(Err("as many are idle as may be".into()));
        }
        Poll::Ready(Ok(opened))
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn opening(turns: &Arc<Semaphore>, began: &Arc<Semaphore>) -> Opening {
        let began = Arc::clone(began);
        Opening::new(Arc::clone(turns), async move {
            began.add_permits(1);
            std::future::pending().await
        })
    }

    async fn let_others_run() {
        for _ in 0..9 {
            tokio::task::yield_now().await;
        }
    }

    fn poll(attempt: &mut Opening) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(attempt).poll(&mut context).is_ready()
    }

    /// A call that waits for its turn, and gets a connection that became idle, leaves none behind
    /// that nobody asked for.
    #[tokio::test]
    async fn an_attempt_that_has_not_begun_ends_with_its_need() {
        let (turns, began) = (Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(0)));
        let first = opening(&turns, &began);
        let second = opening(&turns, &began);
        let_others_run().await;
        InBackground.execute(async move {
            let _ = second.await;
        });
        let_others_run().await;
        drop(first);
        let_others_run().await;
        assert_eq!(turns.available_permits(), 1);
        assert_eq!(began.available_permits(), 1);
    }

    #[tokio::test]
    async fn an_attempt_that_has_begun_goes_on() {
        let (turns, began) = (Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(0)));
        let attempt = opening(&turns, &began);
        let_others_run().await;
        InBackground.execute(async move {
            let _ = attempt.await;
        });
        let_others_run().await;
        assert_eq!(began.available_permits(), 1);
        assert_eq!(turns.available_permits(), 0);
    }

    /// Nobody polls the first one, which has its turn all the same and gives it back.
    #[tokio::test]
    async fn one_that_nobody_polls_is_in_nobodys_way() {
        let turns = Arc::new(Semaphore::new(1));
        let idle = || async { Err("it failed".into()) };
        let mut first = Opening::new(Arc::clone(&turns), idle());
        let mut second = Opening::new(Arc::clone(&turns), idle());
        assert!(!poll(&mut second));
        let_others_run().await;
        assert!(poll(&mut second));
        assert!(poll(&mut first));
    }
}
