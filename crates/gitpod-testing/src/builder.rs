//! The options of a server, and how it starts.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gitpod_types::Timestamp;
use gitpod_types::v1::sso_configuration::ProviderType;
use gitpod_types::v1::{Organization, OrganizationTier, SsoConfiguration, SsoConfigurationState};

use crate::calls::CallLog;
use crate::clock::Clock;
use crate::connect::compression::Compression;
use crate::credential::Credentials;
use crate::dispatch::{Dispatcher, Options};
use crate::fault::FaultBoard;
use crate::net::listener;
use crate::net::socket::Acceptor;
use crate::quirk::{Quirk, Quirks};
use crate::route::Router;
use crate::scim::Service;
use crate::scim::endpoint::ScimEndpoint;
use crate::scim::rules::DEFAULT_LIFE;
use crate::scim::store::{ScimRecord, Store};
use crate::secret::{Ids, Secret};
use crate::server::{Seeded, Server, Start};
#[cfg(feature = "tls")]
use crate::tls::{Authority, Tls};

/// The default limit on a request's body, compressed or not: 4 MiB.
const MAX_REQUEST_BYTES: usize = 4 << 20;

/// Options of a [`Server`], from [`Server::builder`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it starts a server"]
pub struct Builder {
    port: u16,
    clock: Clock,
    api_key: Option<Secret>,
    seed: u64,
    require_credential: bool,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    options: Options,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            port: 0,
            clock: Clock::system(),
            api_key: None,
            seed: 0,
            require_credential: true,
            #[cfg(feature = "tls")]
            tls: None,
            options: Options {
                api_path: "/api".into(),
                max_request_bytes: MAX_REQUEST_BYTES,
                max_concurrent_streams: 1024,
                compress_responses: Vec::new(),
                require_protocol_version: false,
                quirks: Quirks::default(),
            },
        }
    }
}

impl Builder {
    /// The port of the loopback interface. 0, the default, takes a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The clock. By default, one that runs with the machine's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The API key that calls need. By default, a random one.
    ///
    /// It has to be printable ASCII without spaces; [`start`](Self::start) fails otherwise.
    pub fn api_key(mut self, api_key: impl Into<String>) -> Self {
        self.api_key = Some(Secret::new(api_key));
        self
    }

    /// What the ids follow from: servers of the same seed give out the same ids in the same
    /// order, so that a snapshot of what they send doesn't change. 0 by default. Tokens are
    /// random whatever the seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether a call needs the API key. It does by default.
    pub fn require_credential(mut self, required: bool) -> Self {
        self.require_credential = required;
        self
    }

    /// TLS. By default the server speaks none.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Whether a call needs `Connect-Protocol-Version`. It doesn't by default; a wrong version is
    /// refused in any case.
    pub fn require_protocol_version(mut self, required: bool) -> Self {
        self.options.require_protocol_version = required;
        self
    }

    /// Where the API begins: `/api` by default, and the empty path for a server whose calls' paths
    /// begin with their services' names.
    pub fn api_path(mut self, path: impl Into<String>) -> Self {
        self.options.api_path = path.into();
        self
    }

    /// What responses may be compressed with. Among these the client's preference decides, as its
    /// headers list it. None by default, so that answers can be read in a log.
    pub fn compress_responses(
        mut self,
        compressions: impl IntoIterator<Item = Compression>,
    ) -> Self {
        self.options.compress_responses = compressions.into_iter().collect();
        self
    }

    /// How large a request's body may be, compressed and not, and of a stream each message; 4 MiB
    /// by default. A larger one is answered with `resource_exhausted`.
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.options.max_request_bytes = bytes;
        self
    }

    /// How many calls a connection of HTTP/2 takes at the same time, 1024 by default. The client is
    /// told when it connects; a stream that comes before it knows is refused (`REFUSED_STREAM`).
    pub fn max_concurrent_streams(mut self, streams: u32) -> Self {
        self.options.max_concurrent_streams = streams;
        self
    }

    /// Has the server differ from what is usual. By default it doesn't.
    pub fn quirk(mut self, quirk: Quirk) -> Self {
        self.options.quirks.add(quirk);
        self
    }

    /// Starts the server, in the tokio runtime that this is called in.
    ///
    /// # Errors
    ///
    /// The port is taken, the API key can't stand in a header, a root of client certificates is
    /// none, or the system has no randomness.
    pub async fn start(self) -> io::Result<Server> {
        let api_key = match self.api_key {
            Some(key) if is_header_text(key.reveal()) => key,
            Some(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "the API key must be printable ASCII without spaces, and not empty",
                ));
            }
            None => Secret::random("ona_pat_").map_err(io::Error::other)?,
        };
        #[cfg(feature = "tls")]
        let (acceptor, authority) = match &self.tls {
            None => (Acceptor::Plain, None),
            Some(tls) => {
                let authority = Authority::new().map_err(io::Error::other)?;
                (Acceptor::Tls(tls.acceptor(&authority)?), Some(authority))
            }
        };
        #[cfg(not(feature = "tls"))]
        let acceptor = Acceptor::Plain;
        let listener = listener::bind(self.port)?;
        let start = Start {
            port: listener.local_addr()?.port(),
            acceptor,
            #[cfg(feature = "tls")]
            authority,
        };
        let (store, mut seeded) = seed(self.seed, self.clock.now())?;
        seeded.api_key = api_key.clone();
        let store = Arc::new(Mutex::new(store));
        let router = Router::default();
        let credentials = Arc::new(Credentials::new(
            api_key,
            self.require_credential,
            // Apart from the others, which follow one another.
            Ids::new(!self.seed),
        ));
        Service::new(
            Arc::clone(&store),
            self.clock.clone(),
            Arc::clone(&credentials),
            self.options.quirks.clone(),
        )
        .register(&router);
        let dispatcher = Dispatcher {
            router,
            credentials,
            faults: FaultBoard::default(),
            calls: CallLog::default(),
            clock: self.clock,
            scim: ScimEndpoint::new(Arc::clone(&store)),
            options: self.options,
        };
        Ok(Server::run(listener, start, dispatcher, store, seeded))
    }
}

fn is_header_text(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// An organization with one active SSO configuration and one SCIM configuration, as an
/// administrator has set them up.
fn seed(seed: u64, now: SystemTime) -> io::Result<(Store, Seeded)> {
    let mut ids = Ids::new(seed);
    let organization_id = ids.next();
    let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let now = UNIX_EPOCH + Duration::from_secs(since.as_secs());
    let created_at = Some(Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: 0,
    });
    let organization = Organization {
        id: organization_id.clone(),
        name: "Example".into(),
        created_at,
        updated_at: created_at,
        tier: OrganizationTier::Enterprise.into(),
        ..Organization::default()
    };
    let mut store = Store::new(organization, ids);
    let sso = SsoConfiguration {
        id: store.new_id(),
        organization_id: organization_id.clone(),
        client_id: "example-client".into(),
        issuer_url: "https://idp.example.com".into(),
        state: SsoConfigurationState::Active.into(),
        email_domain: "example.com".into(),
        email_domains: vec!["example.com".into()],
        provider_type: ProviderType::Custom.into(),
        display_name: "Example".into(),
        ..SsoConfiguration::default()
    };
    let token = store.new_token().map_err(io::Error::other)?;
    let scim = ScimRecord {
        id: store.new_id(),
        name: "Example".into(),
        enabled: true,
        sso_configuration_id: sso.id.clone(),
        allow_unverified_email_account_linking: false,
        created_at: now,
        updated_at: now,
        token: token.clone(),
        token_expires_at: now + DEFAULT_LIFE,
        before: None,
        token_life: DEFAULT_LIFE,
    };
    let seeded = Seeded {
        organization_id,
        sso_configuration_id: sso.id.clone(),
        scim_configuration_id: scim.id.clone(),
        scim_token: token,
        api_key: Secret::new(""),
    };
    let rank = store.new_rank();
    store.sso.insert(rank, sso);
    let rank = store.new_rank();
    store.scim.insert(rank, scim);
    Ok((store, seeded))
}
