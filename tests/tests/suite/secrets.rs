//! No secret in any output: the snapshots here, everything else by the harness of each test.

use gitpod_client::Codec;
use gitpod_client::types::v1::RegenerateScimTokenRequest;
use gitpod_tests::harness::{self, Harness};

/// The harness of every test searches the log. This proves that there is something to search.
#[tokio::test]
async fn the_log_has_each_call() {
    let harness = Harness::start().await.unwrap();
    for (_, client) in harness.clients().unwrap() {
        let request = RegenerateScimTokenRequest {
            scim_configuration_id: harness.scim_configuration_id().to_owned(),
            token_expires_in: None,
        };
        let call = client.organization().regenerate_scim_token(request);
        let call = harness.note(call);
        let response = harness.note(call.await.unwrap());
        assert!(harness.tokens_issued().contains(&response.token));
        harness.note(client);
    }
    assert!(harness::log_contains("RegenerateSCIMToken"));
    assert!(harness::log_contains("h2"), "the libraries below log too");
}

/// A token that is printed on purpose is found.
#[tokio::test]
#[should_panic(expected = "a secret stands in: what was printed")]
async fn the_search_finds_a_token() {
    let harness = Harness::start().await.unwrap();
    harness.note(harness.scim_token().to_owned());
}

#[tokio::test]
async fn messages_print_without_their_secrets() {
    let harness = Harness::start().await.unwrap();
    let client = harness.client(Codec::Json).build().unwrap();
    let request = RegenerateScimTokenRequest {
        scim_configuration_id: harness.scim_configuration_id().to_owned(),
        token_expires_in: None,
    };
    let response = client
        .organization()
        .regenerate_scim_token(request)
        .await
        .unwrap();
    assert!(
        format!("{response:?}").contains(r#"token: "[redacted]""#)
            || format!("{response:?}").contains("token: [redacted]")
    );
}

#[test]
fn snapshots_hold_no_token() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/snapshots");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        seen += 1;
        for prefix in ["ona_scim_", "ona_pat_"] {
            assert!(!text.contains(prefix), "a token that begins with {prefix}");
        }
    }
    assert!(seen > 10, "the snapshots are elsewhere");
}
