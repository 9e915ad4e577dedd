//! Failures that need more than a row in the table of `hostile`.

use std::time::Duration;

use gitpod_client::types::Duration as ProtoDuration;
use gitpod_client::types::v1::{GetScimConfigurationRequest, RegenerateScimTokenRequest};
use gitpod_client::{Client, Code, Codec, Error, Execution, Response, RetryPolicy, http};
use gitpod_testing::{Fault, ServerError};
use gitpod_tests::harness::Harness;

use gitpod_client::types::v1::RegenerateScimTokenResponse;

type Outcome = Result<Response<RegenerateScimTokenResponse>, Error>;

async fn regenerate(harness: &Harness, client: &Client, timeout: Duration) -> Outcome {
    let request = RegenerateScimTokenRequest {
        scim_configuration_id: harness.scim_configuration_id().to_owned(),
        token_expires_in: None,
    };
    let call = client.organization().regenerate_scim_token(request);
    let outcome = call.timeout(timeout).await;
    outcome.map_err(|error| harness.note_error(error))
}

/// Injects the fault for one call of each kind of client, and hands the errors on. The call after
/// it must work.
async fn each(fault: impl Fn() -> Fault, check: impl Fn(&str, Error)) {
    let harness = Harness::start().await.unwrap();
    for (kind, client) in harness.clients().unwrap() {
        let before = harness.call_count();
        let injected = harness.inject(fault());
        match regenerate(&harness, &client, Duration::from_secs(10)).await {
            Ok(_) => panic!("{kind}: a success"),
            Err(error) => check(kind, error),
        }
        assert_eq!(injected.fired(), 1, "{kind}");
        assert_eq!(
            harness.call_count() - before,
            1,
            "{kind}: never a second attempt"
        );
        regenerate(&harness, &client, Duration::from_secs(10))
            .await
            .unwrap_or_else(|error| panic!("{kind}: the next call: {error}"));
    }
}

fn is(code: Code, execution: Execution) -> impl Fn(&str, Error) {
    move |kind, error| {
        assert_eq!(error.code(), code, "{kind}: {error}");
        assert_eq!(error.execution(), execution, "{kind}: {error}");
        assert!(!error.is_from_server(), "{kind}: {error}");
    }
}

#[tokio::test]
async fn an_error_of_the_server() {
    each(
        || Fault::error(ServerError::new(Code::OutOfRange, "too far")),
        |kind, error| {
            assert_eq!(
                (error.code(), error.message()),
                (Code::OutOfRange, "too far"),
                "{kind}"
            );
            assert!(
                error.is_from_server() && error.may_have_executed(),
                "{kind}"
            );
        },
    )
    .await;
}

/// The server's word that it did nothing: the one answer after which a token is asked for again.
#[tokio::test]
async fn a_refusal_is_repeated() {
    let harness = Harness::start().await.unwrap();
    for (kind, client) in harness.clients().unwrap() {
        let before = harness.call_count();
        let refusal = || Fault::error(ServerError::new(Code::ResourceExhausted, "slow down"));
        harness.inject(refusal());
        regenerate(&harness, &client, Duration::from_secs(10))
            .await
            .unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(harness.call_count() - before, 2, "{kind}");

        for _ in 0..3 {
            harness.inject(refusal());
        }
        let error = regenerate(&harness, &client, Duration::from_secs(10))
            .await
            .unwrap_err();
        assert_eq!(error.execution(), Execution::Refused, "{kind}");
        assert_eq!(error.attempts(), 3, "{kind}");
    }
}

/// What only reads is asked for again, whatever becomes of the first answer.
#[tokio::test]
async fn a_read_survives() {
    let harness = Harness::start().await.unwrap();
    let soon = Duration::from_millis(1);
    let policy = RetryPolicy::default().backoff(soon, soon);
    for (kind, client) in harness.clients().unwrap() {
        let is_http2 = kind.ends_with("HTTP/2");
        for fault in [
            Fault::drop_before(),
            Fault::drop_after(),
            Fault::drop_after().by_reset(),
            Fault::drop_after().whole_connection(),
            Fault::cut_body(10),
            Fault::cut_body(10).by_reset(),
            Fault::status(http::StatusCode::SERVICE_UNAVAILABLE),
            Fault::status(http::StatusCode::TOO_MANY_REQUESTS),
            Fault::html(http::StatusCode::BAD_GATEWAY),
            Fault::error(ServerError::new(Code::Unavailable, "busy")),
            Fault::error(ServerError::new(Code::ResourceExhausted, "slow down")),
        ]
        .into_iter()
        .chain(is_http2.then(Fault::refuse_stream))
        .chain(is_http2.then(|| Fault::reset_stream(2)))
        {
            let what = format!("{kind}: {fault:?}");
            let injected = harness.inject(fault);
            let request = GetScimConfigurationRequest {
                scim_configuration_id: harness.scim_configuration_id().to_owned(),
            };
            let call = client.organization().get_scim_configuration(request);
            let got = call.retry(policy).await;
            got.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(injected.fired(), 1, "{what}");
        }
    }
}

/// REFUSED_STREAM, and a GOAWAY whose last stream is an earlier one, say that nothing was looked at, so
/// that any method may be repeated.
#[tokio::test]
async fn a_stream_that_was_not_looked_at() {
    let harness = Harness::start().await.unwrap();
    let faults = [Fault::refuse_stream, Fault::go_away_unprocessed];
    let codecs = [Codec::Json, Codec::Binary];
    for (codec, fault) in codecs.into_iter().flat_map(|c| faults.map(|f| (c, f))) {
        let builder = || harness.client(codec).runtime(|r| r.http2_only());
        let client = builder().retry(RetryPolicy::none()).build().unwrap();
        harness.inject(fault());
        let error = regenerate(&harness, &client, Duration::from_secs(10))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::Unavailable, "{error}");
        assert_eq!(error.execution(), Execution::NotSent, "{error}");

        let client = builder().build().unwrap();
        let injected = harness.inject(fault());
        regenerate(&harness, &client, Duration::from_secs(10))
            .await
            .unwrap();
        assert_eq!(injected.fired(), 1);
    }
}

#[tokio::test]
async fn nobody_listens() {
    let harness = Harness::start().await.unwrap();
    let clients = harness.clients().unwrap();
    harness.stop().await;
    for (kind, client) in clients {
        let error = regenerate(&harness, &client, Duration::from_secs(10))
            .await
            .unwrap_err();
        is(Code::Unavailable, Execution::NotSent)(kind, error);
    }
}

/// What can't be sent is an error that names it, and nothing is sent.
#[tokio::test]
async fn what_cannot_be_sent() {
    let harness = Harness::start().await.unwrap();
    let client = harness.client(Codec::Json).build().unwrap();
    let request = |seconds, nanos| RegenerateScimTokenRequest {
        scim_configuration_id: harness.scim_configuration_id().to_owned(),
        token_expires_in: Some(ProtoDuration { seconds, nanos }),
    };
    for (seconds, nanos) in [
        (i64::MAX, 0),
        (315_576_000_001, 0),
        (1, -1),
        (0, 1_000_000_000),
    ] {
        let call = client
            .organization()
            .regenerate_scim_token(request(seconds, nanos))
            .validate(false);
        let error = call.await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{error}");
        assert!(error.message().contains("tokenExpiresIn"), "{error}");
    }
    let call = client
        .organization()
        .regenerate_scim_token(request(86_400, 0));
    let error = call.header("x-note", "a\nb").await.unwrap_err();
    assert!(error.message().contains("x-note"), "{error}");
    assert_eq!(harness.call_count(), 0);
}

/// An answer from a newer server.
#[tokio::test]
async fn what_is_not_known_here_never_fails_a_response() {
    let harness = Harness::start().await.unwrap();
    let client = harness.client(Codec::Json).build().unwrap();
    let id = harness.scim_configuration_id();
    harness.inject(Fault::body(format!(
        r#"{{"scimConfiguration":{{"id":"{id}","name":null,"newField":{{"a":[1]}}}},"other":1.5}}"#
    )));
    let request = GetScimConfigurationRequest {
        scim_configuration_id: id.to_owned(),
    };
    let got = client
        .organization()
        .get_scim_configuration(request)
        .await
        .unwrap();
    assert_eq!(got.scim_configuration.as_ref().unwrap().id, id);
}
