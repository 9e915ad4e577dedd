//! Faults of streams, shown to do on the wire what they say.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod support;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use gitpod_testing::{Code, Fault, FaultPlan, Method, ResponseStream, Server, ServerError};
use http::{HeaderName, HeaderValue, StatusCode, Version};
use support::streaming::{
    CODECS, Calling, Collect, Converse, Count, Text, decode, encode, envelope,
};
use support::{BOTH, Failure, PATIENCE, Peer, Reply, Stage, raw, server};

/// The messages of every stream here, and how often one was executed.
const MESSAGES: [&str; 3] = ["one", "two", "three"];

async fn counting_server() -> (Server, Arc<AtomicUsize>) {
    let server = server().await;
    let executions = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&executions);
    server.handle::<Count, _, _>(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok(ResponseStream::messages(MESSAGES.map(Text::new))))
    });
    (server, executions)
}

async fn call(peer: &mut Peer, codec: &str) -> Result<Reply, Failure> {
    let path = format!("/api{}", Count::PATH);
    let content_type = format!("application/connect+{codec}");
    let headers = [("content-type", content_type.as_str())];
    let body = envelope(0, &encode(codec, ""));
    let request = peer.request(&path, &headers, body);
    peer.send(request).await
}

/// Calls a stream once with a fault. Says what came, and how often the call was executed.
async fn spoil(
    version: Version,
    codec: &str,
    fault: impl Into<FaultPlan>,
) -> (Result<Reply, Failure>, usize) {
    let (server, executions) = counting_server().await;
    let mut peer = Peer::connect(&server, version).await;
    let handle = server.inject(fault);
    let outcome = call(&mut peer, codec).await;
    assert_eq!(handle.fired(), 1);
    (outcome, executions.load(Ordering::SeqCst))
}

/// The body of a stream whose fault leaves it to its end.
async fn body(version: Version, codec: &str, fault: Fault) -> Bytes {
    let (outcome, executions) = spoil(version, codec, fault).await;
    let reply = outcome.unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(executions, 1);
    reply.body
}

/// The right messages in their envelopes.
fn messages(codec: &str, texts: &[&str]) -> Vec<u8> {
    let envelopes = texts.iter().map(|text| envelope(0, &encode(codec, text)));
    envelopes.flatten().collect()
}

fn end() -> Bytes {
    envelope(2, b"{}")
}

#[tokio::test]
async fn a_stream_is_cut_after_so_many_messages() {
    for version in BOTH {
        for codec in CODECS {
            for count in 0..=3 {
                for fault in [
                    Fault::cut_after(count),
                    Fault::cut_after(count).whole_connection(),
                ] {
                    let (outcome, executions) = spoil(version, codec, fault).await;
                    let length = messages(codec, &MESSAGES[..count]).len();
                    assert_eq!(outcome.unwrap_err().stage, Stage::Body(length));
                    assert_eq!(executions, 1);
                }
            }
            // Within a message.
            let (outcome, _) = spoil(version, codec, Fault::cut_body(12)).await;
            assert_eq!(outcome.unwrap_err().stage, Stage::Body(12));
        }
    }
}

#[tokio::test]
async fn a_stream_stalls_after_so_many_messages() {
    for version in BOTH {
        for (fault, messages) in [(Fault::stall_after(1), 1), (Fault::stall_body(9), 0)] {
            let (server, _) = counting_server().await;
            server.inject(fault);
            let mut calling = Calling::open(&server, version, Count::PATH, "json", &[]).await;
            calling.send("");
            calling.finish();
            let mut answering = calling.answer().await;
            for text in &MESSAGES[..messages] {
                assert_eq!(answering.next().await.unwrap(), *text);
            }
            let next = tokio::time::timeout(Duration::from_millis(200), answering.envelope());
            assert!(next.await.is_err());
        }
    }
}

#[tokio::test]
async fn a_stream_trickles() {
    for version in BOTH {
        let fault = Fault::trickle_body(7, Duration::from_millis(1));
        let received = body(version, "json", fault).await;
        let right = [&messages("json", &MESSAGES)[..], &end()].concat();
        assert_eq!(received, right);
    }
}

#[tokio::test]
async fn connections_are_lost_before_and_after_the_handler() {
    for version in BOTH {
        for (fault, expected) in [
            (Fault::drop_before(), 0),
            (Fault::drop_after(), 1),
            (Fault::refuse_stream(), 0),
            (Fault::go_away_unprocessed(), 0),
            (Fault::drop_after().by_reset(), 1),
        ] {
            let (outcome, executions) = spoil(version, "json", fault).await;
            assert_eq!(outcome.unwrap_err().stage, Stage::Headers);
            assert_eq!(executions, expected);
        }
    }
}

#[tokio::test]
async fn envelopes_lie() {
    for version in BOTH {
        for codec in CODECS {
            let one = encode(codec, "one");
            let rest = [&messages(codec, &MESSAGES[1..])[..], &end()].concat();
            for length in [0, 1, u32::MAX] {
                let received = body(version, codec, Fault::envelope_length(length)).await;
                let head = [&[0][..], &length.to_be_bytes()].concat();
                assert_eq!(received, [&head[..], &one, &rest].concat());
            }
            for flags in [1, 2, 3, 4, 0x80, 0xff] {
                let received = body(version, codec, Fault::envelope_flags(flags)).await;
                assert_eq!(received, [&envelope(flags, &one)[..], &rest].concat());
            }
            let received = body(version, codec, Fault::message("")).await;
            assert_eq!(received, [&envelope(0, b"")[..], &rest].concat());
            let received = body(version, codec, Fault::message("not a message")).await;
            assert_eq!(
                received,
                [&envelope(0, b"not a message")[..], &rest].concat()
            );
        }
    }
}

#[tokio::test]
async fn a_first_message_is_as_large_as_told_and_right() {
    for version in BOTH {
        for codec in CODECS {
            for size in [100, 1 << 20, (1 << 20) + 1] {
                let received = body(version, codec, Fault::message_of_size(size)).await;
                let (head, rest) = received.split_at(5);
                assert_eq!(head[0], 0);
                assert_eq!(head[1..], u32::try_from(size).unwrap().to_be_bytes());
                let (message, rest) = rest.split_at(size);
                assert_eq!(decode(codec, message), "one");
                let right = [&messages(codec, &MESSAGES[1..])[..], &end()].concat();
                assert_eq!(rest, right);
            }
            let (outcome, _) = spoil(version, codec, Fault::oversized_body(1 << 20)).await;
            let received = outcome.unwrap().body;
            assert!(received.len() > 1 << 20);
        }
    }
}

#[tokio::test]
async fn a_first_message_is_a_bomb() {
    for version in BOTH {
        for codec in CODECS {
            let (outcome, _) = spoil(version, codec, Fault::gzip_bomb(20 << 20)).await;
            let reply = outcome.unwrap();
            assert_eq!(reply.headers["connect-content-encoding"], "gzip");
            assert!(!reply.headers.contains_key("content-encoding"));
            assert!(reply.body.len() < 200_000, "{}", reply.body.len());
            assert_eq!(reply.body[0], 1);
            let length = u32::from_be_bytes(reply.body[1..5].try_into().unwrap()) as usize;
            let mut message = Vec::new();
            GzDecoder::new(&reply.body[5..5 + length])
                .read_to_end(&mut message)
                .unwrap();
            assert!(message.len() > 20 << 20);
            assert_eq!(decode(codec, &message), "one");
        }
    }
}

#[tokio::test]
async fn ends_of_streams_are_wrong() {
    for version in BOTH {
        let right = messages("json", &MESSAGES);
        for (fault, expected) in [
            (Fault::without_end(), Bytes::new()),
            (Fault::doubled_end(), [end(), end()].concat().into()),
            (
                Fault::end_of_stream("{\"error\":"),
                envelope(2, b"{\"error\":"),
            ),
            (Fault::end_of_stream(""), envelope(2, b"")),
            (
                Fault::behind_end("more"),
                [&end()[..], b"more"].concat().into(),
            ),
            (
                Fault::behind_end(envelope(0, b"{}")),
                [end(), envelope(0, b"{}")].concat().into(),
            ),
            (
                Fault::extra_envelope(9, 0, "{}"),
                [envelope(0, b"{}"), end()].concat().into(),
            ),
        ] {
            let received = body(version, "json", fault.clone()).await;
            assert_eq!(received, [&right[..], &expected].concat(), "{fault:?}");
        }
        let (outcome, _) = spoil(version, "json", Fault::compressed_end()).await;
        let reply = outcome.unwrap();
        assert_eq!(reply.headers["connect-content-encoding"], "gzip");
        let mut rest = &reply.body[..];
        let mut contents = Vec::new();
        while let Some((head, behind)) = rest.split_at_checked(5) {
            let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
            let (packed, behind) = behind.split_at(length);
            let mut content = String::new();
            GzDecoder::new(packed).read_to_string(&mut content).unwrap();
            contents.push((head[0], content));
            rest = behind;
        }
        let texts = MESSAGES.map(|text| (1, format!("{{\"text\":\"{text}\"}}")));
        assert_eq!(contents[..3], texts);
        assert_eq!(contents[3], (3, "{}".into()));
    }
}

#[tokio::test]
async fn bytes_are_put_among_the_messages() {
    let [one, two] = [&MESSAGES[..1], &MESSAGES[1..]].map(|texts| messages("json", texts));
    let extra = envelope(0x20, b"x");
    let received = body(
        Version::HTTP_2,
        "json",
        Fault::extra_envelope(1, 0x20, "x").and(Fault::extra_bytes(0, "first")),
    )
    .await;
    let expected = [b"first", &one[..], &extra, &two, &end()].concat();
    assert_eq!(received, expected);
    // What is put where the stream is cut goes out before that.
    let fault = Fault::cut_after(1).and(Fault::extra_bytes(1, "\0\0"));
    let (outcome, _) = spoil(Version::HTTP_2, "json", fault).await;
    let stage = outcome.unwrap_err().stage;
    assert_eq!(stage, Stage::Body(one.len() + 2));
}

#[tokio::test]
async fn other_answers_come_without_an_execution() {
    for version in BOTH {
        let page = Fault::html(StatusCode::BAD_GATEWAY);
        let (outcome, executions) = spoil(version, "json", page).await;
        let reply = outcome.unwrap();
        assert_eq!((reply.status.as_u16(), executions), (502, 0));
        assert!(reply.body.starts_with(b"<!DOCTYPE html>"));

        let page = Fault::html(StatusCode::OK).executed();
        let (outcome, executions) = spoil(version, "json", page).await;
        assert_eq!((outcome.unwrap().status.as_u16(), executions), (200, 1));

        // An error in the words of a stream: status 200, and the code in the last envelope.
        let error = ServerError::new(Code::ResourceExhausted, "slow down")
            .with_retry_info(Duration::from_secs(1))
            .with_header(http::header::RETRY_AFTER, HeaderValue::from_static("1"));
        let (outcome, executions) = spoil(version, "proto", Fault::error(error)).await;
        let reply = outcome.unwrap();
        assert_eq!((reply.status.as_u16(), executions), (200, 0));
        assert_eq!(reply.headers["content-type"], "application/connect+proto");
        assert_eq!(reply.headers["retry-after"], "1");
        assert_eq!(reply.body[0], 2);
        let end: serde_json::Value = serde_json::from_slice(&reply.body[5..]).unwrap();
        assert_eq!(end["error"]["code"], "resource_exhausted");
        assert_eq!(end["error"]["details"][0]["type"], "google.rpc.RetryInfo");

        let (outcome, executions) = spoil(version, "json", Fault::garbage()).await;
        assert_eq!(executions, 1);
        let reply = outcome.unwrap();
        assert_eq!(reply.headers["content-type"], "application/connect+json");
        assert_eq!(reply.body[0], 0xff);
    }
}

#[tokio::test]
async fn headers_of_streams_are_changed() {
    for version in BOTH {
        let fault = Fault::content_type(HeaderValue::from_static("application/connect+proto")).and(
            Fault::header(
                HeaderName::from_static("connect-content-encoding"),
                HeaderValue::from_static("lzma"),
            ),
        );
        let (outcome, _) = spoil(version, "json", fault).await;
        let reply = outcome.unwrap();
        assert_eq!(reply.headers["content-type"], "application/connect+proto");
        assert_eq!(reply.headers["connect-content-encoding"], "lzma");
        assert_eq!(
            reply.body,
            [&messages("json", &MESSAGES)[..], &end()].concat()
        );
    }
}

#[tokio::test]
async fn streams_of_requests_are_spoiled_too() {
    for version in BOTH {
        for path in [Collect::PATH, Converse::PATH] {
            let server = server().await;
            server.handle::<Collect, _, _>(|_| async { Ok(Text::new("one")) });
            server.handle::<Converse, _, _>(|_| async {
                Ok(ResponseStream::messages(MESSAGES.map(Text::new)))
            });
            server.inject(Fault::without_end());
            let mut calling = Calling::open(&server, version, path, "json", &[]).await;
            let mut answering = calling.answer().await;
            assert_eq!(answering.envelope().await.unwrap().unwrap().0, 0);
            let mut more = 0;
            while answering.envelope().await.unwrap().is_some() {
                more += 1;
            }
            assert_eq!(more, if path == Collect::PATH { 0 } else { 2 });
            server.inject(
                Fault::delay_before(Duration::from_millis(50))
                    .and(Fault::error(ServerError::new(Code::Unavailable, "not now"))),
            );
            let calling = Calling::open(&server, version, path, "json", &[]).await;
            assert_eq!(calling.outcome().await.code(), Some("unavailable"));
        }
    }
}

/// It is held open until the client leaves, or the server stops.
#[tokio::test]
async fn a_chunk_that_never_ends() {
    let (server, _) = counting_server().await;
    let body = envelope(0, b"{}");
    let head = format!(
        "POST /api{} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/connect+json\r\ncontent-length: {}\r\n\r\n",
        Count::PATH,
        server.api_key(),
        body.len()
    );
    let call = [head.as_bytes(), &body].concat();
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/connect+json\r\n\
                  transfer-encoding: chunked\r\n\r\nff\r\n\0";
    server.inject(Fault::raw_without_end(answer));
    let reading = tokio::spawn({
        let server = server.clone();
        async move { raw(&server, &call).await }
    });
    while server.call_count() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!reading.is_finished());
    tokio::time::timeout(PATIENCE, server.stop()).await.unwrap();
    let (received, _) = reading.await.unwrap();
    assert_eq!(received, answer.as_bytes());
}
