//! Connections that are of no use from their beginning.

use std::time::Duration;

use gitpod_client::{Code, Execution, RetryPolicy};
use gitpod_testing::{ConnectionFault, Server, Tls};
use gitpod_tests::harness::Harness;

use super::run::{LONG, SOON};
use super::{Wire, regenerate};

const CONNECT: Duration = Duration::from_millis(200);

fn faults() -> [(&'static str, ConnectionFault); 4] {
    [
        ("closed", ConnectionFault::close()),
        ("reset", ConnectionFault::reset()),
        (
            "something else",
            ConnectionFault::raw("SSH-2.0-OpenSSH_9.9\r\n"),
        ),
        ("silent", ConnectionFault::stall()),
    ]
}

/// A handshake that fails is before the request, which any method may be asked for again after.
#[tokio::test]
async fn over_tls_nothing_was_sent() {
    let harness = Harness::start_as(Server::builder().tls(Tls::new()))
        .await
        .unwrap();
    for wire in Wire::all() {
        let client = || {
            let client = wire.client(&harness);
            client.runtime(|runtime| runtime.connect_timeout(CONNECT))
        };
        for (what, fault) in faults() {
            let what = format!("{what}, {wire:?}");
            let before = harness.call_count();
            harness.spoil_connections(fault.clone(), 1);
            let once = client().retry(RetryPolicy::none()).build().unwrap();
            let error = regenerate(&harness, &once, LONG).await.unwrap_err();
            assert_eq!(error.code(), Code::Unavailable, "{what}: {error}");
            assert_eq!(error.execution(), Execution::NotSent, "{what}: {error}");
            assert_eq!(harness.call_count(), before, "{what}");

            harness.spoil_connections(fault, 2);
            let client = client().build().unwrap();
            regenerate(&harness, &client, LONG).await.unwrap();
            assert_eq!(harness.call_count(), before + 1, "{what}");
        }
    }
}

/// Without TLS the request goes out with the connection's first bytes, and whoever else is there may
/// have done it.
#[tokio::test]
async fn over_plain_connections_it_may_have_been() {
    let harness = Harness::start().await.unwrap();
    for wire in Wire::all() {
        for (what, fault) in faults() {
            let (code, deadline) = match what {
                "silent" => (Code::DeadlineExceeded, SOON),
                _ => (Code::Unavailable, LONG),
            };
            let what = format!("{what}, {wire:?}");
            let before = harness.call_count();
            harness.spoil_connections(fault, 1);
            let client = wire.client(&harness).retry(RetryPolicy::none());
            let client = client.build().unwrap();
            let error = regenerate(&harness, &client, deadline).await.unwrap_err();
            assert_eq!(error.code(), code, "{what}: {error}");
            // A connection that is gone at once may be found so before anything was written.
            assert!(error.execution() != Execution::Refused, "{what}: {error}");
            assert!(error.execution() != Execution::Executed, "{what}: {error}");
            assert_eq!(harness.call_count(), before, "{what}");
            regenerate(&harness, &client, LONG).await.unwrap();
        }
    }
}
