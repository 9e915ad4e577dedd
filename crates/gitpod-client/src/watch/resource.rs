//! What can be watched: a resource's type, its id, and how it is read.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use connect_hyper::{Call, Code, Error, Execution, Method, Repeat, Unary};
use gitpod_types::v1::watch_events_request::{ResourceTypeFilter, Scope};
use gitpod_types::v1::{ResourceType, WatchEventsRequest, WatchEventsResponse};

/// A method that reads a resource which events tell of. Implemented by generated code, for each
/// `GetThing` of a `Thing` whose type of resource is `RESOURCE_TYPE_THING`.
pub trait Watchable: Method<Kind = Unary> {
    /// What is read.
    type Resource: Send + 'static;
    /// Its type.
    const TYPE: ResourceType;

    /// Which one is read.
    fn id(request: &Self::Request) -> &str;
    /// The resource in the response.
    fn resource(response: Self::Response) -> Option<Self::Resource>;
}

/// A resource to watch: its type and id, by which events name it, and how it is read.
///
/// The call of a `Get…` is one by itself, with the options that it has. For all others there is
/// [`Resource::new`].
pub struct Resource<T> {
    pub(super) kind: ResourceType,
    pub(super) id: String,
    environment_id: Option<String>,
    reader: Box<dyn Reader<T>>,
}

pub(super) type Reading<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// How a resource is read.
trait Reader<T>: Send {
    fn read(&mut self) -> Reading<T>;

    /// The end, if somebody asks for it.
    fn poll_canceled(&mut self, _cx: &mut Context<'_>) -> Poll<Error> {
        Poll::Pending
    }
}

impl<T: Send + 'static> Resource<T> {
    /// A resource that `read` reads, by as many calls as it takes. It is read once when the stream
    /// of events is open, again when an event tells of it, and after gaps. Where it fails with
    /// `not_found`, the resource is gone.
    ///
    /// ```no_run
    /// use gitpod_client::types::v1::{GetScmIntegrationRequest, ResourceType};
    /// use gitpod_client::watch::Resource;
    /// # #[cfg(feature = "runner-configuration")]
    /// # fn watch(client: gitpod_client::Client, id: String) {
    ///
    /// let service = client.runner_configuration();
    /// let request = GetScmIntegrationRequest { id: id.clone() };
    /// let integration = Resource::new(ResourceType::RunnerScmIntegration, id, move || {
    ///     let call = service.get_scm_integration(request.clone());
    ///     async move { Ok(call.await?.into_inner().integration) }
    /// });
    /// let watcher = client.watch(integration);
    /// # }
    /// ```
    pub fn new<F, Fut>(kind: ResourceType, id: impl Into<String>, read: F) -> Self
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Error>> + Send + 'static,
    {
        Self {
            kind,
            id: id.into(),
            environment_id: None,
            reader: Box::new(Closure(read)),
        }
    }

    /// Names the environment that the resource belongs to: tasks, their executions and services are
    /// in the events of their environment alone.
    #[must_use]
    pub fn in_environment(mut self, environment_id: impl Into<String>) -> Self {
        self.environment_id = Some(environment_id.into());
        self
    }

    /// The events to ask for.
    pub(super) fn events(&self) -> WatchEventsRequest {
        let environment_id = match &self.environment_id {
            None if self.kind == ResourceType::Environment => Some(&self.id),
            environment_id => environment_id.as_ref(),
        };
        match environment_id {
            Some(id) => WatchEventsRequest {
                scope: Some(Scope::EnvironmentId(id.clone())),
                resource_type_filters: Vec::new(),
            },
            None => WatchEventsRequest {
                scope: Some(Scope::Organization(true)),
                resource_type_filters: vec![ResourceTypeFilter {
                    resource_type: self.kind.into(),
                    resource_ids: vec![self.id.clone()],
                    creator_ids: Vec::new(),
                }],
            },
        }
    }

    /// Whether the events asked for are those of the resource itself.
    pub(super) fn is_scope(&self) -> bool {
        self.kind == ResourceType::Environment && self.environment_id.is_none()
    }

    /// Whether an event is about this resource.
    pub(super) fn concerns(&self, event: &WatchEventsResponse) -> bool {
        event.resource_type == i32::from(self.kind)
            && event.resource_id.eq_ignore_ascii_case(&self.id)
    }

    pub(super) fn read(&mut self) -> Reading<T> {
        self.reader.read()
    }

    pub(super) fn poll_canceled(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        self.reader.poll_canceled(cx)
    }
}

impl<M: Watchable> From<Call<M>> for Resource<M::Resource> {
    fn from(call: Call<M>) -> Self {
        let calls = call.repeat();
        Self {
            kind: M::TYPE,
            id: M::id(calls.request()).to_owned(),
            environment_id: None,
            reader: Box::new(calls),
        }
    }
}

impl<M: Watchable> Reader<M::Resource> for Repeat<M> {
    fn read(&mut self) -> Reading<M::Resource> {
        let call = self.call();
        Box::pin(async move {
            M::resource(call.await?.into_inner()).ok_or_else(|| {
                Error::new(Code::Internal, "the response lacks the resource")
                    .with_execution(Execution::Executed)
            })
        })
    }

    fn poll_canceled(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        Repeat::poll_canceled(self, cx)
    }
}

struct Closure<F>(F);

impl<T, F, Fut> Reader<T> for Closure<F>
where
    F: FnMut() -> Fut + Send,
    Fut: Future<Output = Result<T, Error>> + Send + 'static,
{
    fn read(&mut self) -> Reading<T> {
        Box::pin((self.0)())
    }
}

impl<T> fmt::Debug for Resource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource")
            .field("kind", &self.kind)
            .field("id", &self.id)
            .field("environment_id", &self.environment_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(kind: ResourceType) -> Resource<()> {
        Resource::new(kind, "an-id", || async { Ok(()) })
    }

    #[test]
    fn the_scope_is_the_environment_s_where_there_is_one() {
        let environment = resource(ResourceType::Environment);
        assert!(environment.is_scope());
        let scope = Scope::EnvironmentId("an-id".to_owned());
        assert_eq!(environment.events().scope, Some(scope));
        assert!(environment.events().resource_type_filters.is_empty());

        let task = resource(ResourceType::Task).in_environment("another");
        assert!(!task.is_scope());
        let scope = Scope::EnvironmentId("another".to_owned());
        assert_eq!(task.events().scope, Some(scope));
        // A filter together with an environment is an error.
        assert!(task.events().resource_type_filters.is_empty());
    }

    #[test]
    fn all_other_events_are_narrowed_down_to_the_resource_s() {
        let events = resource(ResourceType::Prebuild).events();
        assert_eq!(events.scope, Some(Scope::Organization(true)));
        let [filter] = &events.resource_type_filters[..] else {
            panic!("{events:?}");
        };
        assert_eq!(filter.resource_type(), ResourceType::Prebuild);
        assert_eq!(filter.resource_ids, ["an-id"]);
        assert!(filter.creator_ids.is_empty());
    }

    #[test]
    fn events_are_told_apart() {
        let runner = resource(ResourceType::Runner);
        let event = |kind: i32, id: &str| WatchEventsResponse {
            resource_type: kind,
            resource_id: id.to_owned(),
            ..WatchEventsResponse::default()
        };
        let kind = i32::from(ResourceType::Runner);
        assert!(runner.concerns(&event(kind, "an-id")));
        assert!(runner.concerns(&event(kind, "An-Id")));
        assert!(!runner.concerns(&event(kind, "another")));
        assert!(!runner.concerns(&event(kind, "")));
        assert!(!runner.concerns(&event(0, "an-id")));
        assert!(!runner.concerns(&event(9999, "an-id")));
    }
}
