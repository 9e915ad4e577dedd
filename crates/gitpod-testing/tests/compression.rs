//! Every compression, both ways, in unary calls, by GET and in streams.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod support;

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use gitpod_testing::{Compression, Fault, Method, Server};
use http::Version;
use serde_json::json;
use support::streaming::{Calling, Collect, Converse, Count, encode, envelope, serve_toys};
use support::{BOTH, Peer};

/// All that the server is built with.
const ALL: &[Compression] = &[
    Compression::Gzip,
    #[cfg(feature = "br")]
    Compression::Brotli,
    #[cfg(feature = "zstd")]
    Compression::Zstd,
];

fn pack(name: &str, bytes: &[u8]) -> Vec<u8> {
    match name {
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        #[cfg(feature = "br")]
        "br" => {
            let mut packed = Vec::new();
            brotli::BrotliCompress(&mut &bytes[..], &mut packed, &Default::default()).unwrap();
            packed
        }
        #[cfg(feature = "zstd")]
        "zstd" => zstd::encode_all(bytes, 9).unwrap(),
        _ => panic!("{name}"),
    }
}

fn unpack(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    match name {
        "gzip" => {
            GzDecoder::new(bytes).read_to_end(&mut unpacked).unwrap();
        }
        #[cfg(feature = "br")]
        "br" => brotli::BrotliDecompress(&mut &bytes[..], &mut unpacked).unwrap(),
        #[cfg(feature = "zstd")]
        "zstd" => unpacked = zstd::decode_all(bytes).unwrap(),
        _ => panic!("{name}"),
    }
    unpacked
}

/// A server that compresses with these.
async fn server(compressions: &[Compression]) -> Server {
    let server = Server::builder()
        .compress_responses(compressions.iter().copied())
        .start()
        .await
        .unwrap();
    serve_toys(&server);
    server
}

#[tokio::test]
async fn unary_calls_by_post_and_by_get() {
    let server = server(ALL).await;
    let id = server.organization_id();
    let message = json!({ "organizationId": id }).to_string();
    for version in BOTH {
        let mut peer = Peer::connect(&server, version).await;
        for compression in ALL {
            let name = compression.as_str();
            let packed = pack(name, message.as_bytes());
            let query = format!(
                "base64=1&compression={name}&encoding=json&message={}",
                URL_SAFE_NO_PAD.encode(&packed)
            );
            let headers = [("content-encoding", name), ("accept-encoding", name)];
            let post = peer.request("GetOrganization", &headers, packed.into());
            let path = format!("/api/gitpod.v1.OrganizationService/GetOrganization?{query}");
            let mut get = peer.request(&path, &[("accept-encoding", name)], Bytes::new());
            *get.method_mut() = http::Method::GET;
            for request in [post, get] {
                let reply = peer.send(request).await.unwrap();
                assert_eq!(reply.status, 200, "{reply:?}");
                assert_eq!(reply.headers["content-encoding"], name);
                let body = unpack(name, &reply.body);
                let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(answer["organization"]["id"], id);
            }
        }
    }
}

#[tokio::test]
async fn messages_of_streams_in_both_directions() {
    let server = server(ALL).await;
    for version in BOTH {
        for path in [Count::PATH, Collect::PATH, Converse::PATH] {
            for compression in ALL {
                let name = compression.as_str();
                let headers = [
                    ("connect-content-encoding", name),
                    ("connect-accept-encoding", name),
                ];
                let mut calling = Calling::open(&server, version, path, "json", &headers).await;
                let packed = pack(name, &encode("json", "ab"));
                calling.send_bytes(envelope(1, &packed));
                if path != Count::PATH {
                    // A message that isn't compressed may stand beside one that is.
                    calling.send("c");
                }
                calling.finish();
                let mut answering = calling.answer().await;
                assert_eq!(answering.headers["connect-content-encoding"], name);
                assert!(!answering.headers.contains_key("content-encoding"));
                let mut messages = Vec::new();
                let end = loop {
                    let (flags, content) = answering.envelope().await.unwrap().unwrap();
                    match flags {
                        1 => messages.push(unpack(name, &content)),
                        2 => break content,
                        _ => panic!("{flags}"),
                    }
                };
                assert_eq!(end, "{}");
                let expected: &[&str] = match path {
                    Count::PATH => &["a", "b"],
                    Collect::PATH => &["abc"],
                    _ => &["AB", "C"],
                };
                let expected: Vec<_> = expected.iter().map(|text| encode("json", text)).collect();
                assert_eq!(messages, expected);
            }
        }
    }
}

#[tokio::test]
async fn a_message_of_no_bytes_is_not_compressed() {
    let server = server(ALL).await;
    let headers = [
        ("connect-content-encoding", "gzip"),
        ("connect-accept-encoding", "gzip"),
    ];
    let mut calling =
        Calling::open(&server, Version::HTTP_2, Converse::PATH, "proto", &headers).await;
    let mut answering = calling.answer().await;
    calling.send_bytes(envelope(1, b""));
    let (flags, content) = answering.envelope().await.unwrap().unwrap();
    assert_eq!((flags, content.len()), (0, 0));
}

#[tokio::test]
async fn nobody_gets_what_was_not_asked_for() {
    for (server, accept) in [
        (server(&[]).await, "gzip"),
        (server(ALL).await, "identity"),
        (server(ALL).await, "deflate"),
        (server(ALL).await, ""),
    ] {
        let headers = [("connect-accept-encoding", accept)];
        let mut calling =
            Calling::open(&server, Version::HTTP_2, Collect::PATH, "json", &headers).await;
        calling.send("x");
        calling.finish();
        let answering = calling.answer().await;
        assert!(!answering.headers.contains_key("connect-content-encoding"));
        let mut peer = Peer::connect(&server, Version::HTTP_11).await;
        let body = json!({ "organizationId": server.organization_id() });
        let request = peer.request(
            "GetOrganization",
            &[("accept-encoding", accept)],
            body.to_string().into(),
        );
        let reply = peer.send(request).await.unwrap();
        assert!(!reply.headers.contains_key("content-encoding"));
        assert!(reply.json()["organization"].is_object());
    }
}

#[cfg(all(feature = "br", feature = "zstd"))]
#[tokio::test]
async fn the_client_chooses_among_those_that_the_server_offers() {
    use Compression::{Brotli, Gzip, Zstd};
    for (offered, accepts, expected) in [
        (&[Gzip, Brotli, Zstd][..], "zstd, br, gzip", "zstd"),
        (&[Gzip, Brotli, Zstd], "br, zstd", "br"),
        (&[Gzip, Zstd], "br, gzip, zstd", "gzip"),
    ] {
        let server = server(offered).await;
        let mut peer = Peer::connect(&server, Version::HTTP_11).await;
        let body = json!({ "organizationId": server.organization_id() });
        let headers = [("accept-encoding", accepts)];
        let request = peer.request("GetOrganization", &headers, body.to_string().into());
        let reply = peer.send(request).await.unwrap();
        assert_eq!(reply.headers["content-encoding"], expected);
    }
}

/// A fault that changes the message changes what was to be compressed.
#[tokio::test]
async fn faults_edit_messages_and_not_their_compression() {
    let server = server(ALL).await;
    for version in BOTH {
        let mut peer = Peer::connect(&server, version).await;
        server.inject(Fault::oversized_body(1000));
        let body = json!({ "organizationId": server.organization_id() });
        let headers = [("accept-encoding", "gzip")];
        let request = peer.request("GetOrganization", &headers, body.to_string().into());
        let reply = peer.send(request).await.unwrap();
        assert!(!reply.headers.contains_key("content-encoding"));
        assert!(reply.body.len() > 1000);
        assert!(reply.json()["organization"].is_object());
    }
}

#[tokio::test]
async fn bombs_in_streams_are_refused() {
    let server = Server::builder()
        .max_request_bytes(100_000)
        .start()
        .await
        .unwrap();
    serve_toys(&server);
    for compression in ALL {
        let name = compression.as_str();
        let bomb = pack(name, &vec![b' '; 1 << 20]);
        assert!(bomb.len() < 100_000);
        let headers = [("connect-content-encoding", name)];
        let calling =
            Calling::open(&server, Version::HTTP_2, Collect::PATH, "json", &headers).await;
        calling.send_bytes(envelope(1, &bomb));
        let outcome = calling.outcome().await;
        assert_eq!(outcome.code(), Some("resource_exhausted"));
    }
}
