//! Tower layers around whole calls.

#![allow(clippy::unwrap_used)]

mod common;

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use common::mock::{Answer, Mock, ok, respond, told, unavailable};
use common::{Count, Gather, Look, Say, envelope, said, word};
use connect_hyper::{
    BoxError, Client, ClientBuilder, Code, Credential, Error, Execution, HttpService, RequestBody,
    Requests, ResponseBody,
};
use tower_layer::Layer;
use tower_service::Service;

type Request = http::Request<RequestBody>;
type Response = http::Response<ResponseBody>;
type Answering = Pin<Box<dyn Future<Output = Result<Response, BoxError>> + Send>>;

/// A layer, and the service that it makes: whatever `around` says.
#[derive(Clone)]
struct Around<F, S = ()> {
    around: F,
    inner: S,
}

fn around<F>(around: F) -> Around<F>
where
    F: Fn(Request, HttpService) -> Answering,
{
    Around { around, inner: () }
}

impl<F: Clone> Layer<HttpService> for Around<F> {
    type Service = Around<F, HttpService>;

    fn layer(&self, inner: HttpService) -> Self::Service {
        let around = self.around.clone();
        Around { around, inner }
    }
}

impl<F: Fn(Request, HttpService) -> Answering> Service<Request> for Around<F, HttpService> {
    type Response = Response;
    type Error = BoxError;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answering {
        (self.around)(request, self.inner.clone())
    }
}

/// Notes what passes, under a name.
fn noting(
    name: &'static str,
    log: &Log,
) -> Around<impl Fn(Request, HttpService) -> Answering + Clone + Send + Sync + 'static> {
    let log = log.clone();
    around(move |request, mut inner| {
        let log = log.clone();
        Box::pin(async move {
            log.note(format!("{name}: {} {}", request.method(), request.uri()));
            assert!(!request.headers().contains_key("authorization"));
            let result = inner.call(request).await;
            log.note(match &result {
                Ok(response) => format!("{name}: {}", response.status().as_u16()),
                Err(error) => format!("{name}: {} {}", error.code(), error.attempts()),
            });
            Ok(result?)
        })
    })
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn builder(mock: &Mock) -> ClientBuilder {
    Client::builder("https://example.com")
        .credential(Credential::bearer("a-token").unwrap())
        .transport(mock.clone())
}

const SAY: &str = "POST https://example.com/toy.v1.Toy/Look";

#[tokio::test(start_paused = true)]
async fn around_all_attempts() {
    let log = Log::default();
    let mock = Mock::new([unavailable(), unavailable(), ok(), told("not_found")]);
    let client = builder(&mock)
        .call_layer(noting("inner", &log))
        .call_layer(noting("outer", &log))
        .build()
        .unwrap();
    assert_eq!(client.call::<Look>(word("a")).await.unwrap().text, "done");
    let lines = [
        &format!("outer: {SAY}"),
        &format!("inner: {SAY}"),
        "inner: 200",
        "outer: 200",
    ];
    assert_eq!(log.lines(), lines);

    let error = client.call::<Look>(word("")).await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::NotFound, 1));
    assert_eq!(
        (error.is_from_server(), error.execution()),
        (true, Execution::Refused)
    );
    assert_eq!(
        log.lines()[6..],
        ["inner: not_found 1", "outer: not_found 1"]
    );
    assert_eq!(mock.seen().len(), 4);
}

/// What a layer changes holds for each attempt.
#[tokio::test(start_paused = true)]
async fn a_layer_changes_the_request() {
    let mock = Mock::new([unavailable().with("retry-after", "9"), ok()]);
    let client = builder(&mock)
        .header("x-default", "1")
        .call_layer(around(|mut request: Request, mut inner| {
            assert_eq!(request.headers()["x-default"], "1");
            assert_eq!(request.headers()["x-own"], "2");
            let value = http::HeaderValue::from_static("3");
            request.headers_mut().insert("x-layer", value);
            *request.uri_mut() = "https://example.com/elsewhere".parse().unwrap();
            Box::pin(async move { Ok(inner.call(request).await?) })
        }))
        .build()
        .unwrap();
    client
        .call::<Look>(word("a"))
        .header("x-own", "2")
        .await
        .unwrap();
    for (seen, timeout) in mock.seen().iter().zip(["30000", "21000"]) {
        assert_eq!(seen.uri, "https://example.com/elsewhere");
        assert_eq!(seen.header("authorization"), Some("Bearer a-token"));
        assert_eq!(seen.header("connect-timeout-ms"), Some(timeout));
        assert_eq!(
            ["x-default", "x-own", "x-layer"].map(|name| seen.header(name).unwrap()),
            ["1", "2", "3"]
        );
        assert_eq!(seen.body, r#"{"text":"a"}"#);
    }
    assert_eq!(mock.seen().len(), 2);
}

#[tokio::test]
async fn a_layer_that_answers_or_fails_on_its_own() {
    let mock = Mock::default();
    let client = builder(&mock)
        .call_layer(around(|request: Request, mut inner| {
            Box::pin(async move {
                if request.uri().path().ends_with("Say") {
                    return Err("too many calls".into());
                }
                // One that asks a question of its own is not understood.
                let body = request.into_body();
                Ok(inner.call(http::Request::new(body)).await?)
            })
        }))
        .build()
        .unwrap();
    let error = client.call::<Say>(word("")).await.unwrap_err();
    assert!(error.message().contains("too many calls"), "{error}");
    assert_eq!(
        (error.execution(), error.attempts()),
        (Execution::NotSent, 0)
    );
    let error = client.call::<Look>(word("")).await.unwrap_err();
    assert_eq!(
        (error.code(), error.execution()),
        (Code::Internal, Execution::NotSent)
    );
    assert!(mock.seen().is_empty());
}

/// A layer's own time limit, and the call's: either way it is known what was sent.
#[tokio::test(start_paused = true)]
async fn giving_up_in_the_middle() {
    let impatient = around(|request, mut inner: HttpService| -> Answering {
        Box::pin(async move {
            let limit = Duration::from_secs(10);
            Ok(tokio::time::timeout(limit, inner.call(request)).await??)
        })
    });
    let mock = Mock::new([
        unavailable().with("retry-after", "1"),
        Answer::Hang,
        unavailable().with("retry-after", "1"),
        Answer::Hang,
    ]);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    let client = builder(&mock)
        .call_layer(impatient)
        .on_attempt(move |attempt| {
            log.lock()
                .unwrap()
                .push((attempt.number(), attempt.error_code()))
        })
        .build()
        .unwrap();
    let error = client.call::<Look>(word("")).await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::Unavailable, 2));
    assert_eq!(error.execution(), Execution::Ambiguous);
    assert_eq!(error.elapsed(), Duration::from_secs(10));

    let call = client
        .call::<Look>(word(""))
        .timeout(Duration::from_secs(5));
    let error = call.await.unwrap_err();
    assert_eq!(
        (error.code(), error.attempts()),
        (Code::DeadlineExceeded, 2)
    );
    assert_eq!(error.execution(), Execution::Ambiguous);
    let (down, late) = (Some(Code::Unavailable), Some(Code::DeadlineExceeded));
    assert_eq!(
        *seen.lock().unwrap(),
        [(1, down), (2, down), (1, down), (2, late)]
    );
}

#[tokio::test]
async fn calls_of_every_kind() {
    let log = Log::default();
    let stream = |parts: &[Vec<u8>]| respond(200, "application/connect+json", parts.concat());
    let end = || envelope(2, "{}");
    let mock = Mock::new([
        stream(&[said("one"), said("two"), end()]),
        stream(&[said("done"), end()]),
        respond(404, "application/json", r#"{"code":"not_found"}"#),
    ]);
    let client = builder(&mock)
        .call_layer(noting("layer", &log))
        .build()
        .unwrap();

    let mut words = client.call::<Count>(word("")).await.unwrap();
    for expected in [Some("one"), Some("two"), None] {
        let found = words.message().await.unwrap().map(|word| word.text);
        assert_eq!(found.as_deref(), expected);
    }
    let requests = Requests::new(futures_util::stream::iter([word("a"), word("b")]));
    assert_eq!(client.call::<Gather>(requests).await.unwrap().text, "done");
    assert_eq!(mock.seen()[1].body, [said("a"), said("b")].concat());

    let mut raw = client.call::<Say>(word("")).send().await.unwrap();
    assert_eq!(raw.status(), 404);
    raw.read().await.unwrap();
    let error: Error = raw.decode().unwrap_err();
    assert_eq!(
        (error.execution(), error.attempts()),
        (Execution::Refused, 1)
    );
    assert_eq!(log.lines().len(), 6);
}
