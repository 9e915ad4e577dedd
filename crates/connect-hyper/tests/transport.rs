//! The seam for a transport of the user's own.

#![allow(clippy::unwrap_used)]

mod common;

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use common::{Say, word};
use connect_hyper::{Client, Code, Execution, RequestBody};
use http_body_util::Full;
use tower_service::Service;

/// Answers without a socket, or fails.
#[derive(Clone)]
struct Canned(Result<&'static str, &'static str>);

impl Service<http::Request<RequestBody>> for Canned {
    type Response = http::Response<Full<Bytes>>;
    type Error = connect_hyper::BoxError;
    type Future = Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<RequestBody>) -> Self::Future {
        assert_eq!(request.uri(), "https://example.com/api/toy.v1.Toy/Say");
        ready(self.0.map_err(Into::into).map(|body| {
            let mut response = http::Response::new(Full::from(body));
            let kind = http::HeaderValue::from_static("application/json");
            response.headers_mut().insert("content-type", kind);
            response
        }))
    }
}

fn client(answer: Result<&'static str, &'static str>) -> Client {
    Client::builder("https://example.com/api")
        .transport(Canned(answer))
        .build()
        .unwrap()
}

#[tokio::test]
async fn it_gets_every_request() {
    let client = client(Ok(r#"{"text":"canned"}"#));
    assert_eq!(client.call::<Say>(word("hi")).await.unwrap().text, "canned");
}

#[tokio::test]
async fn of_its_failures_nothing_is_known() {
    let error = client(Err("the line is dead"))
        .call::<Say>(word("hi"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert_eq!(error.execution(), Execution::Ambiguous);
    assert!(error.message().contains("the line is dead"), "{error}");
}
