//! Watching resources, so that nothing is missed.
//!
//! `WatchEvents` tells that a resource changed, not how, and only while its stream is open. So the
//! order matters: open the stream, then read the resource. What changes before the stream is open is
//! in what is read, and what changes afterwards comes as an event. A stream that breaks is a gap, and
//! after it the same is done again.
//!
//! | | what it gives |
//! |---|---|
//! | [`Client::wait_until`] | the resource, once it is as wanted |
//! | [`Client::watch`] | one resource: a [`Watcher`] reads it and says when it has changed |
//! | [`Client::event_feed`] | the events of many: an [`EventFeed`] opens the stream again and says when to read all |
//! | `client.event().watch_events(…)` | the bare stream, with its end |

mod feed;
mod outage;
mod resource;
mod watcher;

use std::time::Duration;

use connect_hyper::Error;
use gitpod_types::v1::WatchEventsRequest;

pub use self::feed::{EventFeed, Notice};
pub use self::resource::{Resource, Watchable};
pub use self::watcher::{Seen, Watcher};
use crate::Client;

impl Client {
    /// Watches one resource: what the call of its `Get…` reads, or what [`Resource::new`] is told to
    /// read.
    ///
    /// ```no_run
    /// # use gitpod_client::{Client, types::v1::GetRunnerRequest, watch::Seen};
    /// # #[cfg(feature = "runner")]
    /// # async fn run(client: Client, request: GetRunnerRequest) -> Result<(), gitpod_client::Error> {
    /// let mut watcher = client.watch(client.runner().get_runner(request));
    /// while let Some(seen) = watcher.try_next().await? {
    ///     match seen {
    ///         Seen::Reread(runner) => println!("it is {:?}; more may have happened", runner.status),
    ///         Seen::Changed(runner) => println!("it is {:?} now", runner.status),
    ///         _ => println!("it is gone"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch<T: Send + 'static>(&self, resource: impl Into<Resource<T>>) -> Watcher<T> {
        Watcher::new(self, resource.into())
    }

    /// Waits until a resource is as wanted, and returns it: [`Watcher::until`] of a watcher that
    /// besides reads every 30 s, for types of resource that the service sends no events of.
    ///
    /// # Errors
    ///
    /// Those of [`Watcher::until`]: `deadline_exceeded` after `deadline`, and `not_found` if the
    /// resource doesn't exist, or doesn't any more.
    pub async fn wait_until<T: Send + 'static>(
        &self,
        resource: impl Into<Resource<T>>,
        predicate: impl FnMut(&T) -> bool,
        deadline: Duration,
    ) -> Result<T, Error> {
        self.watch(resource)
            .reread_every(Duration::from_secs(30))
            .until(predicate, deadline)
            .await
    }

    /// The events of many resources, over as many streams as it takes.
    pub fn event_feed(&self, request: WatchEventsRequest) -> EventFeed {
        EventFeed::new(self.event(), request)
    }
}
