//! Snapshots of the wire: the bytes of request and response as they crossed a socket.
//!
//! Replaced by a placeholder: the headers that differ from run to run, the credential, and tokens.
//! Every other byte stands as it was sent.

use std::time::{Duration, SystemTime};

use gitpod_client::types::Duration as ProtoDuration;
use gitpod_client::types::v1::{
    CreateScimConfigurationRequest, DeleteScimConfigurationRequest, GetScimConfigurationRequest,
    ListScimConfigurationsRequest, PaginationRequest, RegenerateScimTokenRequest,
    UpdateScimConfigurationRequest,
};
use gitpod_client::{Client, Code, Codec, Compression};
use gitpod_testing::{Clock, Server};
use gitpod_tests::harness::Harness;
use gitpod_tests::recorder::Recorder;

/// 180 days before the instant of the documentation's example, 2019-12-27T18:11:19.117Z.
const NOW: Duration = Duration::from_millis(1_561_918_279_117);
const UNKNOWN: &str = "01890f3c-0000-7000-8000-000000000000";

struct Wire {
    harness: Harness,
    recorder: Recorder,
    client: Client,
}

async fn start() -> Wire {
    let clock = Clock::fixed(SystemTime::UNIX_EPOCH + NOW);
    let harness = Harness::start_as(Server::builder().clock(clock).seed(7))
        .await
        .unwrap();
    let recorder = Recorder::start(harness.port()).await.unwrap();
    let client = harness
        .client(Codec::Json)
        // What the default features offer, whatever another crate of the same build asks for.
        .runtime(|runtime| runtime.accept_compression([Compression::Gzip]))
        .base_url(recorder.base_url())
        .build()
        .unwrap();
    Wire {
        harness,
        recorder,
        client,
    }
}

impl Wire {
    fn regenerate(&self) -> RegenerateScimTokenRequest {
        RegenerateScimTokenRequest {
            scim_configuration_id: self.harness.scim_configuration_id().to_owned(),
            token_expires_in: None,
        }
    }

    /// The exchange since the last one, ready to be compared.
    fn exchange(&self) -> String {
        let (sent, received) = self.recorder.take();
        let mut text = format!("{}\n\n{}\n", self.message(&sent), self.message(&received));
        for token in self.harness.tokens_issued() {
            text = text.replace(&token, "[token]");
        }
        text
    }

    fn message(&self, bytes: &[u8]) -> String {
        let text = std::str::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let lines = head.split("\r\n").map(|line| {
            assert!(!line.contains(['\r', '\n']), "a bare line break: {line:?}");
            let Some((name, value)) = line.split_once(": ") else {
                return line.to_owned();
            };
            let value = match name {
                "authorization" => {
                    let token = value.strip_prefix("Bearer ").unwrap();
                    assert!([self.harness.api_key(), "nobody"].contains(&token));
                    "Bearer [credential]".to_owned()
                }
                "host" => "[host]".to_owned(),
                "date" => "[date]".to_owned(),
                "connect-timeout-ms" => {
                    assert!(
                        (20_000..=30_000).contains(&value.parse().unwrap()),
                        "{value}"
                    );
                    "[milliseconds left]".to_owned()
                }
                "user-agent" | "x-ona-user-agent" => {
                    value.replace(env!("CARGO_PKG_VERSION"), "[version]")
                }
                _ => value.to_owned(),
            };
            format!("{name}: {value}")
        });
        let lines: Vec<_> = lines.collect();
        format!("{}\n\n{body}", lines.join("\n"))
    }
}

/// The documentation's first example: the new token gets the old one's life.
#[tokio::test]
async fn regenerate_with_the_same_life() {
    let wire = start().await;
    let call = wire
        .client
        .organization()
        .regenerate_scim_token(wire.regenerate());
    wire.harness.note(call.await.unwrap());
    insta::assert_snapshot!(wire.exchange());
}

/// The second one: `"tokenExpiresIn": "15552000s"`.
#[tokio::test]
async fn regenerate_with_a_life_of_180_days() {
    let wire = start().await;
    let mut request = wire.regenerate();
    request.token_expires_in = Some(ProtoDuration {
        seconds: 15_552_000,
        nanos: 0,
    });
    let call = wire.client.organization().regenerate_scim_token(request);
    let response = wire.harness.note(call.await.unwrap());
    assert_eq!(
        response.token_expires_at.as_ref().unwrap().nanos,
        117_000_000
    );
    let exchange = wire.exchange();
    assert!(
        exchange.contains(r#""tokenExpiresAt":"2019-12-27T18:11:19.117Z""#),
        "{exchange}"
    );
    assert!(
        exchange.contains(r#""tokenExpiresIn":"15552000s""#),
        "{exchange}"
    );
    insta::assert_snapshot!(exchange);
}

#[tokio::test]
async fn create_get_list_update_delete() {
    let wire = start().await;
    let organization = wire.client.organization();
    let created = organization
        .create_scim_configuration(CreateScimConfigurationRequest {
            organization_id: wire.harness.organization_id().to_owned(),
            sso_configuration_id: wire.harness.sso_configuration_id().to_owned(),
            name: Some("Entra".to_owned()),
            token_expires_in: Some(ProtoDuration {
                seconds: 86_400,
                nanos: 0,
            }),
            ..Default::default()
        })
        .await
        .unwrap();
    let id = wire
        .harness
        .note(created)
        .scim_configuration
        .as_ref()
        .unwrap()
        .id
        .clone();
    insta::assert_snapshot!("create", wire.exchange());

    let get = GetScimConfigurationRequest {
        scim_configuration_id: id.clone(),
    };
    wire.harness
        .note(organization.get_scim_configuration(get).await.unwrap());
    insta::assert_snapshot!("get", wire.exchange());

    let list = ListScimConfigurationsRequest {
        pagination: Some(PaginationRequest {
            page_size: 1,
            ..Default::default()
        }),
    };
    let page = organization.list_scim_configurations(list).await.unwrap();
    insta::assert_snapshot!("list_first_page", wire.exchange());
    let list = ListScimConfigurationsRequest {
        pagination: Some(PaginationRequest {
            page_size: 1,
            token: page.pagination.as_ref().unwrap().next_token.clone(),
        }),
    };
    wire.harness
        .note(organization.list_scim_configurations(list).await.unwrap());
    insta::assert_snapshot!("list_last_page", wire.exchange());

    let update = UpdateScimConfigurationRequest {
        scim_configuration_id: id.clone(),
        enabled: Some(false),
        ..Default::default()
    };
    wire.harness.note(
        organization
            .update_scim_configuration(update)
            .await
            .unwrap(),
    );
    insta::assert_snapshot!("update", wire.exchange());

    let delete = DeleteScimConfigurationRequest {
        scim_configuration_id: id,
    };
    wire.harness.note(
        organization
            .delete_scim_configuration(delete)
            .await
            .unwrap(),
    );
    insta::assert_snapshot!("delete", wire.exchange());
}

#[tokio::test]
async fn errors() {
    let wire = start().await;
    let organization = wire.client.organization();
    let with = |id: &str, life: Option<i64>| RegenerateScimTokenRequest {
        scim_configuration_id: id.to_owned(),
        token_expires_in: life.map(|seconds| ProtoDuration { seconds, nanos: 0 }),
    };
    let id = wire.harness.scim_configuration_id();
    for (name, request, code) in [
        (
            "error_bad_uuid",
            with("no-uuid", None),
            Code::InvalidArgument,
        ),
        (
            "error_unknown_configuration",
            with(UNKNOWN, None),
            Code::NotFound,
        ),
        (
            "error_life_too_short",
            with(id, Some(86_399)),
            Code::InvalidArgument,
        ),
        (
            "error_life_too_long",
            with(id, Some(80_000_000)),
            Code::InvalidArgument,
        ),
    ] {
        let error = organization
            .regenerate_scim_token(request)
            .validate(false)
            .await
            .unwrap_err();
        let error = wire.harness.note_error(error);
        assert_eq!(error.code(), code);
        assert!(error.is_from_server() && !error.may_have_executed());
        insta::assert_snapshot!(name, wire.exchange());
    }

    let call = organization
        .regenerate_scim_token(wire.regenerate())
        .header("authorization", "Bearer nobody");
    let error = wire.harness.note_error(call.await.unwrap_err());
    assert_eq!(error.code(), Code::Unauthenticated);
    insta::assert_snapshot!("error_not_authenticated", wire.exchange());
}
