//! Methods that are known at run time: the same rules, and bytes in place of messages.

#![allow(clippy::unwrap_used)]

mod common;

use std::future::ready;
use std::time::Duration;

use common::{Server, client, envelope, json, response, said, stream};
use connect_hyper::{Code, DynamicCall, DynamicMethod, Execution, Idempotency, RetryPolicy};

fn call(server: &Server, idempotency: Idempotency) -> DynamicCall {
    // As a path that comes from a descriptor.
    let path: &'static str = String::from("/toy.v1.Toy/Any").leak();
    let method = DynamicMethod::new(path, idempotency);
    client(server).call_dynamic(method, &br#"{"text":"s3cret"}"#[..])
}

#[tokio::test]
async fn bytes_go_out_and_come_back() {
    let answer = r#"{"text":"s3cret too", "new":1}"#;
    let server = Server::start(vec![vec![json("200 OK", answer)]]).await;
    let call = call(&server, Idempotency::Unknown)
        .header("x-note", "a")
        .timeout(Duration::from_secs(5));
    assert!(!format!("{call:?}").contains("s3cret"));
    let mut answered = call.send().await.unwrap();
    assert_eq!(answered.status(), 200);
    assert_eq!(answered.headers()["content-type"], "application/json");
    answered.read().await.unwrap();
    assert_eq!(answered.body(), answer);
    assert!(!format!("{answered:?}").contains("s3cret"));
    assert_eq!(answered.message().unwrap(), answer);
    let requests = server.requests();
    assert!(requests[0].starts_with("POST /toy.v1.Toy/Any HTTP/1.1\r\n"));
    assert!(requests[0].contains("x-note: a\r\n"));
    assert!(requests[0].ends_with(r#"{"text":"s3cret"}"#));
}

#[tokio::test]
async fn errors_are_those_of_the_service() {
    let body = r#"{"code":"not_found","message":"no"}"#;
    let server = Server::start(vec![vec![json("404 Not Found", body)]]).await;
    let mut answered = call(&server, Idempotency::Unknown).send().await.unwrap();
    answered.read().await.unwrap();
    let error = answered.message().unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::NotFound, "no"));
    assert_eq!(error.method(), Some("/toy.v1.Toy/Any"));
    assert!(error.is_from_server());
}

#[tokio::test]
async fn an_unread_body_and_a_page_of_a_proxy() {
    let html = || response("200 OK", "content-type: text/html\r\n", "<p>");
    let server = Server::start(vec![vec![json("200 OK", "{}")], vec![html()]]).await;
    let unread = call(&server, Idempotency::Unknown).send().await.unwrap();
    let error = unread.message().unwrap_err();
    assert_eq!(error.code(), Code::FailedPrecondition);

    let mut page = call(&server, Idempotency::Unknown).send().await.unwrap();
    page.read().await.unwrap();
    assert_eq!(page.body(), "<p>");
    let error = page.message().unwrap_err();
    assert_eq!(error.code(), Code::Unknown);
    assert_eq!(error.execution(), Execution::Ambiguous);
}

/// What may be sent again is decided by what the caller says of the method.
#[tokio::test]
async fn a_refused_header_and_a_signal_send_nothing() {
    let server = Server::start(vec![]).await;
    let error = call(&server, Idempotency::NoSideEffects)
        .header("content-type", "x")
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    let error = call(&server, Idempotency::NoSideEffects)
        .retry(RetryPolicy::none())
        .cancel_on(ready(()))
        .open()
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::Canceled);
    assert_eq!(error.execution(), Execution::NotSent);
    let nowhere = DynamicMethod::new("/toy.v1.Toy/ a\n", Idempotency::Unknown);
    let error = client(&server)
        .call_dynamic(nowhere, &b"{}"[..])
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.execution(), Execution::NotSent);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_stream_to_its_end_and_one_cut_short() {
    let end = || envelope(2, r#"{"metadata":{"X-Sum":["2"]}}"#);
    let server = Server::start(vec![
        vec![stream(&[said("one"), said("two"), end()])],
        vec![stream(&[said("one")])],
    ])
    .await;
    let mut streaming = call(&server, Idempotency::NoSideEffects)
        .open()
        .await
        .unwrap();
    assert_eq!(
        streaming.headers()["content-type"],
        "application/connect+json"
    );
    for text in ["one", "two"] {
        let expected = format!(r#"{{"text":"{text}"}}"#);
        assert_eq!(streaming.message().await.unwrap().unwrap(), expected);
    }
    assert!(streaming.message().await.unwrap().is_none());
    assert_eq!(streaming.trailers()["x-sum"], "2");

    let mut cut = call(&server, Idempotency::NoSideEffects)
        .open()
        .await
        .unwrap();
    assert!(cut.message().await.unwrap().is_some());
    assert_eq!(cut.message().await.unwrap_err().code(), Code::Internal);
    assert!(cut.message().await.unwrap().is_none());
}
