//! As much of Microsoft Entra ID as a rotation meets, over a real socket.

mod answer;
mod builder;
mod graph;
mod serve;
mod state;
mod tokens;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use connect_hyper::HttpClient;
use tokio::sync::watch;

pub use builder::EntraBuilder;
pub use state::{EntraRight, Quarantine};

use self::state::State;

/// A Microsoft Entra ID with one enterprise application that provisions over SCIM: its token endpoint, and the
/// parts of Microsoft Graph v1.0 that have to do with synchronization. It is as strict as the real one is
/// where that is documented, and does either where it isn't.
///
/// What it holds it uses as Entra would: `validateCredentials` calls the SCIM endpoint with the saved token.
///
/// ```
/// use gitpod_testing::{Entra, Server};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::start().await?;
/// let entra = Entra::builder()
///     .saved(server.scim_base_url(), server.scim_token())
///     .start()
///     .await?;
/// assert!(entra.provisions().await); // the token that it holds works
/// # Ok(())
/// # }
/// ```
///
/// A clone is the same server; it ends when the last one is dropped. It needs the tokio runtime that it
/// was started in.
#[derive(Clone)]
pub struct Entra(Arc<Inner>);

struct Inner {
    state: Arc<Mutex<State>>,
    port: u16,
    scim: HttpClient,
    _running: watch::Sender<()>,
}

impl Entra {
    /// Options of a server.
    pub fn builder() -> EntraBuilder {
        EntraBuilder::default()
    }

    // ----- Where it is, and who may do what.

    /// Microsoft Graph's base URL: `http://127.0.0.1:PORT/v1.0`.
    #[must_use]
    pub fn graph_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1.0", self.0.port)
    }

    /// The token endpoint's host, as in `AZURE_AUTHORITY_HOST`: `http://127.0.0.1:PORT/`.
    #[must_use]
    pub fn authority_host(&self) -> String {
        format!("http://127.0.0.1:{}/", self.0.port)
    }

    /// The directory.
    #[must_use]
    pub fn tenant_id(&self) -> String {
        self.state().tenant_id.clone()
    }

    /// The application that rotates.
    #[must_use]
    pub fn client_id(&self) -> String {
        self.state().client_id.clone()
    }

    /// The secret of the application that rotates.
    #[must_use]
    pub fn client_secret(&self) -> String {
        self.state().client_secret.reveal().to_owned()
    }

    /// The enterprise application that provisions.
    #[must_use]
    pub fn service_principal_id(&self) -> String {
        self.state().service_principal_id.clone()
    }

    /// The id of its provisioning job.
    #[must_use]
    pub fn job_id(&self) -> String {
        self.state().job_id.clone()
    }

    /// A signed statement that the token endpoint takes in place of the secret, as a workload's
    /// federated identity has one.
    #[must_use]
    pub fn federated_assertion(&self) -> String {
        self.state().assertion.reveal().to_owned()
    }

    /// An access token, as `az account get-access-token` would print it.
    #[must_use]
    pub fn access_token(&self) -> String {
        self.state().issue()
    }

    // ----- What it holds.

    /// The value saved under a key, `SecretToken` for instance.
    #[must_use]
    pub fn saved(&self, key: &str) -> Option<String> {
        self.state().saved(key).map(str::to_owned)
    }

    /// Whether the SCIM endpoint takes the token that is saved.
    pub async fn provisions(&self) -> bool {
        graph::saved_work(&self.0.state, &self.0.scim).await
    }

    /// Saves a value, as a person in the portal would.
    pub fn save(&self, key: &str, value: &str) {
        self.state().save(key, value);
    }

    // ----- What can go wrong.

    /// Takes a right from the application that rotates.
    pub fn revoke(&self, right: EntraRight) {
        self.state().revoked.push(right);
    }

    /// Every access token that was issued has expired.
    pub fn expire_access_tokens(&self) {
        self.state().access_tokens.clear();
    }

    /// The next requests to Graph, so many of them, are answered 429 with this `Retry-After` in seconds.
    pub fn throttle(&self, requests: u32, retry_after: u32) {
        self.state().throttled = (requests, retry_after);
    }

    /// The next requests to Graph, so many of them, are answered with this status.
    pub fn fail(&self, requests: u32, status: u16) {
        self.state().failing = (requests, status);
    }

    /// The next write of secrets is done, and its answer lost.
    pub fn lose_next_answer(&self) {
        self.state().loses_answer = true;
    }

    /// The job is in quarantine.
    pub fn quarantine(&self, reason: &str, since: SystemTime) {
        self.state().quarantine = Some(Quarantine {
            reason: reason.to_owned(),
            since,
        });
    }

    /// The quarantine that the job is in.
    #[must_use]
    pub fn quarantined(&self) -> Option<Quarantine> {
        self.state().quarantine.clone()
    }

    /// The job is paused.
    pub fn pause(&self) {
        self.state().is_paused = true;
    }

    /// How often the job was started.
    #[must_use]
    pub fn starts(&self) -> u32 {
        self.state().starts
    }

    /// How often secrets were written.
    #[must_use]
    pub fn writes(&self) -> u32 {
        self.state().writes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Entra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entra")
            .field("graph_url", &self.graph_url())
            .field("state", &*self.state())
            .finish_non_exhaustive()
    }
}

impl Entra {
    async fn run(state: State) -> io::Result<Self> {
        let scim = connect_hyper::Client::builder("http://127.0.0.1")
            .build_http()
            .map_err(io::Error::other)?;
        let state = Arc::new(Mutex::new(state));
        let running = watch::Sender::new(());
        let port = serve::start(Arc::clone(&state), scim.clone(), running.subscribe()).await?;
        Ok(Self(Arc::new(Inner {
            state,
            port,
            scim,
            _running: running,
        })))
    }
}
