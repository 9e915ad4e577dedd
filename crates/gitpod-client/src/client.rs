//! The client of the Ona API: the runtime's client with this API's defaults.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use connect_hyper::{Codec, Credential, CredentialFile, CredentialProvider, Error, RetryPolicy};

use crate::env;

/// Where the API is, unless a setting says otherwise.
pub const DEFAULT_BASE_URL: &str = "https://app.ona.com/api";

/// Where the service may redirect to: it answers at both.
const ORIGINS: [&str; 2] = ["https://app.ona.com", "https://app.gitpod.io"];

/// How this SDK names itself, in the form of the official ones.
const USER_AGENT: &str = concat!(
    "ona-rust-sdk/",
    env!("CARGO_PKG_VERSION"),
    " (language=rust; layer=sdk)"
);

/// A client of the Ona API.
///
/// Each service has a method that returns its calls, `client.organization()` for instance. A clone
/// is cheap and shares the connections.
#[derive(Clone)]
pub struct Client {
    connect: connect_hyper::Client,
}

impl Client {
    /// A client with the settings of the environment.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `ONA_API_KEY`, else `GITPOD_API_KEY`, else `ONA_TOKEN` | the credential, required |
    /// | `ONA_BASE_URL` | the API's base URL; [`DEFAULT_BASE_URL`] unless set |
    ///
    /// # Errors
    ///
    /// `unauthenticated` if no credential is set, `invalid_argument` if a variable is set to what
    /// can't be used, an empty text included. The error names the variable and never quotes a
    /// credential.
    pub fn from_env() -> Result<Self, Error> {
        Self::builder().from_env()?.build()
    }

    /// Starts a client without a credential, for [`DEFAULT_BASE_URL`].
    pub fn builder() -> ClientBuilder {
        ClientBuilder {
            runtime: connect_hyper::Client::builder(DEFAULT_BASE_URL)
                .header("user-agent", USER_AGENT)
                .header("x-ona-user-agent", USER_AGENT),
            is_https: true,
            error: None,
        }
    }

    /// The runtime's client, for methods that no service of this crate has.
    #[must_use]
    pub fn connect(&self) -> &connect_hyper::Client {
        &self.connect
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.connect).finish()
    }
}

/// Collects a [`Client`]'s settings. What is wrong with one is reported by
/// [`build`](Self::build).
#[derive(Debug)]
#[must_use = "a builder does nothing until build() is called"]
pub struct ClientBuilder {
    runtime: connect_hyper::ClientBuilder,
    is_https: bool,
    /// The first thing that is wrong.
    error: Option<Error>,
}

impl ClientBuilder {
    /// Takes credential and base URL from the environment, as [`Client::from_env`] does.
    ///
    /// What is set afterwards replaces it.
    ///
    /// # Errors
    ///
    /// Those of [`Client::from_env`].
    pub fn from_env(self) -> Result<Self, Error> {
        env::apply(self, |name| std::env::var_os(name))
    }

    /// The API's base URL, `https://app.ona.com/api` for instance.
    ///
    /// Plain http is for tests: with a credential it is refused, unless the host is this machine.
    ///
    /// Redirects are followed within its origin, and to `https://app.ona.com` and
    /// `https://app.gitpod.io`, which have the API too.
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        let base_url = base_url.into();
        let scheme = base_url.split_once("://").map(|(scheme, _)| scheme);
        self.is_https = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
        self.runtime(|runtime| runtime.base_url(base_url))
    }

    /// The credential: an API key or a personal access token, sent as a bearer token.
    pub fn token(mut self, token: impl AsRef<str>) -> Self {
        match Credential::bearer(token.as_ref()) {
            Ok(credential) => self.runtime(|runtime| runtime.credential(credential)),
            Err(error) => {
                self.error.get_or_insert(error);
                self
            }
        }
    }

    /// The credential, in a file that is read for every attempt: a mount that is rotated.
    pub fn token_file(mut self, path: impl Into<PathBuf>) -> Self {
        match CredentialFile::new(path) {
            Ok(file) => self.credential_provider(file),
            Err(error) => {
                self.error.get_or_insert(error);
                self
            }
        }
    }

    /// Whom to ask for the credential.
    pub fn credential_provider(self, provider: impl CredentialProvider) -> Self {
        self.runtime(|runtime| runtime.credential_provider(provider))
    }

    /// The form of messages on the wire. JSON unless set.
    pub fn codec(self, codec: Codec) -> Self {
        self.runtime(|runtime| runtime.codec(codec))
    }

    /// The deadline of calls that set none of their own: 30 s unless set. `None` waits for ever.
    pub fn timeout(self, timeout: impl Into<Option<Duration>>) -> Self {
        self.runtime(|runtime| runtime.timeout(timeout))
    }

    /// How often calls are attempted: at most 3 times unless set, and only where another attempt can
    /// do no harm ([`RetryPolicy`]). `RetryPolicy::none()` turns it off.
    pub fn retry(self, policy: RetryPolicy) -> Self {
        self.runtime(|runtime| runtime.retry(policy))
    }

    /// Whether requests are checked against the rules of the .proto files before they are sent: they
    /// are unless set. A call can differ from its client ([`Call::validate`](crate::Call::validate)).
    ///
    /// A request that breaks a rule isn't sent. The call fails with `invalid_argument`, and
    /// [`Violations::of`](crate::Violations::of) the error has every rule that is broken. Enum numbers
    /// that this build has no name for break none: what a newer server sent can be sent back.
    pub fn validate(self, validate: bool) -> Self {
        self.runtime(|runtime| runtime.validate(validate))
    }

    /// The `User-Agent`, in place of this SDK's own name. `X-Ona-User-Agent` stays.
    pub fn user_agent(self, user_agent: impl Into<String>) -> Self {
        self.runtime(|runtime| runtime.header("user-agent", user_agent))
    }

    /// Every other setting of the runtime: pool, HTTP/2, limits, headers, a transport of your own.
    ///
    /// ```
    /// # fn main() -> Result<(), gitpod_client::Error> {
    /// let client = gitpod_client::Client::builder()
    ///     .token("an-api-key")
    ///     .runtime(|runtime| runtime.response_limit(1 << 20).header("x-team", "identity"))
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn runtime(
        mut self,
        set: impl FnOnce(connect_hyper::ClientBuilder) -> connect_hyper::ClientBuilder,
    ) -> Self {
        self.runtime = set(self.runtime);
        self
    }

    /// The client. Nothing is connected before the first call.
    ///
    /// # Errors
    ///
    /// `invalid_argument` for a setting that can't be used, or a credential that would cross a
    /// network in plain text; `failed_precondition` if the system has no root certificates.
    pub fn build(self) -> Result<Client, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let runtime = if self.is_https {
            self.runtime.redirect_origins(ORIGINS)
        } else {
            // A server of the user's own, on this machine: it needs no certificates either.
            self.runtime
        };
        Ok(Client {
            connect: runtime.build()?,
        })
    }
}
