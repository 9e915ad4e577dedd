//! Every fault, shown to do on the wire what it says.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod support;

use std::error::Error as _;
use std::io::Read;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use gitpod_client::organization::{GetScimConfiguration, RegenerateScimToken};
use gitpod_testing::{Code, Fault, FaultPlan, Server, ServerError};
use gitpod_types::v1::RegenerateScimTokenResponse;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE};
use http::{HeaderName, HeaderValue, StatusCode, Version};
use prost::Message as _;
use serde_json::{Value, json};
use support::{BOTH, Failure, PATIENCE, Peer, Reply, Stage, raw, raw_call, server};

const METHOD: &str = "RegenerateSCIMToken";

fn id(server: &Server) -> Value {
    json!({ "scimConfigurationId": server.scim_configuration_id() })
}

/// Calls Regenerate once with a fault, over a connection of its own. Says what came, and whether
/// the call was executed.
async fn spoil(
    version: Version,
    fault: impl Into<FaultPlan>,
) -> (Result<Reply, Failure>, usize, Peer, Server) {
    let server = server().await;
    let mut peer = Peer::connect(&server, version).await;
    let handle = server.inject(fault);
    let outcome = peer.try_call(METHOD, id(&server)).await;
    assert_eq!(handle.fired(), 1);
    let executions = server.tokens_issued().len() - 1;
    (outcome, executions, peer, server)
}

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
async fn delays_before_and_after_the_execution() {
    for version in BOTH {
        for before in [true, false] {
            let server = server().await;
            let mut peer = Peer::connect(&server, version).await;
            let delay = Duration::from_millis(400);
            server.inject(if before {
                Fault::delay_before(delay)
            } else {
                Fault::delay_answer(delay)
            });
            let body = id(&server);
            let start = Instant::now();
            let call = tokio::spawn(async move { peer.call(METHOD, body).await });
            while server.call_count() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            if start.elapsed() < delay {
                let executions = server.tokens_issued().len() - 1;
                assert_eq!(executions, usize::from(!before), "{version:?}");
            }
            assert_eq!(call.await.unwrap().status, 200);
            assert!(start.elapsed() >= delay);
            assert_eq!(server.tokens_issued().len(), 2);
        }
    }
}

/// A client that gives up changes nothing: the request is on its way, and executed late.
#[tokio::test]
async fn a_delayed_request_is_executed_though_its_client_has_gone() {
    for version in BOTH {
        let server = server().await;
        let mut peer = Peer::connect(&server, version).await;
        server.inject(Fault::delay_before(Duration::from_millis(300)));
        let body = id(&server).to_string();
        let request = peer.request(METHOD, &[("connect-timeout-ms", "50")], body.into());
        let gave_up = tokio::time::timeout(Duration::from_millis(100), peer.send(request)).await;
        assert!(gave_up.is_err());
        drop(peer);
        assert_eq!(server.tokens_issued().len(), 1);
        let executed = async {
            while server.tokens_issued().len() == 1 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, executed).await.unwrap();
    }
}

#[tokio::test]
async fn executed_twice_with_either_answer() {
    for (fault, live) in [
        (Fault::drop_after(), None),
        (
            Fault::delay_answer(Duration::ZERO).executed_twice(),
            Some(true),
        ),
        (
            Fault::delay_answer(Duration::ZERO).executed_again_unseen(),
            Some(false),
        ),
    ] {
        let (outcome, executions, mut peer, _server) = spoil(Version::HTTP_2, fault).await;
        let Some(live) = live else {
            continue;
        };
        assert_eq!(executions, 2);
        let token = outcome.unwrap().json()["token"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(peer.is_live(&token).await, live);
    }
}

#[tokio::test]
async fn bodies_are_replaced() {
    for version in BOTH {
        let (outcome, executions, ..) = spoil(version, Fault::garbage()).await;
        let reply = outcome.unwrap();
        assert_eq!(executions, 1);
        assert_eq!(reply.status, 200);
        assert_eq!(reply.headers[CONTENT_TYPE], "application/json");
        assert!(serde_json::from_slice::<Value>(&reply.body).is_err());
        assert!(RegenerateScimTokenResponse::decode(reply.body).is_err());
        let (outcome, ..) = spoil(version, Fault::body("")).await;
        assert!(outcome.unwrap().body.is_empty());
    }
}

#[tokio::test]
async fn a_proxys_page_any_status_and_errors_are_not_executed_unless_told() {
    for version in BOTH {
        for status in [200, 404, 502] {
            let status = StatusCode::from_u16(status).unwrap();
            let (outcome, executions, ..) = spoil(version, Fault::html(status)).await;
            let reply = outcome.unwrap();
            assert_eq!(reply.status, status);
            assert!(
                reply.headers[CONTENT_TYPE]
                    .to_str()
                    .unwrap()
                    .starts_with("text/html")
            );
            assert!(reply.body.starts_with(b"<!DOCTYPE html>"));
            assert!(reply.headers.contains_key(DATE));
            assert_eq!(executions, 0);
        }
        let gateway = Fault::html(StatusCode::GATEWAY_TIMEOUT).executed();
        let (outcome, executions, ..) = spoil(version, gateway).await;
        assert_eq!((outcome.unwrap().status.as_u16(), executions), (504, 1));

        for status in [204, 308, 408, 429, 500, 599] {
            let status = StatusCode::from_u16(status).unwrap();
            let (outcome, executions, ..) = spoil(version, Fault::status(status)).await;
            let reply = outcome.unwrap();
            assert_eq!((reply.status, executions), (status, 0));
            assert!(reply.body.is_empty());
            assert!(!reply.headers.contains_key(CONTENT_TYPE));
        }

        let error = ServerError::new(Code::ResourceExhausted, "slow down")
            .with_detail("google.rpc.RetryInfo", vec![10, 2, 8, 1])
            .with_header(
                HeaderName::from_static("ratelimit-retryafter"),
                HeaderValue::from_static("7"),
            );
        let (outcome, executions, ..) = spoil(version, Fault::error(error)).await;
        let reply = outcome.unwrap();
        assert_eq!((reply.status.as_u16(), executions), (429, 0));
        assert_eq!(reply.code(), "resource_exhausted");
        assert_eq!(reply.headers["ratelimit-retryafter"], "7");
        assert_eq!(reply.json()["details"][0]["value"], "CgIIAQ");

        let redirect = http::Response::builder()
            .status(308)
            .header("location", "https://elsewhere.example/")
            .body("moved")
            .unwrap();
        let (outcome, ..) = spoil(version, Fault::response(redirect)).await;
        let reply = outcome.unwrap();
        assert_eq!(reply.headers["location"], "https://elsewhere.example/");
        assert_eq!(reply.body, "moved");
    }
}

#[tokio::test]
async fn headers_are_changed_added_and_left_out() {
    for version in BOTH {
        let fault = Fault::content_type(HeaderValue::from_static("application/xml"))
            .and(Fault::content_encoding(HeaderValue::from_static("zstd")))
            .and(Fault::without_header(DATE))
            .and(Fault::extra_header(
                HeaderName::from_static("x-many"),
                HeaderValue::from_static("1"),
            ))
            .and(Fault::extra_header(
                HeaderName::from_static("x-many"),
                HeaderValue::from_bytes(b"\xff\x80").unwrap(),
            ));
        let (outcome, executions, ..) = spoil(version, fault).await;
        let reply = outcome.unwrap();
        assert_eq!(executions, 1);
        assert_eq!(reply.headers[CONTENT_TYPE], "application/xml");
        assert_eq!(reply.headers["content-encoding"], "zstd");
        assert!(!reply.headers.contains_key(DATE));
        let many: Vec<_> = reply.headers.get_all("x-many").iter().collect();
        assert_eq!(many.len(), 2);
        assert_eq!(many[1].as_bytes(), b"\xff\x80");
        assert!(reply.json()["token"].is_string());
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
async fn large_bodies_are_right_for_whoever_reads_them() {
    for version in BOTH {
        let (outcome, ..) = spoil(version, Fault::oversized_body(3 << 20)).await;
        let reply = outcome.unwrap();
        assert!(reply.body.len() > 3 << 20);
        assert_eq!(reply.headers[CONTENT_LENGTH], reply.body.len().to_string());
        assert!(reply.json()["token"].is_string());

        let (outcome, ..) = spoil(version, Fault::gzip_bomb(20 << 20)).await;
        let reply = outcome.unwrap();
        assert_eq!(reply.headers["content-encoding"], "gzip");
        assert!(reply.body.len() < 200_000, "{}", reply.body.len());
        let mut body = Vec::new();
        GzDecoder::new(&reply.body[..])
            .read_to_end(&mut body)
            .unwrap();
        assert!(body.len() > 20 << 20);
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert!(answer["token"].is_string());

        let server = server().await;
        let mut peer = Peer::connect(&server, version).await;
        server.inject(Fault::oversized_body(1 << 20));
        let request = gitpod_types::v1::RegenerateScimTokenRequest {
            scim_configuration_id: server.scim_configuration_id().into(),
            ..Default::default()
        };
        let answer: RegenerateScimTokenResponse = peer.binary(METHOD, &request).await;
        assert_eq!(answer.token, server.tokens_issued()[1]);
    }
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
async fn plans_say_which_calls() {
    let server = server().await;
    let mut peer = Peer::connect(&server, Version::HTTP_2).await;
    let teapot = || Fault::status(StatusCode::IM_A_TEAPOT);
    let mut statuses = async |method: &str, count: usize| {
        let mut statuses = Vec::new();
        for _ in 0..count {
            statuses.push(peer.call(method, id(&server)).await.status.as_u16());
        }
        statuses
    };
    server.inject(teapot().on::<GetScimConfiguration>().skip(1).times(2));
    assert_eq!(statuses(METHOD, 2).await, [200, 200]);
    assert_eq!(
        statuses("GetSCIMConfiguration", 4).await,
        [200, 418, 418, 200]
    );
    let always = server.inject(teapot().always());
    let rest = server.inject(Fault::status(StatusCode::GONE).on::<RegenerateScimToken>());
    assert_eq!(statuses(METHOD, 3).await, [418, 418, 418]);
    always.cancel();
    assert_eq!(statuses(METHOD, 2).await, [410, 200]);
    assert_eq!((always.fired(), rest.fired()), (3, 1));
    server.inject(teapot().always());
    server.clear_faults();
    assert_eq!(statuses(METHOD, 1).await, [200]);

    server.inject(teapot().on_scim_endpoint());
    assert_eq!(statuses(METHOD, 1).await, [200]);
    let token = server.tokens_issued().pop().unwrap();
    let reply = peer.scim("/Users", Some(&token)).await;
    assert_eq!(reply.status, 418);
    assert!(peer.is_live(&token).await);
}

#[tokio::test]
async fn faults_combine() {
    let start = Instant::now();
    let fault = Fault::html(StatusCode::BAD_GATEWAY)
        .executed()
        .and(Fault::delay_answer(Duration::from_millis(100)))
        .and(Fault::cut_body(9));
    let (outcome, executions, ..) = spoil(Version::HTTP_11, fault).await;
    assert_eq!(outcome.unwrap_err().stage, Stage::Body(9));
    assert_eq!(executions, 1);
    assert!(start.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn a_fault_shows_no_body() {
    let fault = Fault::body("hush").and(Fault::header(
        HeaderName::from_static("x-secret"),
        HeaderValue::from_static("hush"),
    ));
    let shown = format!("{fault:?}");
    assert!(
        shown.contains("x-secret") && !shown.contains("hush"),
        "{shown}"
    );
}
