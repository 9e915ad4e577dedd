//! The server as its user sees it.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use connect_hyper::{Idempotency, Method};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::builder::Builder;
use crate::calls::CallRecord;
use crate::clock::Clock;
use crate::connect::error::ServerError;
use crate::dispatch::Dispatcher;
use crate::fault::{ConnectionFault, FaultHandle, FaultPlan};
use crate::handler::{Handler, Input, Output, Request, Response, ServedKind};
use crate::net::listener::{self, Phase};
use crate::net::socket::Acceptor;
use crate::route::SCIM_PATH;
use crate::scim::store::Store;
use crate::secret::Secret;
#[cfg(feature = "tls")]
use crate::tls::{Authority, ClientCertificate};

/// An Ona API server on a port of the loopback interface.
///
/// A clone is the same server. When the last clone is dropped, the port is closed at once and
/// calls under way get five seconds to finish; [`stop`](Self::stop) waits for that, and
/// [`kill`](Self::kill) cuts them off.
///
/// A handler that holds a clone keeps the server running until one of the two is called.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    dispatcher: Arc<Dispatcher>,
    store: Arc<Mutex<Store>>,
    seeded: Seeded,
    base_url: String,
    scim_base_url: String,
    port: u16,
    #[cfg(feature = "tls")]
    authority: Option<Authority>,
    phase: watch::Sender<Phase>,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

/// What a server has from the start.
pub(crate) struct Seeded {
    pub(crate) organization_id: String,
    pub(crate) sso_configuration_id: String,
    pub(crate) scim_configuration_id: String,
    pub(crate) scim_token: Secret,
    pub(crate) api_key: Secret,
}

/// Where and how connections are taken.
pub(crate) struct Start {
    pub(crate) port: u16,
    pub(crate) acceptor: Acceptor,
    #[cfg(feature = "tls")]
    pub(crate) authority: Option<Authority>,
}

impl Server {
    /// Starts a server with the default options, in the tokio runtime that this is called in.
    ///
    /// # Errors
    ///
    /// No port is free, or the system has no randomness.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Options of a server.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn run(
        listener: TcpListener,
        start: Start,
        dispatcher: Dispatcher,
        store: Arc<Mutex<Store>>,
        seeded: Seeded,
    ) -> Self {
        let dispatcher = Arc::new(dispatcher);
        let api_path = &dispatcher.options.api_path;
        let scheme = start.acceptor.scheme();
        let port = start.port;
        let origin = format!("{scheme}://127.0.0.1:{port}");
        let (base_url, scim_base_url) = (
            format!("{origin}{api_path}"),
            format!("{origin}{SCIM_PATH}"),
        );
        let phase = watch::Sender::new(Phase::Running);
        let accepting = tokio::spawn(listener::run(
            listener,
            start.acceptor,
            Arc::clone(&dispatcher),
            phase.subscribe(),
        ));
        Self(Arc::new(Inner {
            dispatcher,
            store,
            seeded,
            base_url,
            scim_base_url,
            port,
            #[cfg(feature = "tls")]
            authority: start.authority,
            phase,
            accepting: Mutex::new(Some(accepting)),
        }))
    }

    // ----- Where it is and what it holds.

    /// The base URL for a client: `http://127.0.0.1:PORT/api`, unless the [`Builder`] was told
    /// otherwise. With TLS it begins with `https`, and `localhost` in place of the address is as
    /// good.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.0.base_url.clone()
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// The root that the server's certificate leads to, in PEM. None without TLS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn root_certificate(&self) -> Option<String> {
        self.0.authority.as_ref().map(Authority::root_pem)
    }

    /// A certificate for a client, with its key, that this server takes: another one each time.
    ///
    /// # Errors
    ///
    /// The server doesn't speak TLS, or the system has no randomness.
    #[cfg(feature = "tls")]
    pub fn issue_client_certificate(&self) -> io::Result<ClientCertificate> {
        let authority = self.0.authority.as_ref().ok_or_else(|| {
            io::Error::new(io::ErrorKind::Unsupported, "the server doesn't speak TLS")
        })?;
        authority.client().map_err(io::Error::other)
    }

    /// The API key that it started with.
    #[must_use]
    pub fn api_key(&self) -> &str {
        self.0.seeded.api_key.reveal()
    }

    /// The id of the one organization.
    #[must_use]
    pub fn organization_id(&self) -> &str {
        &self.0.seeded.organization_id
    }

    /// The id of the SSO configuration that it started with.
    #[must_use]
    pub fn sso_configuration_id(&self) -> &str {
        &self.0.seeded.sso_configuration_id
    }

    /// The id of the SCIM configuration that it started with.
    #[must_use]
    pub fn scim_configuration_id(&self) -> &str {
        &self.0.seeded.scim_configuration_id
    }

    /// The token that this SCIM configuration had at the start, alive until the first regenerate.
    #[must_use]
    pub fn scim_token(&self) -> &str {
        self.0.seeded.scim_token.reveal()
    }

    /// The base URL of the SCIM endpoint: `http://127.0.0.1:PORT/scim/v2`, with TLS `https`.
    ///
    /// `GET /ServiceProviderConfig` and `GET /Users` behind it answer 200 to a live token of any
    /// enabled SCIM configuration, and 401 to everything else.
    #[must_use]
    pub fn scim_base_url(&self) -> &str {
        &self.0.scim_base_url
    }

    /// Every token that it gave out, dead or alive, in order: for tests that look for secrets
    /// where none may be.
    #[must_use]
    pub fn tokens_issued(&self) -> Vec<String> {
        let store = self.0.store.lock();
        store.unwrap_or_else(PoisonError::into_inner).issued()
    }

    /// Whether the SCIM endpoint takes a token now.
    #[must_use]
    pub fn is_live(&self, token: &str) -> bool {
        let store = self.0.store.lock();
        let store = store.unwrap_or_else(PoisonError::into_inner);
        store.is_live(token, self.clock().now())
    }

    /// The clock, which a test can move.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.dispatcher.clock
    }

    // ----- What it does.

    /// Has calls of a method answered by a handler, in place of the built-in one or of
    /// `unimplemented`.
    ///
    /// What the handler gets and gives depends on the method's kind: one message, or a stream of
    /// them. [`ServedKind`] has the table.
    ///
    /// The handler runs once a call, at any number of calls at once. Should it panic, the client
    /// gets `internal`. A unary one runs to its end even if the client leaves; one of a stream is
    /// dropped then.
    ///
    /// ```
    /// use gitpod_client::organization::ListMembers;
    /// use gitpod_client::types::v1::ListMembersResponse;
    /// use gitpod_testing::{Code, Server, ServerError};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let server = Server::start().await?;
    /// server.handle::<ListMembers, _, _>(|request| async move {
    ///     if request.organization_id.is_empty() {
    ///         return Err(ServerError::new(Code::InvalidArgument, "which organization?"));
    ///     }
    ///     Ok(ListMembersResponse::default())
    /// });
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A method that streams both ways, whose handler answers each request as it comes:
    ///
    /// ```
    /// # use connect_hyper::{Bidi, Method};
    /// # #[derive(Clone, PartialEq, prost::Message, serde::Serialize, serde::Deserialize)]
    /// # struct Text { #[prost(string, tag = "1")] text: String }
    /// # enum Converse {}
    /// # impl Method for Converse {
    /// #     type Request = Text;
    /// #     type Response = Text;
    /// #     type Kind = Bidi;
    /// #     const PATH: &'static str = "/toy.v1.Toy/Converse";
    /// # }
    /// use gitpod_testing::{ResponseStream, Server};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let server = Server::start().await?;
    /// server.handle::<Converse, _, _>(|request| async move {
    ///     let mut requests = request.into_message();
    ///     Ok(ResponseStream::produce(|responses| async move {
    ///         while let Some(message) = requests.message().await? {
    ///             responses.send(message).await?;
    ///         }
    ///         Ok(())
    ///     }))
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn handle<M, F, Fut>(&self, handler: F)
    where
        M: Method<Kind: ServedKind>,
        F: Fn(Request<Input<M>>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Output<M>, ServerError>> + Send + 'static,
    {
        self.handle_with_metadata::<M, _, _>(move |request| {
            let answer = handler(request);
            async move { answer.await.map(Response::new) }
        });
    }

    /// As [`handle`](Self::handle), for a handler that sets headers and trailers of its own.
    pub fn handle_with_metadata<M, F, Fut>(&self, handler: F)
    where
        M: Method<Kind: ServedKind>,
        F: Fn(Request<Input<M>>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Response<Output<M>>, ServerError>> + Send + 'static,
    {
        let handler = Handler::of::<M, F, Fut>(handler);
        self.0.dispatcher.router.add(M::PATH, handler);
    }

    /// Has calls of a unary method answered by a handler that knows it by its path alone,
    /// `/package.Service/Method`. It gets the request's message as it came, decompressed, in the form
    /// that [`Request::codec`](Request::codec) says, and gives the response's in the same form.
    ///
    /// For stand-ins of many methods, such as a recording proxy, and for messages that no type
    /// of this build has. `idempotency` says whether calls by GET are answered: those of methods
    /// without side effects are.
    pub fn handle_encoded<F, Fut>(
        &self,
        path: impl Into<String>,
        idempotency: Idempotency,
        handler: F,
    ) where
        F: Fn(Request<Bytes>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Response<Bytes>, ServerError>> + Send + 'static,
    {
        let handler = Handler::encoded(handler, idempotency == Idempotency::NoSideEffects);
        self.0.dispatcher.router.add(path.into(), handler);
    }

    /// Takes one more API key.
    pub fn accept_api_key(&self, key: impl Into<String>) {
        self.0.dispatcher.credentials.accept(Secret::new(key));
    }

    /// Takes an API key no longer, the one that it started with among them.
    pub fn revoke_api_key(&self, key: &str) {
        self.0.dispatcher.credentials.revoke(key);
    }

    /// Makes an API key a user's personal access token, which lives for so long from now:
    /// `ListPersonalAccessTokens` shows it, and `GetAuthenticatedIdentity` its user. Otherwise a key
    /// is a service account's. A read-only one is refused with `permission_denied` where a
    /// call changes something; one that has ended goes on working.
    pub fn make_personal(&self, key: &str, life: Duration, read_only: bool) {
        let now = self.clock().now();
        let credentials = &self.0.dispatcher.credentials;
        credentials.describe(key, now, life, read_only);
    }

    // ----- Faults.

    /// Has something go wrong: a [`Fault`](crate::Fault) for the next call, a [`FaultPlan`] for
    /// those that it says. Faults wait in the order in which they came, and a call meets one.
    pub fn inject(&self, fault: impl Into<FaultPlan>) -> FaultHandle {
        self.0.dispatcher.faults.inject(fault.into())
    }

    /// Has something go wrong with the next so many connections, before anything is said over
    /// them. They wait in the order in which they came, and a connection meets one.
    ///
    /// ```
    /// use gitpod_testing::{ConnectionFault, Server};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let server = Server::start().await?;
    /// // One that never answers, and two that are reset.
    /// server.spoil_connections(ConnectionFault::stall(), 1);
    /// server.spoil_connections(ConnectionFault::reset(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn spoil_connections(&self, fault: ConnectionFault, connections: usize) {
        self.0
            .dispatcher
            .faults
            .spoil_connections(&fault, connections);
    }

    /// Takes all faults back.
    pub fn clear_faults(&self) {
        self.0.dispatcher.faults.clear();
    }

    // ----- What came.

    /// The HTTP requests that came, to all paths, in order: the last 10,000.
    #[must_use]
    pub fn calls(&self) -> Vec<CallRecord> {
        self.0.dispatcher.calls.records()
    }

    /// How many HTTP requests came, the log's limit aside.
    #[must_use]
    pub fn call_count(&self) -> u64 {
        self.0.dispatcher.calls.count()
    }

    /// Empties the log and sets its count to zero.
    pub fn clear_calls(&self) {
        self.0.dispatcher.calls.clear();
    }

    // ----- Its end.

    /// Closes the port, lets calls under way finish (for five seconds at most), and returns when
    /// every connection is closed.
    pub async fn stop(&self) {
        self.end(Phase::Leaving);
        let accepting = self.0.accepting.lock();
        let accepting = accepting.unwrap_or_else(PoisonError::into_inner).take();
        if let Some(accepting) = accepting {
            // It neither panics nor is aborted; and the server is gone either way.
            let _ = accepting.await;
        }
    }

    /// Closes the port and every connection, whatever is under way.
    pub fn kill(&self) {
        self.end(Phase::Stopped);
    }

    fn end(&self, phase: Phase) {
        self.0.end(phase);
    }
}

impl Inner {
    fn end(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let further = *current != phase && *current != Phase::Stopped;
            if further {
                *current = phase;
            }
            further
        });
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end(Phase::Leaving);
    }
}

/// Without the API key and the tokens.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("base_url", &self.0.base_url)
            .field("scim_base_url", &self.0.scim_base_url)
            .field("organization_id", &self.0.seeded.organization_id)
            .field(
                "scim_configuration_id",
                &self.0.seeded.scim_configuration_id,
            )
            .field("api_key", &self.0.seeded.api_key)
            .field("scim_token", &self.0.seeded.scim_token)
            .field("calls", &self.call_count())
            .finish_non_exhaustive()
    }
}
