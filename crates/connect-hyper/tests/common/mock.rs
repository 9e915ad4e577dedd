//! A transport without sockets, for time that is paused and for origins that don't exist.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use connect_hyper::{BoxError, Code, Error, RequestBody};
use http_body_util::{BodyExt as _, Full};
use tokio::time::Instant;
use tower_service::Service;

/// What the transport does with a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Status, headers and body.
    Respond(u16, Vec<(&'static str, String)>, Bytes),
    /// Fails without a look at the body.
    FailUnread,
    /// Fails likewise, and proves that nothing was sent.
    NotSent,
    /// Fails when it has read the body.
    Fail,
    /// Never answers.
    Hang,
}

pub fn respond(status: u16, content_type: &str, body: impl Into<Bytes>) -> Answer {
    let headers = vec![("content-type", content_type.to_owned())];
    Answer::Respond(status, headers, body.into())
}

pub fn ok() -> Answer {
    respond(200, "application/json", r#"{"text":"done"}"#)
}

pub fn told(code: &str) -> Answer {
    respond(400, "application/json", format!(r#"{{"code":"{code}"}}"#))
}

pub fn unavailable() -> Answer {
    respond(503, "text/html", "<html>")
}

impl Answer {
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Answer::Respond(_, headers, _) = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub at: Instant,
    pub method: http::Method,
    pub uri: String,
    pub headers: http::HeaderMap,
    /// Empty if it wasn't read.
    pub body: Bytes,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Answers the requests one after the other, and fails those beyond.
#[derive(Debug, Clone, Default)]
pub struct Mock {
    script: Arc<Mutex<std::collections::VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Mock {
    pub fn new(script: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            script: Arc::new(Mutex::new(script.into_iter().collect())),
            seen: Arc::default(),
        }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

type Response = http::Response<Full<Bytes>>;

impl Service<http::Request<RequestBody>> for Mock {
    type Response = Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<RequestBody>) -> Self::Future {
        let mock = self.clone();
        Box::pin(async move {
            let answer = mock.script.lock().unwrap().pop_front();
            let (head, body) = request.into_parts();
            let at = Instant::now();
            let body = match &answer {
                Some(Answer::FailUnread | Answer::NotSent) => Bytes::new(),
                _ => body.collect().await?.to_bytes(),
            };
            mock.seen.lock().unwrap().push(Seen {
                at,
                method: head.method,
                uri: head.uri.to_string(),
                headers: head.headers,
                body,
            });
            match answer {
                None => Err("nothing more is expected".into()),
                Some(Answer::Fail | Answer::FailUnread) => Err("the line is dead".into()),
                Some(Answer::NotSent) => Err(Error::new(Code::Unavailable, "no connection").into()),
                Some(Answer::Hang) => std::future::pending().await,
                Some(Answer::Respond(status, headers, body)) => {
                    let mut response = http::Response::builder().status(status);
                    for (name, value) in headers {
                        response = response.header(name, value);
                    }
                    Ok(response.body(Full::new(body))?)
                }
            }
        })
    }
}
