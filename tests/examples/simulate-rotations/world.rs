//! A server, and whoever calls it.

use std::time::{Duration, SystemTime};

use gitpod_client::types::v1::{CreateScimConfigurationRequest, RegenerateScimTokenRequest};
use gitpod_client::{Client, ClientBuilder, RetryPolicy};
use gitpod_rotation::Token;
use gitpod_testing::{Clock, Quirk, Server};

const OTHER: &str = "the-other-administrator";

/// What a batch of rotations shares.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) clock: Clock,
    /// Whether the expiry is kept in whole seconds: then two executions within one can't be told
    /// apart, and don't happen here.
    pub(crate) coarse: bool,
    pub(crate) quirks: Vec<Quirk>,
    other: Client,
    /// Where state folders are made: in memory, if there is such a place.
    pub(crate) folder: std::path::PathBuf,
}

/// A generator for one purpose of one seed.
pub(crate) fn random(seed: u64, purpose: u64) -> fastrand::Rng {
    fastrand::Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ purpose)
}

impl World {
    pub(crate) async fn new(seed: u64, batch: u64) -> Self {
        let mut random = random(seed, batch | 1 << 63);
        let start = SystemTime::UNIX_EPOCH
            + Duration::from_secs(1_764_000_000)
            + Duration::from_nanos(random.u64(0..1_000_000_000));
        let clock = Clock::fixed(start);
        let mut quirks = Vec::new();
        quirks.extend(
            random
                .choice([
                    None,
                    None,
                    Some(Quirk::ExpiryKeptInMicroseconds),
                    Some(Quirk::ExpiryKeptInSeconds),
                ])
                .flatten(),
        );
        quirks.extend((random.u8(..) < 32).then_some(Quirk::NoDate));
        quirks.extend((random.u8(..) < 32).then_some(Quirk::LifeNotKept));
        let mut builder = Server::builder().seed(batch).clock(clock.clone());
        for quirk in &quirks {
            builder = builder.quirk(*quirk);
        }
        let server = builder.start().await.expect("a server");
        server.accept_api_key(OTHER);
        let other = Client::builder()
            .base_url(server.base_url())
            .token(OTHER)
            .build()
            .expect("a client");
        let memory = std::path::PathBuf::from("/dev/shm");
        Self {
            server,
            clock,
            coarse: quirks.contains(&Quirk::ExpiryKeptInSeconds),
            quirks,
            other,
            folder: if memory.is_dir() {
                memory
            } else {
                std::env::temp_dir()
            },
        }
    }

    /// The settings of the side that rotates. Its retries don't wait.
    pub(crate) fn client(&self) -> ClientBuilder {
        Client::builder()
            .base_url(self.server.base_url())
            .token(self.server.api_key())
            .retry(RetryPolicy::none())
    }

    /// A configuration of its own, and its first token.
    pub(crate) async fn configuration(&self) -> (String, Token) {
        let request = CreateScimConfigurationRequest {
            organization_id: self.server.organization_id().to_owned(),
            sso_configuration_id: self.server.sso_configuration_id().to_owned(),
            ..Default::default()
        };
        let created = self.other.organization().create_scim_configuration(request);
        let created = created.await.expect("it is created").into_inner();
        let id = created.scim_configuration.expect("it is told").id;
        (id, Token::new(created.token))
    }

    /// The other administrator presses the button.
    pub(crate) async fn regenerate(&self, id: &str, life: Duration) -> Token {
        let request = RegenerateScimTokenRequest {
            scim_configuration_id: id.to_owned(),
            token_expires_in: Some(gitpod_client::types::Duration {
                seconds: i64::try_from(life.as_secs()).unwrap_or(i64::MAX),
                nanos: 0,
            }),
        };
        let answer = self.other.organization().regenerate_scim_token(request);
        Token::new(answer.await.expect("it is made").into_inner().token)
    }
}
