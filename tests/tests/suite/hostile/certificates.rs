//! Servers that can't prove who they are. Nothing is sent to them, the credential least of all.

use gitpod_client::{Code, Execution};
use gitpod_testing::{Server, Tls};
use gitpod_tests::harness::Harness;

use super::run::LONG;
use super::{Wire, regenerate};

#[tokio::test]
async fn certificates_that_prove_nothing() {
    for (what, tls, is_known) in [
        ("an unknown issuer", Tls::new(), false),
        ("an expired one", Tls::new().expired(), true),
        ("another name", Tls::new().wrong_name(), true),
        (
            "none of the client's",
            Tls::new().require_client_certificate(),
            true,
        ),
    ] {
        let harness = Harness::start_as(Server::builder().tls(tls)).await.unwrap();
        for wire in Wire::all() {
            let client = if is_known {
                wire.client(&harness)
            } else {
                wire.only(harness.client(wire.codec))
            };
            // Without roots of its own, a machine may have none at all.
            let Ok(client) = client.build() else {
                assert!(!is_known);
                continue;
            };
            let error = regenerate(&harness, &client, LONG).await.unwrap_err();
            assert_eq!(error.code(), Code::Unavailable, "{what}: {error}");
            // TLS 1.3 refuses a client's certificate only when the request is on its way.
            if what != "none of the client's" {
                assert_eq!(error.execution(), Execution::NotSent, "{what}: {error}");
                // The next attempt would find the same certificate.
                assert_eq!(error.attempts(), 1, "{what}: {error}");
            }
            assert_eq!(harness.call_count(), 0, "{what}");
        }
    }
}
