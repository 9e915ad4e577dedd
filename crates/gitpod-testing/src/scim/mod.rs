//! OrganizationService as far as SCIM needs it, what is known of callers, and the SCIM endpoint.

mod audit;
mod configurations;
pub(crate) mod endpoint;
mod organization;
pub(crate) mod page;
pub(crate) mod rules;
mod sso;
pub(crate) mod store;
mod users;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connect_hyper::{Code, Idempotency, Method, Unary};
use gitpod_client::{event, identity, organization as rpc, user};
use gitpod_types::Timestamp;

use crate::clock::Clock;
use crate::connect::error::ServerError;
use crate::credential::{Caller, Credentials};
use crate::handler::{Handler, Request, Response};
use crate::quirk::Quirks;
use crate::route::Router;
use store::Store;

/// The built-in service: the state, and the clock that it goes by.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    store: Arc<Mutex<Store>>,
    clock: Clock,
    credentials: Arc<Credentials>,
    quirks: Quirks,
}

/// What a method comes to.
type Answer<M> = Result<<M as Method>::Response, ServerError>;

impl Service {
    pub(crate) fn new(
        store: Arc<Mutex<Store>>,
        clock: Clock,
        credentials: Arc<Credentials>,
        quirks: Quirks,
    ) -> Self {
        Self {
            store,
            clock,
            credentials,
            quirks,
        }
    }

    /// Registers the RPCs that are built in.
    pub(crate) fn register(&self, router: &Router) {
        self.add::<rpc::GetOrganization>(router, Self::get_organization);

        self.add::<rpc::CreateSsoConfiguration>(router, Self::create_sso);
        self.add::<rpc::GetSsoConfiguration>(router, Self::get_sso);
        self.add::<rpc::ListSsoConfigurations>(router, Self::list_sso);
        self.add::<rpc::UpdateSsoConfiguration>(router, Self::update_sso);
        self.add::<rpc::DeleteSsoConfiguration>(router, Self::delete_sso);

        self.add_for::<rpc::CreateScimConfiguration>(router, Self::create_scim);
        self.add::<rpc::GetScimConfiguration>(router, Self::get_scim);
        self.add::<rpc::ListScimConfigurations>(router, Self::list_scim);
        self.add_for::<rpc::UpdateScimConfiguration>(router, Self::update_scim);
        self.add_for::<rpc::DeleteScimConfiguration>(router, Self::delete_scim);
        self.add_for::<rpc::RegenerateScimToken>(router, Self::regenerate_token);

        self.add::<event::ListAuditLogs>(router, Self::list_audit_logs);
        self.add_for::<identity::GetAuthenticatedIdentity>(router, Self::identity);
        self.add_for::<user::ListPersonalAccessTokens>(router, Self::list_tokens);
    }

    fn add<M: Method<Kind = Unary>>(
        &self,
        router: &Router,
        method: fn(&Self, &M::Request) -> Answer<M>,
    ) {
        self.add_for::<M>(router, move |service, request, _| method(service, request));
    }

    /// A method for which it matters who calls.
    fn add_for<M: Method<Kind = Unary>>(
        &self,
        router: &Router,
        method: impl Fn(&Self, &M::Request, &Caller) -> Answer<M> + Send + Sync + 'static,
    ) {
        let service = self.clone();
        let handler = Handler::of::<M, _, _>(move |request: Request<M::Request>| {
            let caller = service.credentials.caller(request.headers());
            let answer = if M::IDEMPOTENCY != Idempotency::NoSideEffects && caller.is_read_only() {
                Err(ServerError::new(
                    Code::PermissionDenied,
                    "this personal access token is read-only",
                ))
            } else {
                method(&service, request.message(), &caller)
            };
            std::future::ready(answer.map(Response::new))
        });
        router.add(M::PATH, handler);
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time, in microseconds as a database keeps it, so that every read shows the same (but for
    /// a quirk).
    fn now(&self) -> SystemTime {
        self.quirks.told(self.clock.now())
    }
}

/// A time as messages carry it.
fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(since.subsec_nanos()).unwrap_or(0),
    }
}

/// The answer to an id that names nothing here.
fn not_found(what: &str, id: &str) -> ServerError {
    ServerError::new(Code::NotFound, format!("{what} {id} not found"))
}
