//! Every fault, shown to do on the wire what it says.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod support;

use std::io::Read;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use gitpod_client::organization::{GetScimConfiguration, RegenerateScimToken};
use gitpod_testing::{Code, Fault, ServerError};
use gitpod_types::v1::RegenerateScimTokenResponse;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE};
use http::{HeaderName, HeaderValue, StatusCode, Version};
use prost::Message as _;
use serde_json::Value;
use support::{BOTH, METHOD, PATIENCE, Peer, Stage, id, raw, raw_call, server, spoil};

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
async fn thousands_of_headers_and_a_large_one() {
    let server = server().await;
    let call = raw_call(&server, METHOD, &id(&server).to_string());
    for (fault, expected) in [
        (
            Fault::many_headers(10_000),
            "\r\nx-9999: 9999\r\n".to_owned(),
        ),
        (
            Fault::large_header(1 << 20),
            format!("\r\nx-large: {}\r\n", "x".repeat(1 << 20)),
        ),
    ] {
        server.inject(fault.and(Fault::header(
            http::header::CONNECTION,
            HeaderValue::from_static("close"),
        )));
        let (received, end) = raw(&server, &call).await;
        end.unwrap();
        let text = String::from_utf8(received).unwrap();
        assert!(text.contains(&expected));
        assert!(text.ends_with("\"}"), "{}", &text[text.len() - 100..]);
    }
    // hyper's client has limits of its own, and over HTTP/2 it says so.
    for fault in [Fault::many_headers(10_000), Fault::large_header(1 << 20)] {
        let (outcome, executions, ..) = spoil(Version::HTTP_2, fault).await;
        assert_eq!(outcome.unwrap_err().stage, Stage::Headers);
        assert_eq!(executions, 1);
    }
}

#[tokio::test]
async fn redirects_name_a_location_and_are_not_executed() {
    for version in BOTH {
        for status in [301, 302, 307, 308] {
            let status = StatusCode::from_u16(status).unwrap();
            let location = HeaderValue::from_static("https://elsewhere.example/api");
            let (outcome, executions, ..) =
                spoil(version, Fault::redirect(status, location.clone())).await;
            let reply = outcome.unwrap();
            assert_eq!((reply.status, executions), (status, 0));
            assert_eq!(reply.headers["location"], location);
            assert!(reply.body.is_empty());
        }
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
