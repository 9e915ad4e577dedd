//! What streaming calls must keep to, and what is said to those that don't.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod support;

use bytes::Bytes;
use gitpod_testing::{Method, Request, RequestStream, Server};
use support::streaming::{Calling, Collect, Converse, Count, Text, call, envelope, toy_server};
use support::{BOTH, Peer};

#[tokio::test]
async fn calls_that_break_the_protocol_are_refused() {
    let server = toy_server().await;
    for version in BOTH {
        for (headers, code) in [
            (("connect-protocol-version", "2"), "invalid_argument"),
            (("connect-timeout-ms", "0"), "invalid_argument"),
            (("connect-timeout-ms", "soon"), "invalid_argument"),
            (("connect-content-encoding", "snappy"), "unimplemented"),
            (("authorization", "Bearer wrong"), "unauthenticated"),
        ] {
            for path in [Count::PATH, Collect::PATH, Converse::PATH] {
                let outcome = call(&server, version, path, "json", &[headers], "").await;
                assert_eq!(outcome.code(), Some(code), "{headers:?}");
                assert_eq!(outcome.status, 200);
                let told = outcome.headers.get("connect-accept-encoding");
                assert_eq!(told.is_some(), code == "unimplemented");
            }
        }
        let mut peer = Peer::connect(&server, version).await;
        let path = format!("/api{}", Count::PATH);
        for wrong in [
            "application/json",
            "application/connect+xml",
            "text/html",
            "",
        ] {
            let request = peer.request(&path, &[("content-type", wrong)], "{}".into());
            let reply = peer.send(request).await.unwrap();
            assert_eq!(reply.status, 415, "{wrong}");
            assert!(reply.body.is_empty());
            assert_eq!(
                reply.headers["accept-post"],
                "application/connect+json, application/connect+proto"
            );
        }
        for method in ["GET", "PUT"] {
            let headers = [("content-type", "application/connect+json")];
            let mut request = peer.request(&path, &headers, Bytes::new());
            *request.method_mut() = method.parse().unwrap();
            let reply = peer.send(request).await.unwrap();
            assert_eq!(reply.status, 405);
            assert_eq!(reply.headers["allow"], "POST");
        }
    }
}

#[tokio::test]
async fn requests_that_are_malformed_are_refused() {
    let server = toy_server().await;
    for version in BOTH {
        for (bytes, code) in [
            (envelope(2, b"{}"), "invalid_argument"),
            (envelope(0x40, b"{}"), "invalid_argument"),
            (envelope(1, b"{}"), "internal"),
            (Bytes::from_static(b"\0\0\0"), "invalid_argument"),
            (Bytes::from_static(b"\0\0\0\0\x05{}"), "invalid_argument"),
            (
                Bytes::from_static(b"\0\xff\xff\xff\xff"),
                "resource_exhausted",
            ),
            (envelope(0, b"{"), "invalid_argument"),
            (envelope(0, b""), "invalid_argument"),
        ] {
            for path in [Count::PATH, Collect::PATH, Converse::PATH] {
                let calling = Calling::open(&server, version, path, "json", &[]).await;
                calling.send_bytes(bytes.clone());
                let outcome = calling.outcome().await;
                assert_eq!(outcome.code(), Some(code), "{path} {bytes:?}");
                assert!(outcome.messages.is_empty());
            }
        }
        // A stream of responses takes one request.
        let two = [envelope(0, b"{}"), envelope(0, b"{}")].concat();
        for bytes in [Bytes::new(), two.into()] {
            let calling = Calling::open(&server, version, Count::PATH, "json", &[]).await;
            calling.send_bytes(bytes);
            assert_eq!(calling.outcome().await.code(), Some("unimplemented"));
        }
        let calling = Calling::open(&server, version, Collect::PATH, "json", &[]).await;
        assert_eq!(calling.outcome().await.messages, [""]);
    }
}

/// The limit is a message's, not a stream's; and a message over it needn't come for the answer.
#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_the_client_sees_it() {
    let server = Server::builder()
        .max_request_bytes(1000)
        .start()
        .await
        .unwrap();
    server.handle::<Collect, _, _>(|request: Request<RequestStream<Text>>| async move {
        let mut requests = request.into_message();
        let mut length = 0;
        while let Some(message) = requests.message().await? {
            length += message.text.len();
        }
        Ok(Text::new(length.to_string()))
    });
    let text = "x".repeat(900);
    for version in BOTH {
        let calling = Calling::open(&server, version, Collect::PATH, "json", &[]).await;
        for _ in 0..50 {
            calling.send(&text);
        }
        assert_eq!(calling.outcome().await.messages, ["45000"]);

        let mut calling = Calling::open(&server, version, Collect::PATH, "json", &[]).await;
        calling.send(&text);
        calling.send_bytes(Bytes::from_static(b"\0\x00\x00\x03\xe9"));
        let mut answering = calling.answer().await;
        let end = answering.next().await.unwrap_err();
        assert_eq!(end["error"]["code"], "resource_exhausted");

        // The client is in the middle of its sending, and sees the answer all the same.
        let calling = Calling::open(&server, version, Collect::PATH, "json", &[]).await;
        calling.send_bytes(envelope(0, &[b' '; 7000]));
        assert_eq!(calling.outcome().await.code(), Some("resource_exhausted"));
    }
}
