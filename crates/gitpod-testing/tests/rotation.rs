//! What a rotation of tokens needs of the server: who did what and when, and services that differ.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

use std::time::{Duration, SystemTime};

use gitpod_client::organization::{GetScimConfiguration, RegenerateScimToken};
use gitpod_client::types::v1::list_audit_logs_request::Filter;
use gitpod_client::types::v1::{
    GetAuthenticatedIdentityRequest, GetScimConfigurationRequest, ListAuditLogsRequest,
    ListPersonalAccessTokensRequest, PaginationRequest, Principal, RegenerateScimTokenRequest,
    ResourceType,
};
use gitpod_client::types::{self, Timestamp};
use gitpod_client::{Client, Code, Error, RetryPolicy};
use gitpod_testing::{Builder, Clock, Fault, Quirk, Server};

const DAY: Duration = Duration::from_secs(86_400);

/// A server whose clock stands at a moment with nanoseconds.
async fn start(set: impl FnOnce(Builder) -> Builder) -> (Server, Client) {
    let clock = Clock::fixed(SystemTime::UNIX_EPOCH + Duration::new(1_764_000_000, 123_456_789));
    let server = set(Server::builder().clock(clock)).start().await.unwrap();
    let client = client(&server, server.api_key());
    (server, client)
}

fn client(server: &Server, key: &str) -> Client {
    let builder = Client::builder().base_url(server.base_url()).token(key);
    builder.retry(RetryPolicy::none()).build().unwrap()
}

async fn regenerate(server: &Server, client: &Client) -> Result<Timestamp, Error> {
    let request = RegenerateScimTokenRequest {
        scim_configuration_id: server.scim_configuration_id().to_owned(),
        token_expires_in: Some(types::Duration {
            seconds: 90_000,
            nanos: 0,
        }),
    };
    let answer = client.organization().regenerate_scim_token(request).await?;
    Ok(answer.into_inner().token_expires_at.unwrap())
}

async fn expiry(server: &Server, client: &Client) -> Timestamp {
    let request = GetScimConfigurationRequest {
        scim_configuration_id: server.scim_configuration_id().to_owned(),
    };
    let answer = client.organization().get_scim_configuration(request).await;
    let configuration = answer.unwrap().into_inner().scim_configuration.unwrap();
    configuration.token_expires_at.unwrap()
}

#[tokio::test]
async fn who_replaced_a_token_is_in_the_audit_log() {
    let (server, ours) = start(|builder| builder).await;
    server.accept_api_key("another");
    let theirs = client(&server, "another");
    let mut ids = Vec::new();
    for client in [&ours, &theirs] {
        let identity = client.identity();
        let whose = identity
            .get_authenticated_identity(GetAuthenticatedIdentityRequest {})
            .await
            .unwrap()
            .into_inner();
        assert_eq!(whose.organization_id, server.organization_id());
        let subject = whose.subject.unwrap();
        assert_eq!(subject.principal(), Principal::ServiceAccount);
        ids.push(subject.id);
    }
    assert_ne!(ids[0], ids[1]);
    regenerate(&server, &ours).await.unwrap();
    server.clock().advance(DAY);
    regenerate(&server, &theirs).await.unwrap();

    let list = async |filter: Filter, size: i32, token: &str| {
        let request = ListAuditLogsRequest {
            filter: Some(filter),
            pagination: Some(PaginationRequest {
                page_size: size,
                token: token.to_owned(),
            }),
            ..Default::default()
        };
        ours.event()
            .list_audit_logs(request)
            .await
            .unwrap()
            .into_inner()
    };
    let filter = Filter {
        subject_types: vec![ResourceType::ScimConfiguration.into()],
        subject_ids: vec![server.scim_configuration_id().to_owned()],
        ..Default::default()
    };
    // The newest first, page by page.
    let first = list(filter.clone(), 1, "").await;
    assert_eq!(first.entries[0].actor_id, ids[1]);
    assert_eq!(
        first.entries[0].actor_principal(),
        Principal::ServiceAccount
    );
    let next = first.pagination.unwrap().next_token;
    let second = list(filter.clone(), 1, &next).await;
    assert_eq!(second.entries[0].actor_id, ids[0]);
    assert_eq!(second.pagination.unwrap().next_token, "");
    let since = Filter {
        from: first.entries[0].created_at,
        ..filter.clone()
    };
    assert_eq!(list(since, 0, "").await.entries.len(), 1);
    let until = Filter {
        to: first.entries[0].created_at,
        ..filter
    };
    assert_eq!(list(until, 0, "").await.entries.len(), 1);
    let others = Filter {
        subject_types: vec![ResourceType::Environment.into()],
        ..Default::default()
    };
    assert_eq!(list(others, 0, "").await.entries.len(), 0);
}

#[tokio::test]
async fn a_personal_access_token_is_listed_and_may_be_read_only() {
    let (server, client) = start(|builder| builder).await;
    let list = async || {
        let request = ListPersonalAccessTokensRequest::default();
        let listed = client.user().list_personal_access_tokens(request).await;
        listed.unwrap().into_inner().personal_access_tokens
    };
    assert_eq!(list().await, []);
    server.make_personal(server.api_key(), DAY * 30, false);
    let tokens = list().await;
    let seconds = 1_764_000_000 + 30 * 86_400;
    assert_eq!(tokens[0].expires_at.as_ref().unwrap().seconds, seconds);
    assert!(!tokens[0].read_only);
    regenerate(&server, &client).await.unwrap();
    server.make_personal(server.api_key(), DAY * 30, true);
    assert!(list().await[0].read_only);
    let error = regenerate(&server, &client).await.unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    expiry(&server, &client).await;
}

#[tokio::test]
async fn an_expiry_has_the_digits_that_are_kept() {
    let end = 1_764_000_000 + 90_000;
    for (quirk, told, kept) in [
        (None, 123_456_000, 123_456_000),
        (
            Some(Quirk::ExpiryKeptInMicroseconds),
            123_456_789,
            123_456_000,
        ),
        (Some(Quirk::ExpiryKeptInSeconds), 123_456_000, 0),
    ] {
        let (server, client) =
            start(|builder| quirk.into_iter().fold(builder, Builder::quirk)).await;
        let answer = regenerate(&server, &client).await.unwrap();
        assert_eq!((answer.seconds, answer.nanos), (end, told), "{quirk:?}");
        let read = expiry(&server, &client).await;
        assert_eq!((read.seconds, read.nanos), (end, kept), "{quirk:?}");
    }
}

#[tokio::test]
async fn a_service_may_keep_no_lives_and_tell_no_date() {
    let (server, client) =
        start(|builder| builder.quirk(Quirk::LifeNotKept).quirk(Quirk::NoDate)).await;
    let answer = regenerate(&server, &client).await.unwrap();
    assert_eq!(answer.seconds, 1_764_000_000 + 86_400);
    let request = GetScimConfigurationRequest {
        scim_configuration_id: server.scim_configuration_id().to_owned(),
    };
    let read = client.organization().get_scim_configuration(request).await;
    assert!(!read.unwrap().headers().contains_key("date"));
}

#[tokio::test]
async fn a_call_is_executed_late_by_the_servers_clock() {
    let (server, client) = start(|builder| builder).await;
    let before = expiry(&server, &client).await;
    server.inject(Fault::executed_late(DAY).on::<RegenerateScimToken>());
    let error = regenerate(&server, &client).await.unwrap_err();
    assert!(error.may_have_executed());
    server.clock().advance(DAY / 2);
    settle().await;
    assert_eq!(expiry(&server, &client).await, before);
    server.clock().advance(DAY / 2);
    settle().await;
    let after = expiry(&server, &client).await;
    assert_eq!(after.seconds, 1_764_000_000 + 86_400 + 90_000);
    assert!(!server.is_live(server.scim_token()));

    server.inject(Fault::executed_again_late(DAY).on::<RegenerateScimToken>());
    regenerate(&server, &client).await.unwrap();
    let answered = server.tokens_issued().pop().unwrap();
    assert!(server.is_live(&answered));
    server.clock().advance(DAY);
    settle().await;
    assert!(!server.is_live(&answered));
    assert_eq!(server.tokens_issued().len(), 4);
}

/// Lets what is due at the server be done.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stale_read_shows_what_was_before() {
    let (server, client) = start(|builder| builder).await;
    let before = expiry(&server, &client).await;
    server.inject(Fault::stale_read().on::<GetScimConfiguration>());
    assert_eq!(expiry(&server, &client).await, before, "nothing was before");
    let after = regenerate(&server, &client).await.unwrap();
    server.inject(Fault::stale_read().on::<GetScimConfiguration>());
    assert_eq!(expiry(&server, &client).await, before);
    assert_eq!(expiry(&server, &client).await, after);
}
