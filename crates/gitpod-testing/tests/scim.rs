//! The service's rules, seen from the wire.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod support;

use std::time::Duration;

use gitpod_testing::{Clock, Server};
use gitpod_types::v1::{
    CreateScimConfigurationRequest, CreateScimConfigurationResponse, ListScimConfigurationsRequest,
    ListScimConfigurationsResponse, RegenerateScimTokenRequest, RegenerateScimTokenResponse,
};
use http::Version;
use serde_json::{Value, json};
use support::{BOTH, DAY, Peer, server, start_time};

const UNKNOWN: &str = "01234567-89ab-4cde-8f01-23456789abcd";

async fn start() -> (Server, Peer) {
    let server = server().await;
    let peer = Peer::connect(&server, Version::HTTP_11).await;
    (server, peer)
}

fn id(server: &Server) -> Value {
    json!({ "scimConfigurationId": server.scim_configuration_id() })
}

async fn expiry(peer: &mut Peer, server: &Server) -> String {
    let answer = peer.ok("GetSCIMConfiguration", id(server)).await;
    answer["scimConfiguration"]["tokenExpiresAt"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn is_token(token: &str) -> bool {
    token.strip_prefix("ona_scim_").is_some_and(|digits| {
        digits.len() >= 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

#[tokio::test]
async fn a_new_token_once_and_the_old_one_is_dead_at_once() {
    for version in BOTH {
        let server = server().await;
        let mut peer = Peer::connect(&server, version).await;
        let old = server.scim_token().to_owned();
        assert!(peer.is_live(&old).await);

        server.clock().advance(DAY);
        let answer = peer.ok("RegenerateSCIMToken", id(&server)).await;
        let new = answer["token"].as_str().unwrap().to_owned();
        assert!(is_token(&new), "{new}");
        assert_eq!(answer["tokenExpiresAt"], "2025-01-02T03:04:05Z");
        assert!(!peer.is_live(&old).await);
        assert!(peer.is_live(&new).await);
        assert_eq!(server.tokens_issued(), [old, new.clone()]);

        let read = peer.call("GetSCIMConfiguration", id(&server)).await;
        assert!(!String::from_utf8_lossy(&read.body).contains(&new));
        let configuration = &read.json()["scimConfiguration"];
        assert_eq!(configuration["tokenExpiresAt"], answer["tokenExpiresAt"]);
        assert_eq!(configuration["createdAt"], "2024-01-02T03:04:05Z");
        assert_eq!(configuration["updatedAt"], "2024-01-03T03:04:05Z");
    }
}

#[tokio::test]
async fn the_life_asked_for_is_kept_and_is_the_next_ones() {
    let (server, mut peer) = start().await;
    let mut request = id(&server);
    request["tokenExpiresIn"] = "15552000s".into();
    let answer = peer.ok("RegenerateSCIMToken", request).await;
    assert_eq!(answer["tokenExpiresAt"], "2024-06-30T03:04:05Z");

    // 100 days later the previous life still is 180 days, not the 80 that were left.
    server.clock().advance(DAY * 100);
    let answer = peer.ok("RegenerateSCIMToken", id(&server)).await;
    assert_eq!(answer["tokenExpiresAt"], "2024-10-08T03:04:05Z");
    assert_eq!(expiry(&mut peer, &server).await, "2024-10-08T03:04:05Z");
}

#[tokio::test]
async fn a_life_is_from_one_day_to_two_years() {
    let (server, mut peer) = start().await;
    let before = expiry(&mut peer, &server).await;
    for life in ["86399.999999999s", "63072000.000000001s", "0s", "-86400s"] {
        let mut request = id(&server);
        request["tokenExpiresIn"] = life.into();
        let reply = peer.call("RegenerateSCIMToken", request).await;
        assert_eq!(reply.status, 400, "{life}");
        assert_eq!(reply.code(), "invalid_argument");
        assert!(reply.message().contains("token_expires_in"), "{reply:?}");
        assert!(reply.message().contains("86400s"), "{reply:?}");
    }
    assert!(peer.is_live(server.scim_token()).await);
    assert_eq!(expiry(&mut peer, &server).await, before);
    assert_eq!(server.tokens_issued().len(), 1);
    for (life, end) in [
        ("86400s", "2024-01-03T03:04:05Z"),
        ("63072000s", "2026-01-01T03:04:05Z"),
    ] {
        let mut request = id(&server);
        request["tokenExpiresIn"] = life.into();
        let answer = peer.ok("RegenerateSCIMToken", request).await;
        assert_eq!(answer["tokenExpiresAt"], end);
    }
}

#[tokio::test]
async fn every_call_needs_the_credential() {
    let (server, mut peer) = start().await;
    let mut messages = Vec::new();
    for method in [
        "RegenerateSCIMToken",
        "GetSCIMConfiguration",
        "ListSCIMConfigurations",
        "GetOrganization",
        "ListMembers",
    ] {
        for credential in [
            None,
            Some("Bearer wrong"),
            Some("Basic dXNlcjpwYXNz"),
            Some(""),
        ] {
            let mut request = peer.request(method, &[], id(&server).to_string().into());
            request.headers_mut().remove("authorization");
            if let Some(credential) = credential {
                let value = credential.parse().unwrap();
                request.headers_mut().insert("authorization", value);
            }
            let reply = peer.send(request).await.unwrap();
            assert_eq!(reply.status, 401, "{method} {credential:?}");
            assert_eq!(reply.code(), "unauthenticated");
            messages.push(reply.message());
        }
    }
    messages.dedup();
    assert_eq!(messages.len(), 1);
    assert!(
        messages[0].contains("Authorization: Bearer"),
        "{messages:?}"
    );
    assert_eq!(server.tokens_issued().len(), 1);
}

#[tokio::test]
async fn ids_are_checked_by_name_and_never_repeated() {
    let (server, mut peer) = start().await;
    for method in [
        "RegenerateSCIMToken",
        "GetSCIMConfiguration",
        "UpdateSCIMConfiguration",
        "DeleteSCIMConfiguration",
    ] {
        for wrong in ["", "not-a-uuid", "ona_pat_hush"] {
            let body = json!({ "scimConfigurationId": wrong });
            let reply = peer.call(method, body).await;
            assert_eq!(reply.code(), "invalid_argument", "{method} {wrong}");
            assert!(reply.message().starts_with("scim_configuration_id: "));
            assert!(reply.message().contains("UUID"));
            assert!(wrong.is_empty() || !reply.message().contains(wrong));
        }
        let reply = peer
            .call(method, json!({ "scimConfigurationId": UNKNOWN }))
            .await;
        assert_eq!(reply.status, 404);
        assert_eq!(reply.code(), "not_found", "{method}");
        assert!(reply.message().contains(UNKNOWN));
    }
    let upper = server.scim_configuration_id().to_ascii_uppercase();
    peer.ok(
        "GetSCIMConfiguration",
        json!({ "scimConfigurationId": upper }),
    )
    .await;
}

#[tokio::test]
async fn create_gives_a_token_for_a_year_unless_told_otherwise() {
    let (server, mut peer) = start().await;
    let mut request = json!({
        "organizationId": server.organization_id(),
        "ssoConfigurationId": server.sso_configuration_id(),
    });
    let answer = peer.ok("CreateSCIMConfiguration", request.clone()).await;
    let token = answer["token"].as_str().unwrap();
    assert!(is_token(token));
    assert!(peer.is_live(token).await);
    assert!(
        peer.is_live(server.scim_token()).await,
        "another configuration"
    );
    assert_eq!(answer["tokenExpiresAt"], "2025-01-01T03:04:05Z");
    let configuration = &answer["scimConfiguration"];
    assert_eq!(configuration["tokenExpiresAt"], answer["tokenExpiresAt"]);
    assert_eq!(configuration["enabled"], true);
    assert_eq!(configuration["organizationId"], server.organization_id());
    let read = peer
        .ok(
            "GetSCIMConfiguration",
            json!({ "scimConfigurationId": configuration["id"] }),
        )
        .await;
    assert_eq!(&read["scimConfiguration"], configuration);

    request["name"] = "é".repeat(128).into();
    request["tokenExpiresIn"] = "86400s".into();
    request["allowUnverifiedEmailAccountLinking"] = true.into();
    let answer = peer.ok("CreateSCIMConfiguration", request.clone()).await;
    assert_eq!(answer["tokenExpiresAt"], "2024-01-03T03:04:05Z");
    let configuration = &answer["scimConfiguration"];
    assert_eq!(configuration["name"], request["name"]);
    assert_eq!(configuration["allowUnverifiedEmailAccountLinking"], true);
}

#[tokio::test]
async fn create_and_update_refuse_what_the_service_refuses() {
    let (server, mut peer) = start().await;
    let right = json!({
        "organizationId": server.organization_id(),
        "ssoConfigurationId": server.sso_configuration_id(),
    });
    for (field, value, code, word) in [
        ("name", json!("x".repeat(129)), "invalid_argument", "name: "),
        (
            "tokenExpiresIn",
            json!("1s"),
            "invalid_argument",
            "token_expires_in: ",
        ),
        (
            "organizationId",
            json!(""),
            "invalid_argument",
            "organization_id: ",
        ),
        (
            "organizationId",
            json!(UNKNOWN),
            "not_found",
            "organization",
        ),
        (
            "ssoConfigurationId",
            json!("x"),
            "invalid_argument",
            "sso_configuration_id: ",
        ),
        (
            "ssoConfigurationId",
            json!(UNKNOWN),
            "not_found",
            "SSO configuration",
        ),
    ] {
        let mut request = right.clone();
        request[field] = value.clone();
        let reply = peer.call("CreateSCIMConfiguration", request).await;
        assert_eq!(reply.code(), code, "{field}");
        assert!(reply.message().starts_with(word), "{reply:?}");
        if field == "name" || field == "ssoConfigurationId" {
            let mut request = id(&server);
            request[field] = value;
            let reply = peer.call("UpdateSCIMConfiguration", request).await;
            assert_eq!(reply.code(), code, "{field}");
        }
    }
    assert_eq!(
        server.tokens_issued().len(),
        1,
        "a refused create gives no token"
    );
}

#[tokio::test]
async fn update_changes_what_it_names_and_nothing_else() {
    let (server, mut peer) = start().await;
    let before = peer.ok("GetSCIMConfiguration", id(&server)).await["scimConfiguration"].clone();
    server.clock().advance(Duration::from_millis(1500));
    let mut request = id(&server);
    request["name"] = "Renamed".into();
    let after = peer.ok("UpdateSCIMConfiguration", request).await["scimConfiguration"].clone();
    let mut expected = before.clone();
    expected["name"] = "Renamed".into();
    expected["updatedAt"] = "2024-01-02T03:04:06.500Z".into();
    assert_eq!(after, expected);
    assert!(peer.is_live(server.scim_token()).await);
}

#[tokio::test]
async fn a_disabled_deleted_or_expired_configuration_has_no_live_token() {
    let (server, mut peer) = start().await;
    let token = server.scim_token().to_owned();
    for (enabled, live) in [(false, false), (true, true)] {
        let mut request = id(&server);
        request["enabled"] = enabled.into();
        peer.ok("UpdateSCIMConfiguration", request).await;
        assert_eq!(peer.is_live(&token).await, live);
    }
    server.clock().advance(DAY * 365 - Duration::from_secs(1));
    assert!(peer.is_live(&token).await);
    server.clock().advance(Duration::from_secs(1));
    assert!(
        !peer.is_live(&token).await,
        "the end itself is past the end"
    );
    server.clock().set(start_time());
    assert!(peer.is_live(&token).await);
    peer.ok("DeleteSCIMConfiguration", id(&server)).await;
    assert!(!peer.is_live(&token).await);
    let again = peer.call("DeleteSCIMConfiguration", id(&server)).await;
    assert_eq!(again.code(), "not_found");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let (server, mut peer) = start().await;
    let mut ids = vec![server.scim_configuration_id().to_owned()];
    for _ in 0..29 {
        let request = CreateScimConfigurationRequest {
            organization_id: server.organization_id().into(),
            sso_configuration_id: server.sso_configuration_id().into(),
            ..Default::default()
        };
        let answer: CreateScimConfigurationResponse =
            peer.binary("CreateSCIMConfiguration", &request).await;
        ids.push(answer.scim_configuration.unwrap().id);
    }
    // The default is 25, with and without `pagination`.
    for body in [json!({}), json!({"pagination": {}})] {
        let answer = peer.ok("ListSCIMConfigurations", body).await;
        assert_eq!(answer["scimConfigurations"].as_array().unwrap().len(), 25);
    }
    let mut seen = Vec::new();
    let mut request = ListScimConfigurationsRequest::default();
    loop {
        let answer: ListScimConfigurationsResponse =
            peer.binary("ListSCIMConfigurations", &request).await;
        seen.extend(answer.scim_configurations.into_iter().map(|item| item.id));
        let token = answer.pagination.unwrap().next_token;
        if token.is_empty() {
            break;
        }
        let pagination = request.pagination.get_or_insert_default();
        pagination.token = token;
        pagination.page_size = 4;
    }
    assert_eq!(seen, ids);
    let whole = peer
        .ok(
            "ListSCIMConfigurations",
            json!({"pagination": {"pageSize": 100}}),
        )
        .await;
    assert_eq!(whole["scimConfigurations"].as_array().unwrap().len(), 30);
    for (pagination, field) in [
        (json!({"pageSize": 101}), "pagination.page_size"),
        (json!({"pageSize": -1}), "pagination.page_size"),
        (json!({"token": "guess"}), "pagination.token"),
    ] {
        let reply = peer
            .call(
                "ListSCIMConfigurations",
                json!({ "pagination": pagination }),
            )
            .await;
        assert_eq!(reply.code(), "invalid_argument");
        assert!(reply.message().starts_with(field), "{reply:?}");
    }
}

#[tokio::test]
async fn sso_configurations_as_far_as_scim_needs_them() {
    let (server, mut peer) = start().await;
    let organization = json!({ "organizationId": server.organization_id() });
    let answer = peer.ok("GetOrganization", organization.clone()).await;
    assert_eq!(answer["organization"]["id"], server.organization_id());

    let mut request = organization.clone();
    request["clientId"] = "client".into();
    request["clientSecret"] = "hush".into();
    request["issuerUrl"] = "https://idp.example.org".into();
    request["emailDomains"] = json!(["example.org"]);
    let reply = peer.call("CreateSSOConfiguration", request.clone()).await;
    assert!(!String::from_utf8_lossy(&reply.body).contains("hush"));
    let created = reply.json()["ssoConfiguration"].clone();
    let id_of_sso = json!({ "ssoConfigurationId": created["id"] });
    let read = peer.ok("GetSSOConfiguration", id_of_sso.clone()).await;
    assert_eq!(read["ssoConfiguration"], created);
    let list = peer.ok("ListSSOConfigurations", organization.clone()).await;
    assert_eq!(list["ssoConfigurations"].as_array().unwrap().len(), 2);
    let mut update = id_of_sso.clone();
    update["displayName"] = "Other".into();
    update["state"] = "SSO_CONFIGURATION_STATE_ACTIVE".into();
    peer.ok("UpdateSSOConfiguration", update).await;
    let read = peer.ok("GetSSOConfiguration", id_of_sso.clone()).await;
    assert_eq!(read["ssoConfiguration"]["displayName"], "Other");
    assert_eq!(
        read["ssoConfiguration"]["state"],
        "SSO_CONFIGURATION_STATE_ACTIVE"
    );
    assert_eq!(read["ssoConfiguration"]["clientId"], "client");

    for (field, value) in [
        ("clientId", json!("")),
        ("clientSecret", json!("")),
        ("issuerUrl", json!("nowhere")),
        ("emailDomains", json!(["a.b"])),
        ("organizationId", json!("x")),
    ] {
        let mut wrong = request.clone();
        wrong[field] = value;
        let reply = peer.call("CreateSSOConfiguration", wrong).await;
        assert_eq!(reply.code(), "invalid_argument", "{field}");
    }

    // One that SCIM refers to stays; one that nothing refers to goes.
    let used = json!({ "ssoConfigurationId": server.sso_configuration_id() });
    let reply = peer.call("DeleteSSOConfiguration", used).await;
    assert_eq!(reply.code(), "failed_precondition");
    assert!(reply.message().contains(server.scim_configuration_id()));
    peer.ok("DeleteSSOConfiguration", id_of_sso.clone()).await;
    let reply = peer.call("GetSSOConfiguration", id_of_sso).await;
    assert_eq!(reply.code(), "not_found");
}

#[tokio::test]
async fn the_scim_endpoint_speaks_scim() {
    let (server, mut peer) = start().await;
    let token = server.scim_token();
    let reply = peer.scim("/ServiceProviderConfig", Some(token)).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["content-type"], "application/scim+json");
    let schema = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
    assert_eq!(reply.json()["schemas"], json!([schema]));
    let users = "/Users?filter=userName%20eq%20%22nobody%22&count=1";
    let reply = peer.scim(users, Some(token)).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["totalResults"], 0);
    assert_eq!(reply.json()["Resources"], json!([]));
    for path in ["/ServiceProviderConfig", users, "/Nothing", ""] {
        for wrong in [None, Some("ona_scim_0"), Some(server.api_key()), Some("")] {
            let reply = peer.scim(path, wrong).await;
            assert_eq!(reply.status, 401, "{path}");
            assert_eq!(reply.json()["status"], "401");
            assert_eq!(reply.headers["www-authenticate"], "Bearer");
        }
    }
    assert_eq!(peer.scim("/Nothing", Some(token)).await.status, 404);
    // A token of SCIM is no API key.
    let request = peer.request(
        "GetSCIMConfiguration",
        &[("authorization", &format!("Bearer {token}"))],
        id(&server).to_string().into(),
    );
    assert_eq!(peer.send(request).await.unwrap().status, 401);
}

#[tokio::test]
async fn the_api_key_is_a_service_accounts() {
    let (server, mut peer) = start().await;
    let path = "/api/gitpod.v1.IdentityService/GetAuthenticatedIdentity";
    let headers = [("content-type", "application/json")];
    let mut ask = async || {
        let request = peer.request(path, &headers, "{}".into());
        let reply = peer.send(request).await.unwrap();
        assert_eq!(reply.status, 200);
        serde_json::from_slice::<Value>(&reply.body).unwrap()
    };
    let whose = ask().await;
    assert_eq!(whose["subject"]["principal"], "PRINCIPAL_SERVICE_ACCOUNT");
    assert_eq!(whose["organizationId"], server.organization_id());
    assert_eq!(whose["organizationTier"], "ORGANIZATION_TIER_ENTERPRISE");
    assert_eq!(whose, ask().await);
}

#[tokio::test]
async fn json_and_binary_are_the_same_service() {
    let (server, mut peer) = start().await;
    let request = RegenerateScimTokenRequest {
        scim_configuration_id: server.scim_configuration_id().into(),
        token_expires_in: Some(gitpod_types::Duration {
            seconds: 172_800,
            nanos: 500_000_000,
        }),
    };
    let answer: RegenerateScimTokenResponse = peer.binary("RegenerateSCIMToken", &request).await;
    assert!(peer.is_live(&answer.token).await);
    let end = answer.token_expires_at.unwrap();
    assert_eq!((end.seconds, end.nanos), (1_704_337_445, 500_000_000));
    assert_eq!(expiry(&mut peer, &server).await, "2024-01-04T03:04:05.500Z");
    // Errors are JSON in both.
    let request = peer.request(
        "RegenerateSCIMToken",
        &[("content-type", "application/proto")],
        Vec::new().into(),
    );
    let reply = peer.send(request).await.unwrap();
    assert_eq!(reply.code(), "invalid_argument");
}

/// Many at once: each token was alive once, and the last one alone is alive at the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_token_is_alive_whoever_asks_at_once() {
    let (server, mut peer) = start().await;
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let server = server.clone();
            tokio::spawn(async move {
                let mut peer = Peer::connect(&server, BOTH[number % 2]).await;
                let mut tokens = Vec::new();
                for _ in 0..25 {
                    let answer = peer.ok("RegenerateSCIMToken", id(&server)).await;
                    tokens.push(answer["token"].as_str().unwrap().to_owned());
                }
                tokens
            })
        })
        .collect();
    let mut tokens = vec![server.scim_token().to_owned()];
    for task in tasks {
        tokens.extend(task.await.unwrap());
    }
    let issued = server.tokens_issued();
    let mut sorted = issued.clone();
    sorted.sort();
    tokens.sort();
    assert_eq!(tokens, sorted, "every token went out once");
    for (number, token) in issued.iter().enumerate() {
        assert_eq!(peer.is_live(token).await, number == 200);
    }
}

#[tokio::test]
async fn ids_are_the_same_in_each_run_and_secrets_are_not() {
    let (first, second) = (server().await, server().await);
    assert_eq!(
        first.scim_configuration_id(),
        second.scim_configuration_id()
    );
    assert_eq!(first.organization_id(), second.organization_id());
    assert_ne!(first.scim_token(), second.scim_token());
    assert_ne!(first.api_key(), second.api_key());
    let other = Server::builder().seed(1).start().await.unwrap();
    assert_ne!(first.scim_configuration_id(), other.scim_configuration_id());
}

#[tokio::test]
async fn what_the_server_shows_of_itself_holds_no_secret() {
    let (server, mut peer) = start().await;
    peer.ok("RegenerateSCIMToken", id(&server)).await;
    peer.scim("/Users", Some(server.scim_token())).await;
    let shown = format!("{server:?} {:?} {:?}", server.calls(), server.clock());
    assert!(shown.contains(&server.base_url()));
    for secret in server.tokens_issued() {
        assert!(!shown.contains(&secret));
    }
    assert!(!shown.contains(server.api_key()));
    let builder = Server::builder().api_key("hush-hush");
    assert!(!format!("{builder:?}").contains("hush"));
}

#[tokio::test]
async fn date_is_told_by_the_servers_clock() {
    for version in BOTH {
        let server = Server::builder()
            .clock(Clock::fixed(start_time()))
            .start()
            .await
            .unwrap();
        let mut peer = Peer::connect(&server, version).await;
        let reply = peer.call("GetSCIMConfiguration", id(&server)).await;
        assert_eq!(reply.headers["date"], "Tue, 02 Jan 2024 03:04:05 GMT");
        assert_eq!(reply.headers.get_all("date").iter().count(), 1);
        server.clock().advance(DAY);
        let reply = peer.scim("/Users", None).await;
        assert_eq!(reply.headers["date"], "Wed, 03 Jan 2024 03:04:05 GMT");
    }
}
