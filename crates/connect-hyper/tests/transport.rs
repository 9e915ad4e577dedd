//! The seam for a transport of the user's own, and for layers around ours.

#![allow(clippy::unwrap_used)]

mod common;

use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use common::{Look, Say, Server, json, word};
use connect_hyper::{
    BoxError, Client, Code, Execution, HttpService, RequestBody, ResponseBody, RetryPolicy,
};
use http_body_util::Full;
use tower_layer::Layer;
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

type Request = http::Request<RequestBody>;
type Answering =
    Pin<Box<dyn Future<Output = Result<http::Response<ResponseBody>, BoxError>> + Send>>;

/// A layer that notes its name for every attempt, and fails those before `fails`.
#[derive(Clone)]
struct Noting<S = ()> {
    name: &'static str,
    fails: u32,
    seen: Arc<Mutex<Vec<(&'static str, http::Uri)>>>,
    inner: S,
}

impl Layer<HttpService> for Noting {
    type Service = Noting<HttpService>;

    fn layer(&self, inner: HttpService) -> Self::Service {
        Noting {
            name: self.name,
            fails: self.fails,
            seen: self.seen.clone(),
            inner,
        }
    }
}

impl Service<Request> for Noting<HttpService> {
    type Response = http::Response<ResponseBody>;
    type Error = BoxError;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answering {
        let mut seen = self.seen.lock().unwrap();
        seen.push((self.name, request.uri().clone()));
        let own = seen.iter().filter(|(name, _)| *name == self.name).count();
        if own <= self.fails as usize {
            return Box::pin(ready(Err("the layer's own failure".into())));
        }
        let mut inner = self.inner.clone();
        Box::pin(async move { inner.call(request).await.map_err(Into::into) })
    }
}

/// Each attempt goes through all of them, the last one first, with a URI that says where to.
#[tokio::test]
async fn layers_are_around_every_attempt() {
    let server = Server::start(vec![
        vec![json("503 Service Unavailable", "{}")],
        vec![json("200 OK", r#"{"text":"hi"}"#)],
    ])
    .await;
    let inner = Noting {
        name: "inner",
        fails: 0,
        seen: Arc::default(),
        inner: (),
    };
    let outer = Noting {
        name: "outer",
        fails: 1,
        ..inner.clone()
    };
    let client = Client::builder(&server.base)
        .layer(inner.clone())
        .layer(outer)
        .build()
        .unwrap();
    assert_eq!(client.call::<Look>(word("hi")).await.unwrap().text, "hi");
    let seen = inner.seen.lock().unwrap().clone();
    let names: Vec<_> = seen.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["outer", "outer", "inner", "outer", "inner"]);
    let uri: http::Uri = format!("{}/toy.v1.Toy/Look", server.base).parse().unwrap();
    assert!(seen.iter().all(|(_, seen)| *seen == uri));
    assert_eq!(server.requests().len(), 2);
}

/// What the transport has proven is as true behind a layer; of the layer's own failure nothing is.
#[tokio::test]
async fn what_failures_mean_passes_layers() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for (fails, execution) in [(0, Execution::NotSent), (9, Execution::Ambiguous)] {
        let client = Client::builder(&base)
            .retry(RetryPolicy::none())
            .layer(Noting {
                name: "only",
                fails,
                seen: Arc::default(),
                inner: (),
            })
            .build()
            .unwrap();
        let error = client.call::<Say>(word("hi")).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable);
        assert_eq!(error.execution(), execution, "{error}");
    }
}
