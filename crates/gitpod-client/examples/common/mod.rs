//! What the examples share: where the API is, and what the embedded server answers with.

#![allow(dead_code, reason = "each example uses another part of it")]
#![allow(clippy::print_stdout, reason = "examples print what they find")]

use gitpod_client::types::Timestamp;
use gitpod_client::types::v1::{PaginationRequest, PaginationResponse};
use gitpod_client::{BoxError, Client};
use gitpod_testing::Server;

/// A client, and the server that it talks to where that is one of this process.
pub(crate) struct Api {
    pub(crate) client: Client,
    pub(crate) server: Option<Server>,
}

/// The API that the environment names, if it has a credential (`ONA_API_KEY`, and so on). Otherwise
/// a server of this process, with the handlers that `serve` gives it.
///
/// # Errors
///
/// A variable has what can't be used, or no server can be started.
pub(crate) async fn connect(serve: impl FnOnce(&Server)) -> Result<Api, BoxError> {
    if gitpod_client::credential_variable().is_some() {
        let client = Client::from_env()?;
        return Ok(Api {
            client,
            server: None,
        });
    }
    let server = Server::start().await?;
    serve(&server);
    let client = Client::builder()
        .base_url(server.base_url())
        .token(server.api_key())
        .build()?;
    println!("(no credential in the environment: asking an embedded server)");
    Ok(Api {
        client,
        server: Some(server),
    })
}

/// An id for what the embedded server answers with.
pub(crate) fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// 2025-06-01T00:00:00Z and so many days.
pub(crate) fn day(number: i64) -> Option<Timestamp> {
    Some(Timestamp {
        seconds: 1_748_736_000 + number * 86_400,
        nanos: 0,
    })
}

/// The page that a request asks for: a server's part of a listing.
pub(crate) fn page<T>(
    all: impl IntoIterator<Item = T>,
    asked: Option<&PaginationRequest>,
) -> (Vec<T>, Option<PaginationResponse>) {
    let asked = asked.cloned().unwrap_or_default();
    let size = match usize::try_from(asked.page_size) {
        Ok(size @ 1..) => size.min(100),
        _ => 25,
    };
    let from = asked.token.parse().unwrap_or(0);
    let mut rest = all.into_iter().skip(from);
    let items = rest.by_ref().take(size).collect();
    let next_token = match rest.next() {
        Some(_) => (from + size).to_string(),
        None => String::new(),
    };
    (items, Some(PaginationResponse { next_token }))
}

#[cfg(feature = "event")]
pub(crate) mod events {
    use gitpod_client::event::WatchEvents;
    use gitpod_client::types::v1::{ResourceOperation, ResourceType, WatchEventsResponse};
    use gitpod_testing::{Code, ResponseStream, Server, ServerError};
    use tokio::sync::broadcast;

    /// The events of the embedded server.
    #[derive(Debug, Clone)]
    pub(crate) struct Events(broadcast::Sender<WatchEventsResponse>);

    impl Events {
        /// Has the server answer `WatchEvents`.
        pub(crate) fn serve(server: &Server) -> Self {
            let events = broadcast::Sender::new(100);
            let source = events.clone();
            server.handle::<WatchEvents, _, _>(move |_| {
                let mut events = source.subscribe();
                async move {
                    Ok(ResponseStream::produce(|sender| async move {
                        loop {
                            let event = events.recv().await;
                            let lost = |_| ServerError::new(Code::Unavailable, "too slow");
                            sender.send(event.map_err(lost)?).await?;
                        }
                    }))
                }
            });
            Self(events)
        }

        /// Tells everybody that a resource has changed.
        pub(crate) fn changed(&self, kind: ResourceType, id: impl Into<String>) {
            // Nobody may be listening.
            let _ = self.0.send(WatchEventsResponse {
                operation: ResourceOperation::UpdateStatus.into(),
                resource_type: kind.into(),
                resource_id: id.into(),
            });
        }
    }
}
