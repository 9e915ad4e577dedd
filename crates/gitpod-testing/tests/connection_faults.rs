//! Faults of connections and of what goes over them, shown to do on the wire what they say.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod support;

use std::error::Error as _;
use std::time::{Duration, Instant};

use gitpod_testing::{ConnectionFault, Fault};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Version};
use support::{BOTH, Failure, METHOD, PATIENCE, Peer, Stage, id, raw, raw_call, server, spoil};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The code of the reset that ended a stream.
fn reset_code(failure: &Failure) -> Option<u32> {
    let source = failure.error.source()?;
    let error = source.downcast_ref::<h2::Error>()?;
    (error.is_reset() && error.is_remote())
        .then(|| error.reason().map(u32::from))
        .flatten()
}

#[tokio::test]
async fn dropped_before_and_after_the_execution() {
    for version in BOTH {
        for (fault, expected) in [(Fault::drop_before(), 0), (Fault::drop_after(), 1)] {
            let (outcome, executions, mut peer, server) = spoil(version, fault).await;
            let failure = outcome.unwrap_err();
            assert_eq!(failure.stage, Stage::Headers);
            assert_eq!(executions, expected, "{version:?}");
            if version == Version::HTTP_2 {
                assert_eq!(reset_code(&failure), Some(2));
                // The stream is gone, the connection isn't.
                peer.ok(METHOD, id(&server)).await;
            } else {
                assert!(failure.error.is_incomplete_message(), "{failure:?}");
                assert!(peer.try_call(METHOD, id(&server)).await.is_err());
            }
        }
    }
}

#[tokio::test]
async fn a_dropped_socket_is_really_closed_in_an_orderly_way_or_by_reset() {
    for before in [true, false] {
        let make = || match before {
            true => Fault::drop_before(),
            false => Fault::drop_after(),
        };
        let server = server().await;
        let call = raw_call(&server, METHOD, &id(&server).to_string());
        server.inject(make());
        let (received, end) = raw(&server, &call).await;
        assert!(received.is_empty());
        end.unwrap();
        server.inject(make().by_reset());
        let (received, end) = raw(&server, &call).await;
        assert!(received.is_empty());
        assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
        assert_eq!(server.tokens_issued().len(), if before { 1 } else { 3 });
    }
}

#[tokio::test]
async fn a_whole_connection_is_lost_over_http2_where_told() {
    for fault in [
        Fault::drop_after().whole_connection(),
        Fault::drop_after().by_reset(),
    ] {
        let (outcome, executions, mut peer, server) = spoil(Version::HTTP_2, fault).await;
        let failure = outcome.unwrap_err();
        assert_eq!(reset_code(&failure), None, "{failure:?}");
        assert_eq!(executions, 1);
        assert!(peer.try_call(METHOD, id(&server)).await.is_err());
    }
}

#[tokio::test]
async fn streams_are_refused_and_reset_with_any_code() {
    let (outcome, executions, mut peer, server) =
        spoil(Version::HTTP_2, Fault::refuse_stream()).await;
    assert_eq!(reset_code(&outcome.unwrap_err()), Some(7));
    assert_eq!(executions, 0);
    peer.ok(METHOD, id(&server)).await;
    let (outcome, executions, ..) = spoil(Version::HTTP_2, Fault::reset_stream(11)).await;
    assert_eq!(reset_code(&outcome.unwrap_err()), Some(11));
    assert_eq!(executions, 1);
    let (outcome, executions, ..) = spoil(Version::HTTP_11, Fault::refuse_stream()).await;
    assert!(outcome.unwrap_err().error.is_incomplete_message());
    assert_eq!(executions, 0);
}

#[tokio::test]
async fn a_cut_body_keeps_its_promised_length() {
    for version in BOTH {
        for bytes in [0, 1, 20] {
            for fault in [
                Fault::cut_body(bytes),
                Fault::cut_body(bytes).whole_connection(),
            ] {
                let (outcome, executions, ..) = spoil(version, fault).await;
                let failure = outcome.unwrap_err();
                assert_eq!(failure.stage, Stage::Body(bytes), "{version:?} {failure:?}");
                assert_eq!(executions, 1);
            }
        }
    }
    let server = server().await;
    let call = raw_call(&server, METHOD, &id(&server).to_string());
    for reset in [false, true] {
        let fault = Fault::cut_body(10);
        server.inject(if reset { fault.by_reset() } else { fault });
        let (received, end) = raw(&server, &call).await;
        let text = String::from_utf8(received).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(head.contains("content-length: "), "{head}");
        assert!(!head.contains("content-length: 10\r"), "{head}");
        assert_eq!(body, "{\"token\":\"");
        assert_eq!(end.is_err(), reset);
    }
}

#[tokio::test]
async fn a_body_stalls_and_never_ends() {
    for version in BOTH {
        let server = server().await;
        let mut peer = Peer::connect(&server, version).await;
        server.inject(Fault::stall_body(5));
        let call = peer.try_call(METHOD, id(&server));
        let waited = tokio::time::timeout(Duration::from_millis(300), call).await;
        assert!(waited.is_err());
        assert_eq!(server.tokens_issued().len(), 2);
    }
}

#[tokio::test]
async fn a_body_trickles() {
    for version in BOTH {
        let start = Instant::now();
        let fault = Fault::trickle_body(50, Duration::from_millis(40));
        let (outcome, ..) = spoil(version, fault).await;
        let reply = outcome.unwrap();
        let pauses = u32::try_from(reply.body.len().div_ceil(50)).unwrap();
        assert!(pauses >= 2);
        assert!(start.elapsed() >= Duration::from_millis(40) * pauses);
        assert!(reply.json()["token"].is_string());
        assert_eq!(reply.headers[CONTENT_LENGTH], reply.body.len().to_string());
    }
}

#[tokio::test]
async fn a_body_longer_and_shorter_than_its_length() {
    let server = server().await;
    let call = raw_call(&server, METHOD, &id(&server).to_string());
    let length = |value| Fault::header(CONTENT_LENGTH, HeaderValue::from_static(value));
    server.inject(length("100000"));
    let (received, _) = raw(&server, &call).await;
    let text = String::from_utf8(received).unwrap();
    assert!(text.contains("content-length: 100000\r\n"), "{text}");
    assert!(text.ends_with('}'), "{text}");
    let raw_answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\
                      \r\n{}surplus";
    server.inject(Fault::raw(raw_answer));
    let (received, end) = raw(&server, &call).await;
    end.unwrap();
    assert_eq!(received, raw_answer.as_bytes());
}

#[tokio::test]
async fn raw_bytes_are_written_as_they_are() {
    let server = server().await;
    let call = raw_call(&server, METHOD, &id(&server).to_string());
    for bytes in [
        &b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{",
        b"\x00\x01\x02",
        b"",
    ] {
        server.inject(Fault::raw(bytes));
        let (received, end) = raw(&server, &call).await;
        end.unwrap();
        assert_eq!(received, bytes);
    }
    assert_eq!(server.tokens_issued().len(), 5);
    // Over HTTP/2 they are no frame, and end the connection.
    let mut peer = Peer::connect(&server, Version::HTTP_2).await;
    server.inject(Fault::raw(vec![0xff; 64]));
    assert!(peer.try_call(METHOD, id(&server)).await.is_err());
}

#[tokio::test]
async fn a_connection_goes_away_after_its_answer() {
    for version in BOTH {
        let (outcome, executions, mut peer, server) = spoil(version, Fault::go_away()).await;
        assert_eq!(outcome.unwrap().status, 200);
        assert_eq!(executions, 1);
        let closed = async {
            while !peer.is_closed() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, closed).await.unwrap();
        assert!(peer.try_call(METHOD, id(&server)).await.is_err());
    }
}

#[tokio::test]
async fn a_connection_goes_away_while_its_call_is_under_way() {
    for version in BOTH {
        let fault = Fault::go_away_first().and(Fault::delay_before(Duration::from_millis(50)));
        let (outcome, executions, mut peer, server) = spoil(version, fault).await;
        assert_eq!(outcome.unwrap().status, 200);
        assert_eq!(executions, 1);
        assert!(peer.try_call(METHOD, id(&server)).await.is_err());
    }
}

/// The frames of HTTP/2 in bytes: their type, their stream, their content.
fn frames(mut bytes: &[u8]) -> Vec<(u8, u32, Vec<u8>)> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (content, rest) = rest.split_at(length);
        let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
        frames.push((head[3], stream, content.to_vec()));
        bytes = rest;
    }
    frames
}

#[tokio::test]
async fn a_call_that_was_not_processed_is_above_the_last_stream() {
    for (calls, last) in [(0, 0), (1, 1), (3, 5)] {
        let server = server().await;
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", server.port()))
            .await
            .unwrap();
        let (stream, seen) = support::tap::tapped(stream);
        let mut peer = Peer::over(stream, Version::HTTP_2, server.api_key()).await;
        for _ in 0..calls {
            peer.ok(METHOD, id(&server)).await;
        }
        server.inject(Fault::go_away_unprocessed());
        let failure = peer.try_call(METHOD, id(&server)).await.unwrap_err();
        assert_eq!(failure.stage, Stage::Headers);
        assert_eq!(server.tokens_issued().len(), 1 + calls);
        let frames = frames(&seen.lock().unwrap());
        let (kind, stream, content) = frames.last().unwrap();
        assert_eq!((*kind, *stream), (7, 0), "{frames:?}");
        assert_eq!(content[..4], u32::to_be_bytes(last));
        assert_eq!(content[4..], [0; 4]);
    }
    let (outcome, executions, ..) = spoil(Version::HTTP_11, Fault::go_away_unprocessed()).await;
    assert!(outcome.unwrap_err().error.is_incomplete_message());
    assert_eq!(executions, 0);
}

#[tokio::test]
async fn a_length_that_is_wrong_over_http2() {
    for length in ["100000", "3"] {
        let length = HeaderValue::from_static(length);
        let (outcome, executions, ..) =
            spoil(Version::HTTP_2, Fault::header(CONTENT_LENGTH, length)).await;
        // Whose length isn't the body's is malformed (RFC 9113, 8.1.1).
        let failure = outcome.unwrap_err();
        assert!(matches!(failure.stage, Stage::Body(_)), "{failure:?}");
        assert_eq!(executions, 1);
    }
}

#[tokio::test]
async fn bytes_that_are_followed_by_nothing() {
    let server = server().await;
    let call = raw_call(&server, METHOD, &id(&server).to_string());
    server.inject(Fault::raw_without_end("HTTP/1.1 200 OK\r\ncontent-le"));
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", server.port()))
        .await
        .unwrap();
    stream.write_all(&call).await.unwrap();
    let mut received = [0; 27];
    let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut received)).await;
    read.unwrap().unwrap();
    assert!(received.ends_with(b"content-le"));
    let more = tokio::time::timeout(Duration::from_millis(200), stream.read_u8());
    assert!(more.await.is_err());
    server.kill();
    let end = tokio::time::timeout(PATIENCE, stream.read_u8()).await;
    assert!(end.unwrap().is_err());
}

#[tokio::test]
async fn bytes_that_are_followed_by_a_reset() {
    let server = server().await;
    let call = raw_call(&server, METHOD, &id(&server).to_string());
    server.inject(Fault::raw("HTTP/1.1 200 OK\r\ncontent-le").by_reset());
    let (received, end) = raw(&server, &call).await;
    assert_eq!(received, b"HTTP/1.1 200 OK\r\ncontent-le");
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn connections_are_spoiled_before_anything_is_said() {
    let server = server().await;
    let call = raw_call(&server, METHOD, &id(&server).to_string());
    server.spoil_connections(ConnectionFault::close(), 1);
    server.spoil_connections(ConnectionFault::reset(), 2);
    server.spoil_connections(ConnectionFault::raw("no HTTP"), 1);
    let (received, _) = raw(&server, &call).await;
    assert!(received.is_empty());
    for _ in 0..2 {
        let (received, end) = raw(&server, &call).await;
        assert!(received.is_empty());
        let kind = end.unwrap_err().kind();
        assert!(
            matches!(
                kind,
                std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe
            ),
            "{kind:?}"
        );
    }
    let (received, _) = raw(&server, &call).await;
    assert_eq!(received, b"no HTTP");
    // None of them was a call, and the next connection is fine.
    assert_eq!(server.call_count(), 0);
    let mut peer = Peer::connect(&server, Version::HTTP_2).await;
    peer.ok(METHOD, id(&server)).await;

    server.spoil_connections(ConnectionFault::close(), 5);
    server.clear_faults();
    let mut peer = Peer::connect(&server, Version::HTTP_11).await;
    peer.ok(METHOD, id(&server)).await;
}

#[tokio::test]
async fn a_connection_that_stalls_is_held_until_the_server_stops() {
    let server = server().await;
    let call = raw_call(&server, METHOD, &id(&server).to_string());
    server.spoil_connections(ConnectionFault::stall(), 1);
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", server.port()))
        .await
        .unwrap();
    stream.write_all(&call).await.unwrap();
    let more = tokio::time::timeout(Duration::from_millis(200), stream.read_u8());
    assert!(more.await.is_err());
    tokio::time::timeout(PATIENCE, server.stop()).await.unwrap();
    let end = tokio::time::timeout(PATIENCE, stream.read_u8()).await;
    assert!(end.unwrap().is_err());
    assert_eq!(server.tokens_issued().len(), 1);
}
