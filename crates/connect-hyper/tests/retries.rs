//! What is attempted again, what isn't, and what the error says of it.

#![allow(clippy::unwrap_used)]

mod common;

use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Look, Say, Server, Step, json, response, word, write};
use connect_hyper::{Client, ClientBuilder, Code, Credential, Execution, RetryPolicy};

/// Waits that no test notices.
fn soon() -> RetryPolicy {
    RetryPolicy::default().backoff(Duration::from_millis(1), Duration::from_millis(1))
}

fn builder(server: &Server) -> ClientBuilder {
    Client::builder(&server.base).retry(soon())
}

fn ok() -> Vec<Step> {
    vec![json("200 OK", r#"{"text":"done"}"#)]
}

fn told(code: &str) -> Vec<Step> {
    vec![json("400 Bad Request", &format!(r#"{{"code":"{code}"}}"#))]
}

fn html(status: &str) -> Vec<Step> {
    vec![response(status, "content-type: text/html\r\n", "<html>")]
}

/// A response that is cut off.
fn cut() -> Vec<Step> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{";
    vec![write(head), Step::Close]
}

/// What a method without side effects is attempted again after.
#[tokio::test]
async fn after_what_passes() {
    for first in [
        told("unavailable"),
        told("resource_exhausted"),
        html("503 Service Unavailable"),
        html("502 Bad Gateway"),
        html("504 Gateway Timeout"),
        html("429 Too Many Requests"),
        vec![Step::Reset],
        vec![Step::Close],
        cut(),
    ] {
        let server = Server::start(vec![first.clone(), ok()]).await;
        let response = builder(&server)
            .build()
            .unwrap()
            .call::<Look>(word(""))
            .await;
        assert_eq!(response.unwrap().text, "done", "{first:?}");
        assert_eq!(server.requests().len(), 2, "{first:?}");
    }
}

/// And what nothing is attempted again after.
#[tokio::test]
async fn after_what_stays() {
    for code in [
        "canceled",
        "unknown",
        "invalid_argument",
        "deadline_exceeded",
        "not_found",
        "already_exists",
        "permission_denied",
        "failed_precondition",
        "aborted",
        "out_of_range",
        "unimplemented",
        "internal",
        "data_loss",
        "unauthenticated",
    ] {
        let server = Server::start(vec![told(code), ok()]).await;
        let client = builder(&server).build().unwrap();
        let error = client.call::<Look>(word("")).await.unwrap_err();
        assert_eq!((error.code().as_str(), error.attempts()), (code, 1));
        assert_eq!(server.requests().len(), 1, "{code}");
    }
    for first in [
        html("500 Internal Server Error"),
        html("408 Request Timeout"),
        html("404 Not Found"),
        vec![json("200 OK", "<garbage>")],
        html("200 OK"),
    ] {
        let server = Server::start(vec![first.clone(), ok()]).await;
        let client = builder(&server).build().unwrap();
        client.call::<Look>(word("")).await.unwrap_err();
        assert_eq!(server.requests().len(), 1, "{first:?}");
    }
}

/// What may have been executed is not done twice.
#[tokio::test]
async fn a_method_with_side_effects() {
    for first in [
        told("unavailable"),
        html("503 Service Unavailable"),
        html("429 Too Many Requests"),
        // Not the server's word: its code isn't one.
        vec![json("429 Too Many Requests", r#"{"code":"slow_down"}"#)],
        vec![Step::Reset],
        cut(),
    ] {
        let server = Server::start(vec![first.clone(), ok()]).await;
        let client = builder(&server).build().unwrap();
        let error = client.call::<Say>(word("")).await.unwrap_err();
        assert!(error.may_have_executed(), "{error}");
        assert_eq!(
            (server.requests().len(), error.attempts()),
            (1, 1),
            "{first:?}"
        );
    }
    let server = Server::start(vec![told("resource_exhausted"), ok()]).await;
    let client = builder(&server).build().unwrap();
    assert_eq!(client.call::<Say>(word("")).await.unwrap().text, "done");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn what_was_not_sent() {
    let client = Client::builder("http://127.0.0.1:1")
        .retry(soon())
        .build()
        .unwrap();
    let error = client.call::<Say>(word("")).await.unwrap_err();
    assert_eq!(error.execution(), Execution::NotSent);
    assert_eq!((error.code(), error.attempts()), (Code::Unavailable, 3));
    assert!(error.to_string().ends_with("(3 attempts)"), "{error}");
    assert!(error.elapsed() > Duration::ZERO);
}

#[tokio::test]
async fn off_with_one_line() {
    let server = Server::start(vec![told("unavailable"), told("unavailable"), ok()]).await;
    let client = Client::builder(&server.base)
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    let error = client.call::<Look>(word("")).await.unwrap_err();
    assert_eq!((server.requests().len(), error.attempts()), (1, 1));
    // A call's own policy counts more.
    let call = client.call::<Look>(word("")).retry(soon());
    assert_eq!(call.await.unwrap().text, "done");
}

#[tokio::test]
async fn the_error_is_that_of_all_attempts() {
    // The last attempt was refused; an earlier one may have been executed.
    let script = vec![html("503 Service Unavailable"), told("resource_exhausted")];
    let server = Server::start(script).await;
    let policy = soon().max_attempts(2);
    let client = builder(&server).retry(policy).build().unwrap();
    let error = client.call::<Look>(word("")).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert_eq!(error.execution(), Execution::Ambiguous);
    assert_eq!(error.attempts(), 2);

    // An answer came, and was cut off.
    let server = Server::start(vec![cut(), told("not_found")]).await;
    let client = builder(&server).build().unwrap();
    let error = client.call::<Look>(word("")).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    assert_eq!(error.execution(), Execution::Executed);

    // Errors of decoding tell of all attempts too.
    let server = Server::start(vec![told("unavailable"), vec![json("200 OK", "1")]]).await;
    let client = builder(&server).build().unwrap();
    let error = client.call::<Look>(word("")).await.unwrap_err();
    assert_eq!(
        (error.execution(), error.attempts()),
        (Execution::Executed, 2)
    );

    // Nothing was attempted.
    let call = client.call::<Look>(word("")).header("connect-x", "1");
    assert_eq!(call.await.unwrap_err().attempts(), 0);
}

/// A second attempt that is still going on when the deadline passes.
#[tokio::test]
async fn the_deadline_in_a_later_attempt() {
    let server = Server::start(vec![told("unavailable"), vec![Step::AwaitClose]]).await;
    let client = builder(&server).build().unwrap();
    let call = client
        .call::<Look>(word(""))
        .timeout(Duration::from_millis(100));
    let error = call.await.unwrap_err();
    assert_eq!(
        (error.code(), error.attempts()),
        (Code::DeadlineExceeded, 2)
    );
    assert_eq!(error.execution(), Execution::Ambiguous);
    assert!(error.elapsed() >= Duration::from_millis(100));
    let first = error
        .source()
        .unwrap()
        .downcast_ref::<connect_hyper::Error>();
    assert_eq!(first.unwrap().code(), Code::Unavailable);
    server.client_closed().await;
}

/// More than is granted, or than the deadline has room for: the error comes at once.
#[tokio::test]
async fn a_wait_that_is_too_long() {
    for (header, timeout) in [
        ("retry-after: 31", 300),
        ("retry-after: Fri, 01 Jan 2100 00:00:00 GMT", 300),
        ("ratelimit-retryafter: 7", 5),
    ] {
        let headers = format!("{header}\r\ncontent-type: text/html\r\n");
        let first = vec![response("503 Service Unavailable", &headers, "")];
        let server = Server::start(vec![first, ok()]).await;
        let client = builder(&server).build().unwrap();
        let call = client
            .call::<Look>(word(""))
            .timeout(Duration::from_secs(timeout));
        let error = tokio::time::timeout(Duration::from_secs(4), call);
        let error = error.await.expect("it waits").unwrap_err();
        assert_eq!(
            (error.code(), error.attempts()),
            (Code::Unavailable, 1),
            "{header}"
        );
        assert_eq!(
            error.metadata().len(),
            3,
            "what the server asked for is told"
        );
    }
}

/// `send()` hands a response out as soon as its head is here, whatever that says.
#[tokio::test]
async fn up_to_the_head() {
    let server = Server::start(vec![vec![Step::Close], html("503 Service Unavailable")]).await;
    let client = builder(&server).build().unwrap();
    let mut raw = client.call::<Look>(word("")).send().await.unwrap();
    assert_eq!(raw.status(), 503);
    raw.read().await.unwrap();
    let error = raw.decode().unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::Unavailable, 2));

    let server = Server::start(vec![cut()]).await;
    let client = builder(&server).build().unwrap();
    let mut raw = client.call::<Look>(word("")).send().await.unwrap();
    let error = raw.read().await.unwrap_err();
    assert_eq!(
        (error.execution(), error.attempts()),
        (Execution::Executed, 1)
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_hook_sees_every_attempt() {
    let script = vec![
        told("unavailable"),
        html("503 Service Unavailable"),
        ok(),
        told("aborted"),
    ];
    let server = Server::start(script).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let client = builder(&server)
        .credential(Credential::bearer("a-secret").unwrap())
        .on_attempt(move |attempt| {
            log.lock().unwrap().push((
                attempt.method(),
                attempt.number(),
                attempt.error_code(),
                attempt.http_status().map(|status| status.as_u16()),
                attempt.wait().is_some(),
            ));
            assert!(!format!("{attempt:?}").contains("secret"));
        })
        .build()
        .unwrap();
    client.call::<Look>(word("a secret")).await.unwrap();
    client.call::<Look>(word("a secret")).await.unwrap_err();
    let path = "/toy.v1.Toy/Look";
    assert_eq!(
        *seen.lock().unwrap(),
        [
            (path, 1, Some(Code::Unavailable), Some(400), true),
            (path, 2, Some(Code::Unavailable), Some(503), true),
            (path, 3, None, Some(200), false),
            (path, 1, Some(Code::Aborted), Some(400), false),
        ]
    );
}
