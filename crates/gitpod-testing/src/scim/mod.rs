//! OrganizationService as far as SCIM needs it, whose credential it is, and the SCIM endpoint.

mod configurations;
pub(crate) mod endpoint;
mod identity;
mod organization;
pub(crate) mod page;
pub(crate) mod rules;
mod sso;
pub(crate) mod store;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connect_hyper::{Code, Method, Unary};
use gitpod_client::identity::GetAuthenticatedIdentity;
use gitpod_client::organization as rpc;
use gitpod_types::Timestamp;

use crate::clock::Clock;
use crate::connect::error::ServerError;
use crate::handler::{Handler, Request, Response};
use crate::route::Router;
use store::Store;

/// The built-in service: the state, and the clock that it goes by.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    store: Arc<Mutex<Store>>,
    clock: Clock,
}

impl Service {
    pub(crate) fn new(store: Arc<Mutex<Store>>, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Registers the RPCs that are built in.
    pub(crate) fn register(&self, router: &Router) {
        self.add::<GetAuthenticatedIdentity>(router, Self::get_identity);
        self.add::<rpc::GetOrganization>(router, Self::get_organization);

        self.add::<rpc::CreateSsoConfiguration>(router, Self::create_sso);
        self.add::<rpc::GetSsoConfiguration>(router, Self::get_sso);
        self.add::<rpc::ListSsoConfigurations>(router, Self::list_sso);
        self.add::<rpc::UpdateSsoConfiguration>(router, Self::update_sso);
        self.add::<rpc::DeleteSsoConfiguration>(router, Self::delete_sso);

        self.add::<rpc::CreateScimConfiguration>(router, Self::create_scim);
        self.add::<rpc::GetScimConfiguration>(router, Self::get_scim);
        self.add::<rpc::ListScimConfigurations>(router, Self::list_scim);
        self.add::<rpc::UpdateScimConfiguration>(router, Self::update_scim);
        self.add::<rpc::DeleteScimConfiguration>(router, Self::delete_scim);
        self.add::<rpc::RegenerateScimToken>(router, Self::regenerate_token);
    }

    fn add<M: Method<Kind = Unary>>(
        &self,
        router: &Router,
        method: fn(&Self, &M::Request) -> Result<M::Response, ServerError>,
    ) {
        let service = self.clone();
        let handler = Handler::of::<M, _, _>(move |request: Request<M::Request>| {
            let answer = method(&service, request.message());
            std::future::ready(answer.map(Response::new))
        });
        router.add(M::PATH, handler);
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time, in microseconds as a database keeps it, so that every read shows the same.
    fn now(&self) -> SystemTime {
        let since = self.clock.now().duration_since(UNIX_EPOCH);
        let since = since.unwrap_or(Duration::ZERO);
        UNIX_EPOCH + Duration::new(since.as_secs(), since.subsec_micros() * 1000)
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
