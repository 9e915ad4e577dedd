//! What a client may send by mistake or malice: the server answers, or closes the connection, and
//! goes on.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod support;

use std::time::Duration;

use bytes::Bytes;
use gitpod_testing::Server;
use http::Version;
use serde_json::json;
use support::{BOTH, METHOD, PATIENCE, Peer, raw, raw_call, server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn assert_alive(server: &Server) {
    for version in BOTH {
        let mut peer = Peer::connect(server, version).await;
        let body = json!({ "organizationId": server.organization_id() });
        peer.ok("GetOrganization", body).await;
    }
}

/// Bytes that look random and are the same in each run.
fn noise(mut seed: u64, length: usize) -> Vec<u8> {
    (0..length)
        .map(|_| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed.to_le_bytes()[3]
        })
        .collect()
}

#[tokio::test]
async fn bodies_that_are_no_message() {
    let server = server().await;
    for version in BOTH {
        let mut peer = Peer::connect(&server, version).await;
        let mut bodies: Vec<Bytes> = [
            &b""[..],
            b"null",
            b"[]",
            b"{",
            b"\"ona_pat_hush\"",
            b"{\"scimConfigurationId\": 5}",
            b"{\"scimConfigurationId\": \"x\", \"scimConfigurationId\": \"ona_pat_hush\"}",
            b"{\"tokenExpiresIn\": \"ona_pat_hush\"}",
            b"{\"tokenExpiresIn\": \"99999999999999999999s\"}",
            b"{\"scimConfigurationId\": \"\xff\xfe\"}",
            b"\xef\xbb\xbf{}",
        ]
        .into_iter()
        .map(Bytes::from_static)
        .collect();
        bodies.push(vec![b'['; 100_000].into());
        bodies.push([&b"{\"x\":"[..]].concat().repeat(50_000).into());
        for seed in 1..20 {
            bodies.push(noise(seed, 300).into());
        }
        for body in bodies {
            for (content_type, encoding) in [
                ("application/json", "identity"),
                ("application/proto", "identity"),
                ("application/json", "gzip"),
            ] {
                let headers = [
                    ("content-type", content_type),
                    ("content-encoding", encoding),
                ];
                let request = peer.request(METHOD, &headers, body.clone());
                let reply = peer.send(request).await.unwrap();
                assert_eq!(reply.status, 400, "{content_type} {encoding} {body:?}");
                assert_eq!(reply.code(), "invalid_argument");
                assert!(!reply.message().contains("hush"), "{reply:?}");
            }
        }
    }
    assert_eq!(server.tokens_issued().len(), 1);
    assert_alive(&server).await;
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    let limit = 10_000;
    let server = Server::builder()
        .max_request_bytes(limit)
        .start()
        .await
        .unwrap();
    let id = server.scim_configuration_id();
    for version in BOTH {
        let mut peer = Peer::connect(&server, version).await;
        let mut body = format!("{{\"scimConfigurationId\":\"{id}\"}}").into_bytes();
        body.resize(limit, b' ');
        let request = peer.request(METHOD, &[], body.clone().into());
        assert_eq!(peer.send(request).await.unwrap().status, 200);
        body.push(b' ');
        let request = peer.request(METHOD, &[], body.into());
        let reply = peer.send(request).await.unwrap();
        assert_eq!(reply.status, 429);
        assert_eq!(reply.code(), "resource_exhausted");
        assert!(reply.message().contains("10000"));
        // Far too large: the answer, or a closed connection.
        let request = peer.request(METHOD, &[], vec![b' '; 3 << 20].into());
        if let Ok(reply) = peer.send(request).await {
            assert_eq!(reply.code(), "resource_exhausted");
        }
    }
    // A bomb is a bomb whoever throws it.
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![b' '; 1 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < limit);
    let mut peer = Peer::connect(&server, Version::HTTP_11).await;
    let request = peer.request(METHOD, &[("content-encoding", "gzip")], bomb.into());
    assert_eq!(
        peer.send(request).await.unwrap().code(),
        "resource_exhausted"
    );
    assert_alive(&server).await;
}

#[tokio::test]
async fn bytes_that_are_no_http() {
    let server = server().await;
    let long = "x".repeat(1 << 20);
    let many = "x-y: z\r\n".repeat(10_000);
    let mut inputs = vec![
        b"\r\n\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"POST /api HTTP/1.1\r\ncontent-length: -1\r\n\r\n".to_vec(),
        b"POST /api HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n".to_vec(),
        b"POST /api HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec(),
        b"POST /api HTTP/1.1\r\nna me: x\r\n\r\n".to_vec(),
        b"POST /api\x00 HTTP/1.1\r\n\r\n".to_vec(),
        format!("GET /{long} HTTP/1.1\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\nx: {long}\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\n{many}\r\n").into_bytes(),
        [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &noise(3, 500)[..]].concat(),
        [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[0xff; 100][..]].concat(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
    ];
    for seed in 1..30 {
        inputs.push([&noise(seed, 200), &b"\r\n\r\n"[..]].concat());
    }
    for input in inputs {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port()))
            .await
            .unwrap();
        // The server may close while we write; all that counts is that it goes on.
        let _ = stream.write_all(&input).await;
        let _ = stream.shutdown().await;
        let mut received = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut received)).await;
        assert!(
            read.is_ok(),
            "still open: {:?}",
            &input[..input.len().min(40)]
        );
        assert!(!received.starts_with(b"HTTP/1.1 200"));
    }
    assert_alive(&server).await;
}

#[tokio::test]
async fn credentials_and_headers_that_are_no_ascii() {
    let server = server().await;
    let call = raw_call(&server, METHOD, "{}");
    for bad in [
        &b"authorization: Bearer \xff"[..],
        b"authorization: Bearer \xc3\xa4",
    ] {
        let text = String::from_utf8(call.clone()).unwrap();
        let start = text.find("authorization").unwrap();
        let end = start + text[start..].find("\r\n").unwrap();
        let mut request = call.clone();
        request.splice(
            start..end,
            bad.iter().copied().chain(*b"\r\nconnection: close"),
        );
        let (received, end) = raw(&server, &request).await;
        end.unwrap();
        assert!(received.starts_with(b"HTTP/1.1 401"), "{received:?}");
    }
    let request = b"POST /api/gitpod.v1.OrganizationService/GetOrganization HTTP/1.1\r\n\
        host: x\r\nconnection: close\r\ncontent-type: \xff\r\ncontent-length: 0\r\n\r\n";
    let (received, _) = raw(&server, request).await;
    assert!(received.starts_with(b"HTTP/1.1 400"), "{received:?}");
    assert_alive(&server).await;
}

#[tokio::test]
async fn clients_that_come_and_go_or_never_finish() {
    let server = server().await;
    let call = raw_call(&server, METHOD, "{\"scimConfigurationId\":\"x\"}");
    let mut hanging = Vec::new();
    for length in (0..call.len()).step_by(7) {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port()))
            .await
            .unwrap();
        stream.write_all(&call[..length]).await.unwrap();
        if length % 2 == 0 {
            hanging.push(stream);
        }
    }
    assert_alive(&server).await;
    assert_eq!(server.tokens_issued().len(), 1);
    drop(hanging);
    tokio::time::timeout(Duration::from_secs(15), server.stop())
        .await
        .unwrap();
}

/// Thousands of calls at once over few connections: each answer belongs to its call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_get_their_own_answers() {
    let server = server().await;
    let tasks: Vec<_> = (0..40_usize)
        .map(|number| {
            let server = server.clone();
            tokio::spawn(async move {
                let mut peer = Peer::connect(&server, BOTH[number % 2]).await;
                for round in 0..25 {
                    let id = format!("00000000-0000-4000-8000-{number:06}{round:06}");
                    let body = json!({ "scimConfigurationId": id });
                    let reply = peer.call(METHOD, body).await;
                    assert_eq!(reply.code(), "not_found");
                    assert!(reply.message().contains(&id));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(server.call_count(), 1000);
}
