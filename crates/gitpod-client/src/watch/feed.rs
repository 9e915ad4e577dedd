//! A stream of events that is opened again when it breaks.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use connect_hyper::{Code, Error, RetryPolicy, Streaming};
use futures_core::Stream;
use gitpod_types::v1::{WatchEventsRequest, WatchEventsResponse};
use tokio::time::{Instant, Sleep};

use super::outage::{Outage, STABLE};
use crate::event::EventClient;

/// How long to wait for the stream's headers before what is watched is read all the same.
const PATIENCE: Duration = Duration::from_secs(3);

/// What an [`EventFeed`] gives.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// Read now all that is watched: what happened before can't be told one by one. It comes when
    /// the stream is open for the first time, and after each gap.
    ///
    /// It comes too when the service takes more than 3 s to say that the stream is open, or more than
    /// the client's deadline, and then again when it does.
    Reread,
    /// A resource changed.
    Event(WatchEventsResponse),
}

/// The events of a scope, over as many streams as it takes, from
/// [`Client::event_feed`](crate::Client::event_feed).
///
/// A stream that breaks, ends, or is silent for longer than the client's limit
/// ([`stream_idle_timeout`](connect_hyper::ClientBuilder::stream_idle_timeout), 5 min unless set) is
/// opened again, after a wait that is random and grows, and that the server can ask for. What came
/// meanwhile is lost, and [`Notice::Reread`] says so.
///
/// A service that takes the call and is silent until the client's deadline is taken for one without
/// events, and is asked again for as long as it takes.
///
/// It ends with an error that opening again won't mend: the credential is refused (unless the stream
/// was open for 30 s: it may have expired), the caller lacks a right, the request is wrong. And it
/// ends with the last error of an [outage](Self::max_outage) that lasts too long. Dropping it closes
/// the stream.
#[must_use = "a stream does nothing until it is polled"]
pub struct EventFeed {
    client: EventClient,
    request: WatchEventsRequest,
    outage: Outage,
    state: State,
}

enum State {
    Closed,
    Opening(Opening, Option<Pin<Box<Sleep>>>),
    Open(Box<Streaming<WatchEventsResponse>>, Instant),
    Waiting(Pin<Box<Sleep>>),
    Done,
}

type Opening = Pin<Box<dyn Future<Output = Result<Streaming<WatchEventsResponse>, Error>> + Send>>;

impl EventFeed {
    pub(super) fn new(client: EventClient, request: WatchEventsRequest) -> Self {
        Self {
            client,
            request,
            outage: Outage::default(),
            state: State::Closed,
        }
    }

    /// The waits before the stream is opened again: a random share of 100 ms after the first
    /// failure and of 30 s at most, unless set. The number of attempts has no meaning here.
    pub fn backoff(mut self, policy: RetryPolicy) -> Self {
        self.outage.policy = policy;
        self
    }

    /// How long there may be no stream at all before the feed gives up: 15 min unless set. `None`
    /// goes on for ever.
    pub fn max_outage(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.outage.limit = limit.into();
        self
    }

    /// The next notice, or `None` behind an error.
    ///
    /// A future that is dropped loses nothing: the notice comes the next time.
    ///
    /// # Errors
    ///
    /// What the feed ends with.
    pub async fn try_next(&mut self) -> Result<Option<Notice>, Error> {
        poll_fn(|cx| self.poll_notice(cx)).await.transpose()
    }

    /// The last failure, unless the stream is open again.
    pub(super) fn take_failure(&mut self) -> Option<Error> {
        self.outage.last.take()
    }

    /// Nothing more is wanted.
    pub(super) fn close(&mut self) {
        self.state = State::Done;
    }

    pub(super) fn poll_notice(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Notice, Error>>> {
        loop {
            match &mut self.state {
                State::Closed => {
                    let opening = self.client.watch_events(self.request.clone()).into_future();
                    let patience = Box::pin(tokio::time::sleep(PATIENCE));
                    self.state = State::Opening(opening, Some(patience));
                }
                State::Opening(opening, patience) => match opening.as_mut().poll(cx) {
                    Poll::Ready(Ok(stream)) => {
                        self.state = State::Open(Box::new(stream), Instant::now());
                        self.outage.interrupted();
                        return Poll::Ready(Some(Ok(Notice::Reread)));
                    }
                    Poll::Ready(Err(error)) => {
                        let (is_silent, is_due) = (is_silence(&error), patience.is_some());
                        let lost = if is_silent {
                            self.outage.interrupted();
                            self.lost(None, if is_due { Duration::ZERO } else { STABLE })
                        } else {
                            self.lost(Some(error), Duration::ZERO)
                        };
                        if let Err(error) = lost {
                            return Poll::Ready(Some(Err(error)));
                        }
                        // The deadline was shorter than the patience.
                        if is_silent && is_due {
                            return Poll::Ready(Some(Ok(Notice::Reread)));
                        }
                    }
                    Poll::Pending => {
                        let Some(sleep) = patience else {
                            return Poll::Pending;
                        };
                        ready!(sleep.as_mut().poll(cx));
                        *patience = None;
                        return Poll::Ready(Some(Ok(Notice::Reread)));
                    }
                },
                State::Open(stream, since) => {
                    let error = match ready!(Pin::new(&mut **stream).poll_next(cx)) {
                        Some(Ok(event)) => return Poll::Ready(Some(Ok(Notice::Event(event)))),
                        Some(Err(error)) => Some(error),
                        None => None,
                    };
                    let lived = since.elapsed();
                    if let Err(error) = self.lost(error, lived) {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                State::Waiting(sleep) => {
                    ready!(sleep.as_mut().poll(cx));
                    self.state = State::Closed;
                }
                State::Done => return Poll::Ready(None),
            }
        }
    }

    /// The stream is gone, and comes again after a wait.
    fn lost(&mut self, error: Option<Error>, lived: Duration) -> Result<(), Error> {
        // Whatever comes of it: what is left of the old stream goes first.
        self.state = State::Done;
        self.state = State::Waiting(self.outage.lost(error, lived)?);
        Ok(())
    }
}

/// Whether the client's deadline passed and nobody had answered: a service that sends its headers
/// with the first event only does so while there are none.
fn is_silence(error: &Error) -> bool {
    error.code() == Code::DeadlineExceeded && !error.is_from_server()
}

impl Stream for EventFeed {
    type Item = Result<Notice, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_notice(cx)
    }
}

impl fmt::Debug for EventFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventFeed")
            .field("request", &self.request)
            .field("is_open", &matches!(self.state, State::Open(..)))
            .finish_non_exhaustive()
    }
}
