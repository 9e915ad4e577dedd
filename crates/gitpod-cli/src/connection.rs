//! Where calls go: the service, or a server embedded in this process.

use gitpod_client::{Client, ClientBuilder, RetryPolicy, credential_variable};
use gitpod_testing::Server;

use crate::cli::Connection;
use crate::exit::Failure;
use crate::{output, trace};

/// A client of the service, as environment and flags say.
pub(crate) fn service(connection: &Connection) -> Result<ClientBuilder, Failure> {
    let mut builder = Client::builder()
        .from_env()
        .map_err(|error| Failure::of_setting(&error))?
        .timeout(connection.timeout);
    if let Some(Ok(credential)) = credential_variable().map(std::env::var) {
        output::hide(&credential);
    }
    if let Some(url) = &connection.base_url {
        builder = builder.base_url(url);
    }
    traced(builder, connection)
}

/// `--verbose`.
fn traced(builder: ClientBuilder, connection: &Connection) -> Result<ClientBuilder, Failure> {
    if connection.verbose {
        trace::attach(builder)
    } else {
        Ok(builder)
    }
}

/// A client, and what stands in for arguments where the server is embedded.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    /// Runs as long as this lives.
    server: Option<Server>,
}

impl Session {
    pub(crate) async fn open(connection: &Connection, embedded: bool) -> Result<Self, Failure> {
        // Clap's own check doesn't see flags of which one stands in front of the subcommand.
        if embedded && connection.base_url.is_some() {
            return Err(Failure::usage(
                "--embedded and --base-url contradict each other",
            ));
        }
        let (builder, server) = if embedded {
            let server = Server::start().await.map_err(|error| {
                Failure::local(format!("can't start the embedded server: {error}"))
            })?;
            output::hide(server.api_key());
            let builder = Client::builder()
                .base_url(server.base_url())
                .token(server.api_key())
                .timeout(connection.timeout);
            (traced(builder, connection)?, Some(server))
        } else {
            (service(connection)?, None)
        };
        let client = builder
            // A script sees every failure, and regenerating is never repeated in silence.
            .retry(RetryPolicy::none())
            // What the service refuses is for the service to say: exit code 5.
            .validate(false)
            // An answer that holds a token is kept byte for byte if it can't be understood, and then
            // a person has to be able to read it.
            .runtime(|runtime| runtime.accept_compression([]))
            .build()
            .map_err(|error| Failure::of_setting(&error))?;
        Ok(Self { client, server })
    }

    /// The configuration asked for, or the embedded server's own.
    pub(crate) fn configuration(&self, id: Option<String>) -> Result<String, Failure> {
        match (id, &self.server) {
            (Some(id), _) => Ok(id),
            (None, Some(server)) => Ok(server.scim_configuration_id().to_owned()),
            (None, None) => Err(Failure::usage(
                "expected a CONFIGURATION_ID (`gitpodctl scim list` shows them); only --embedded \
                 does without one",
            )),
        }
    }

    pub(crate) fn is_embedded(&self) -> bool {
        self.server.is_some()
    }
}
