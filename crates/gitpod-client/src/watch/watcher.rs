//! One resource, as it is and as it changes.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use connect_hyper::{Code, Error, Execution, RetryPolicy};
use futures_core::Stream;
use tokio::time::{Instant, Sleep};

use super::feed::{EventFeed, Notice};
use super::outage::Outage;
use super::resource::{Reading, Resource};
use crate::Client;

/// How many notices are taken before somebody else has a turn.
const MOST_AT_ONCE: usize = 1000;

/// What a [`Watcher`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Seen<T> {
    /// The resource as it is, read without an event: at the beginning, after a gap in the events, or
    /// because it was time ([`Watcher::reread_every`]). What happened before can't be told.
    Reread(T),
    /// The resource as it is after one event, or after several that came faster than it is read.
    Changed(T),
    /// There is no such resource, or not any more. Nothing comes behind this.
    Gone,
}

impl<T> Seen<T> {
    /// The resource, unless it is gone.
    #[must_use]
    pub fn into_resource(self) -> Option<T> {
        match self {
            Self::Reread(resource) | Self::Changed(resource) => Some(resource),
            Self::Gone => None,
        }
    }
}

/// One resource, as it is and as it changes, from [`Client::watch`](crate::Client::watch).
///
/// Its stream of events is opened before the resource is read, so that no change falls in between. An
/// event makes it be read once more, however many come at once, and one that comes while it is read
/// makes it be read again afterwards: what is delivered last is what it is. How it looked in between,
/// nobody is told.
///
/// Streams that break are opened again, as [`EventFeed`] says, and the same waits and limits hold for
/// a read that fails and may end better the next time. It ends behind [`Seen::Gone`], or with an
/// error. Dropping it closes the stream.
#[must_use = "a stream does nothing until it is polled"]
pub struct Watcher<T> {
    resource: Resource<T>,
    feed: EventFeed,
    /// Why to read, if there is a reason.
    due: Option<Why>,
    reading: Option<(Why, Reading<T>)>,
    /// Reads that failed.
    outage: Outage,
    pause: Option<Pin<Box<Sleep>>>,
    interval: Option<Interval>,
    is_done: bool,
}

/// Why a resource is read. Of two reasons the greater one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    Event,
    Gap,
}

struct Interval {
    length: Duration,
    sleep: Pin<Box<Sleep>>,
}

impl<T: Send + 'static> Watcher<T> {
    pub(super) fn new(client: &Client, resource: Resource<T>) -> Self {
        Self {
            feed: client.event_feed(resource.events()),
            resource,
            due: None,
            reading: None,
            outage: Outage::default(),
            pause: None,
            interval: None,
            is_done: false,
        }
    }

    /// The waits before what failed is tried again. See [`EventFeed::backoff`].
    pub fn backoff(mut self, policy: RetryPolicy) -> Self {
        self.outage.policy = policy;
        self.feed = self.feed.backoff(policy);
        self
    }

    /// How long the stream, or reading, may fail before the watcher gives up. See
    /// [`EventFeed::max_outage`].
    pub fn max_outage(mut self, limit: impl Into<Option<Duration>>) -> Self {
        let limit = limit.into();
        self.outage.limit = limit;
        self.feed = self.feed.max_outage(limit);
        self
    }

    /// Reads the resource at least this often, events or not. For types of resource that the service
    /// sends no events of. Unless set, nothing but the client's limit on a silent stream bounds how
    /// long a missing event goes unnoticed.
    pub fn reread_every(mut self, length: Duration) -> Self {
        self.interval = Some(Interval {
            length,
            sleep: Box::pin(tokio::time::sleep(length)),
        });
        self
    }

    /// What is seen next, or `None` behind the end.
    ///
    /// A future that is dropped loses nothing: what it would have given comes the next time.
    ///
    /// # Errors
    ///
    /// What the watcher ends with.
    pub async fn try_next(&mut self) -> Result<Option<Seen<T>>, Error> {
        poll_fn(|cx| self.poll_seen(cx)).await.transpose()
    }

    /// Waits until the resource is as wanted, and returns it.
    ///
    /// # Errors
    ///
    /// `deadline_exceeded` after `deadline`, with the last failure of a stream or a read as its
    /// source, if there was one and it isn't over. `not_found` if the resource doesn't exist or
    /// doesn't any more. And what the watcher ends with.
    pub async fn until(
        mut self,
        mut predicate: impl FnMut(&T) -> bool,
        deadline: Duration,
    ) -> Result<T, Error> {
        let found = async {
            while let Some(seen) = self.try_next().await? {
                match seen.into_resource() {
                    Some(resource) if predicate(&resource) => return Ok(resource),
                    Some(_) => {}
                    None => break,
                }
            }
            let why = format!("there is no such {:?}, or not any more", self.resource.kind);
            Err(Error::new(Code::NotFound, why).with_execution(Execution::Refused))
        };
        // Beyond what a clock can tell: no deadline.
        let Some(at) = Instant::now().checked_add(deadline) else {
            return found.await;
        };
        match tokio::time::timeout_at(at, found).await {
            Ok(result) => result,
            Err(_) => {
                let error = Error::new(
                    Code::DeadlineExceeded,
                    format!("not as wanted after {deadline:?}"),
                );
                let failure = self.feed.take_failure().or_else(|| self.outage.last.take());
                Err(match failure {
                    Some(failure) => error.with_source(failure),
                    None => error,
                })
            }
        }
    }

    fn poll_seen(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Seen<T>, Error>>> {
        if self.is_done {
            return Poll::Ready(None);
        }
        if let Poll::Ready(error) = self.resource.poll_canceled(cx) {
            return self.end(Err(error));
        }
        if let Err(end) = self.take_notices(cx) {
            return self.end(end);
        }
        if let Some(interval) = &mut self.interval
            && interval.sleep.as_mut().poll(cx).is_ready()
        {
            self.is_due(Why::Gap);
        }
        loop {
            if let Some((why, reading)) = &mut self.reading {
                let (why, Poll::Ready(result)) = (*why, reading.as_mut().poll(cx)) else {
                    return Poll::Pending;
                };
                self.reading = None;
                match self.has_read(why, result) {
                    Ok(Some(seen)) => return Poll::Ready(Some(Ok(seen))),
                    Ok(None) => {}
                    Err(end) => return self.end(end),
                }
            }
            if let Some(pause) = &mut self.pause {
                if pause.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.pause = None;
            }
            let Some(why) = self.due.take() else {
                return Poll::Pending;
            };
            self.reading = Some((why, self.resource.read()));
            self.rest(cx);
        }
    }

    /// Takes in what the feed has.
    fn take_notices(&mut self, cx: &mut Context<'_>) -> Result<(), Result<Seen<T>, Error>> {
        for _ in 0..MOST_AT_ONCE {
            match self.feed.poll_notice(cx) {
                Poll::Ready(Some(Ok(Notice::Reread))) => self.is_due(Why::Gap),
                Poll::Ready(Some(Ok(Notice::Event(event)))) => {
                    if self.resource.concerns(&event) {
                        self.is_due(Why::Event);
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    let is_gone = is_gone(&error) && self.resource.is_scope();
                    return Err(if is_gone { Ok(Seen::Gone) } else { Err(error) });
                }
                Poll::Ready(None) | Poll::Pending => return Ok(()),
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    fn is_due(&mut self, why: Why) {
        self.due = self.due.max(Some(why));
    }

    /// What a read came to: something to deliver, another try, or the end.
    fn has_read(
        &mut self,
        why: Why,
        result: Result<T, Error>,
    ) -> Result<Option<Seen<T>>, Result<Seen<T>, Error>> {
        match result {
            Ok(resource) => {
                self.outage.over();
                Ok(Some(match why {
                    Why::Gap => Seen::Reread(resource),
                    Why::Event => Seen::Changed(resource),
                }))
            }
            Err(error) if is_gone(&error) => Err(Ok(Seen::Gone)),
            Err(error) => {
                self.pause = Some(self.outage.lost(Some(error), Duration::ZERO).map_err(Err)?);
                self.is_due(why);
                Ok(None)
            }
        }
    }

    /// The interval begins anew with each read.
    fn rest(&mut self, cx: &mut Context<'_>) {
        if let Some(Interval { length, sleep }) = &mut self.interval {
            let at = Instant::now().checked_add(*length);
            // Beyond what a clock can tell: a year is as good.
            let at = at.unwrap_or_else(|| Instant::now() + Duration::from_secs(31_536_000));
            sleep.as_mut().reset(at);
            // Registers it: it was just set, and isn't over.
            let _ = sleep.as_mut().poll(cx);
        }
    }

    fn end(&mut self, end: Result<Seen<T>, Error>) -> Poll<Option<Result<Seen<T>, Error>>> {
        self.is_done = true;
        self.reading = None;
        self.feed.close();
        Poll::Ready(Some(end))
    }
}

/// Whether the service says that there is no such resource.
fn is_gone(error: &Error) -> bool {
    error.code() == Code::NotFound && error.is_from_server()
}

impl<T: Send + 'static> Stream for Watcher<T> {
    type Item = Result<Seen<T>, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_seen(cx)
    }
}

impl<T> fmt::Debug for Watcher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher")
            .field("resource", &self.resource)
            .field("feed", &self.feed)
            .finish_non_exhaustive()
    }
}
