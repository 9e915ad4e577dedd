//! Ways that lead nowhere.

use gitpod_client::http::{HeaderValue, StatusCode};
use gitpod_client::{Client, Code, Execution};
use gitpod_testing::{Fault, Server, Tls};
use gitpod_tests::harness::Harness;

use super::run::LONG;
use super::{Wire, regenerate};

/// Five are followed.
#[tokio::test]
async fn redirects_that_lead_back() {
    for builder in [Server::builder(), Server::builder().tls(Tls::new())] {
        let harness = Harness::start_as(builder).await.unwrap();
        let path = "/api/gitpod.v1.OrganizationService/RegenerateSCIMToken";
        let statuses = [
            StatusCode::TEMPORARY_REDIRECT,
            StatusCode::PERMANENT_REDIRECT,
        ];
        for (wire, status) in Wire::all().flat_map(|wire| statuses.map(|status| (wire, status))) {
            let client = wire.client(&harness).build().unwrap();
            let before = harness.call_count();
            let back = HeaderValue::from_static(path);
            let looping = harness.inject(Fault::redirect(status, back).always());
            let error = regenerate(&harness, &client, LONG).await.unwrap_err();
            looping.cancel();
            let what = format!("{wire:?}, {status}: {error}");
            assert_eq!(error.code(), Code::Unknown, "{what}");
            assert_eq!(error.execution(), Execution::Ambiguous, "{what}");
            assert_eq!(error.attempts(), 1, "{what}");
            assert_eq!(harness.call_count() - before, 6, "{what}");
        }
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve() {
    let harness = Harness::start().await.unwrap();
    for wire in Wire::all() {
        let client = Client::builder()
            .base_url("https://no-such-host.invalid/api")
            .token("a-token-that-goes-nowhere")
            .runtime(|runtime| runtime.proxy_from_env(false));
        // A machine without root certificates has no TLS.
        let Ok(client) = wire.only(client).build() else {
            return;
        };
        let error = regenerate(&harness, &client, LONG).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable, "{wire:?}: {error}");
        assert_eq!(error.execution(), Execution::NotSent, "{wire:?}: {error}");
        // It was asked for as often as may be: nothing was sent.
        assert_eq!(error.attempts(), 3, "{wire:?}: {error}");
    }
}
