//! The spans and events of calls: what is in them, and what never is.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{
    Count, Look, Say, Server, Step, client, envelope, json, response, said, stream, word,
};
use connect_hyper::{Client, Code, Credential, RetryPolicy};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

type Fields = BTreeMap<String, String>;

/// Keeps all spans and events, at TRACE, of all libraries.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Collected>>);

#[derive(Default)]
struct Collected {
    spans: Vec<(&'static str, Fields)>,
    events: Vec<(&'static str, Fields)>,
}

struct Into<'a>(&'a mut Fields);

impl Visit for Into<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl Subscriber for Collector {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut collected = self.0.lock().unwrap();
        let mut fields = Fields::new();
        span.record(&mut Into(&mut fields));
        collected.spans.push((span.metadata().target(), fields));
        Id::from_u64(collected.spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let index = usize::try_from(span.into_u64()).unwrap() - 1;
        values.record(&mut Into(&mut self.0.lock().unwrap().spans[index].1));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::new();
        event.record(&mut Into(&mut fields));
        let target = event.metadata().target();
        self.0.lock().unwrap().events.push((target, fields));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Collector {
    /// What this crate's own spans have in the end.
    fn spans(&self) -> Vec<Fields> {
        Self::own(&self.0.lock().unwrap().spans)
    }

    fn events(&self) -> Vec<Fields> {
        Self::own(&self.0.lock().unwrap().events)
    }

    fn own(all: &[(&'static str, Fields)]) -> Vec<Fields> {
        all.iter()
            .filter(|(target, _)| target.starts_with("connect_hyper"))
            .map(|(_, fields)| fields.clone())
            .collect()
    }

    /// All that any library has told.
    fn all(&self) -> String {
        let collected = self.0.lock().unwrap();
        format!("{:?} {:?}", collected.spans, collected.events)
    }
}

/// Holds these fields, and those alone of these names.
fn assert_fields(found: &Fields, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        assert_eq!(
            found.get(*name).map(String::as_str),
            Some(*value),
            "{name} in {found:?}"
        );
    }
}

fn ok() -> Vec<Step> {
    vec![json("200 OK", r#"{"text":"done"}"#)]
}

#[tokio::test]
async fn a_span_a_call_and_an_event_an_attempt() {
    let collector = Collector::default();
    let _guard = tracing::subscriber::set_default(collector.clone());
    let down = response(
        "503 Service Unavailable",
        "content-type: text/html\r\n",
        "<html>",
    );
    let server = Server::start(vec![vec![down], ok()]).await;
    let policy = RetryPolicy::default().backoff(Duration::from_millis(1), Duration::from_millis(1));
    let client = Client::builder(&server.base).retry(policy).build().unwrap();
    client.call::<Look>(word("hi")).await.unwrap();

    let [span] = &collector.spans()[..] else {
        panic!("one span");
    };
    let port = server.base.rsplit(':').next().unwrap();
    assert_fields(
        span,
        &[
            ("otel.name", "toy.v1.Toy/Look"),
            ("otel.kind", "client"),
            ("rpc.system", "connect_rpc"),
            ("rpc.service", "toy.v1.Toy"),
            ("rpc.method", "Look"),
            ("rpc.attempts", "2"),
            ("server.address", "127.0.0.1"),
            ("server.port", port),
            ("http.response.status_code", "200"),
            ("http.request.body.size", "13"),
            ("http.response.body.size", "15"),
        ],
    );
    assert!(!span.contains_key("rpc.connect_rpc.error_code"), "{span:?}");

    let [first, second] = &collector.events()[..] else {
        panic!("two events: {:?}", collector.events());
    };
    for (event, number, status) in [(first, "1", "503"), (second, "2", "200")] {
        assert_fields(
            event,
            &[
                ("rpc.system", "connect_rpc"),
                ("rpc.service", "toy.v1.Toy"),
                ("rpc.method", "Look"),
                ("rpc.attempt", number),
                ("http.response.status_code", status),
                ("http.request.body.size", "13"),
            ],
        );
    }
    assert_fields(first, &[("rpc.connect_rpc.error_code", "unavailable")]);
    assert!(first.contains_key("rpc.wait_ms") && !second.contains_key("rpc.wait_ms"));
    assert!(!second.contains_key("rpc.connect_rpc.error_code"));
    assert_fields(second, &[("http.response.body.size", "15")]);
}

#[tokio::test]
async fn failures() {
    let collector = Collector::default();
    let _guard = tracing::subscriber::set_default(collector.clone());
    let server = Server::start(vec![
        vec![json("404 Not Found", r#"{"code":"not_found"}"#)],
        vec![json("200 OK", "[]")],
        vec![stream(&[said("one"), envelope(2, "{}")])],
        vec![json("404 Not Found", r#"{"code":"not_found"}"#)],
        vec![stream(&[
            said("one"),
            envelope(2, r#"{"error":{"code":"aborted"}}"#),
        ])],
    ])
    .await;
    let client = client(&server);
    client.call::<Say>(word("hi")).await.unwrap_err();
    // Its status is good, and it can't be read.
    client.call::<Say>(word("hi")).await.unwrap_err();
    drop(client.call::<Count>(word("hi")).await.unwrap());
    client.call::<Say>(word("hi")).send().await.unwrap();
    // Its attempt is a success, and its end is not.
    let mut ends = client.call::<Count>(word("hi")).await.unwrap();
    ends.message().await.unwrap();
    ends.message().await.unwrap_err();
    // Wrong before anything is sent: a span, and no attempt.
    let wrong = client.call::<Say>(word("hi")).header("connect-x", "");
    assert_eq!(wrong.await.unwrap_err().code(), Code::InvalidArgument);

    let code = "rpc.connect_rpc.error_code";
    let codes = |all: &[Fields]| -> Vec<Option<String>> {
        all.iter().map(|fields| fields.get(code).cloned()).collect()
    };
    let some = |code: &str| Some(code.to_owned());
    assert_eq!(
        codes(&collector.spans()),
        [
            some("not_found"),
            some("internal"),
            None,
            None,
            some("aborted"),
            some("invalid_argument")
        ]
    );
    assert_eq!(
        codes(&collector.events()),
        [some("not_found"), some("internal"), None, None, None]
    );
    assert_fields(&collector.spans()[0], &[("otel.status_code", "ERROR")]);
    assert_fields(
        &collector.events()[3],
        &[("http.response.status_code", "404")],
    );
}

/// At TRACE, of hyper and h2 too: no credential, no header's value, no body, no path of a redirect.
#[tokio::test]
async fn nothing_secret() {
    let collector = Collector::default();
    let _guard = tracing::subscriber::set_default(collector.clone());
    let header = "x-answer: sentinel-answer-header\r\ncontent-type: application/json\r\n";
    let location = "location: https://elsewhere.example/sentinel-path\r\n";
    let detail =
        r#"{"code":"unavailable","details":[{"type":"a.B","value":"c2VudGluZWwtZGV0YWls"}]}"#;
    let server = Server::start(vec![
        vec![response("503 Service Unavailable", header, detail)],
        vec![response("200 OK", header, r#"{"text":"sentinel-answer"}"#)],
        vec![response(
            "307 Temporary Redirect",
            location,
            "sentinel-redirect",
        )],
        vec![response("200 OK", header, "sentinel-garbage")],
        vec![response("502 Bad Gateway", "", "sentinel-page")],
    ])
    .await;
    let policy = RetryPolicy::default().backoff(Duration::ZERO, Duration::ZERO);
    let client = Client::builder(&server.base)
        .credential(Credential::bearer("sentinel-credential").unwrap())
        .header("x-client", "sentinel-client-header")
        .retry(policy)
        .build()
        .unwrap();
    let call = || {
        client
            .call::<Look>(word("sentinel-question"))
            .header("x-call", "sentinel-header")
    };
    call().await.unwrap();
    call().await.unwrap_err();
    call().await.unwrap_err();
    call().retry(RetryPolicy::none()).await.unwrap_err();
    assert_eq!(server.requests().len(), 5);
    assert_eq!(collector.events().len(), 5);
    let all = collector.all();
    assert!(all.contains("hyper"), "the libraries below are heard too");
    assert!(
        !all.contains("sentinel") && !all.contains("c2VudGluZWw"),
        "{all}"
    );
}
