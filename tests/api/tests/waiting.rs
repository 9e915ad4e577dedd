//! When things happen while somebody waits, to the millisecond: in time that is paused, with a
//! transport that says nothing or little.

#![allow(clippy::unwrap_used)]

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use gitpod_client::types::v1::{GetRunnerRequest, Runner, WatchEventsRequest};
use gitpod_client::watch::{Notice, Seen};
use gitpod_client::{Client, Code, RequestBody, http};
use http_body_util::Full;
use tokio::time::Instant;
use tower_service::Service;

/// A service whose streams never open, and whose resources are read or aren't.
#[derive(Clone)]
struct Quiet {
    /// The response to reads; none hang.
    answer: Option<&'static str>,
    /// What came, and when.
    came: Arc<Mutex<Vec<(String, Duration)>>>,
    began: Instant,
}

type Answer = Result<http::Response<Full<Bytes>>, Infallible>;

impl Service<http::Request<RequestBody>> for Quiet {
    type Response = http::Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<RequestBody>) -> Self::Future {
        let path = request.uri().path();
        let method = path.rsplit('/').next().unwrap().to_owned();
        let answer = self.answer.filter(|_| method == "GetRunner");
        let at = self.began.elapsed();
        self.came.lock().unwrap().push((method, at));
        Box::pin(async move {
            let Some(json) = answer else {
                return std::future::pending().await;
            };
            let response = http::Response::builder().header("content-type", "application/json");
            Ok(response.body(Full::from(json)).unwrap())
        })
    }
}

fn quiet(answer: Option<&'static str>) -> (Client, Quiet) {
    with_timeout(None, answer)
}

fn with_timeout(timeout: Option<Duration>, answer: Option<&'static str>) -> (Client, Quiet) {
    let quiet = Quiet {
        answer,
        came: Arc::default(),
        began: Instant::now(),
    };
    let service = quiet.clone();
    let client = Client::builder()
        .base_url("http://127.0.0.1:1")
        .timeout(timeout)
        .runtime(|runtime| runtime.transport(service))
        .build()
        .unwrap();
    (client, quiet)
}

fn request() -> GetRunnerRequest {
    GetRunnerRequest {
        runner_id: "7d4b4b1e-54ec-4b9a-a5b5-6ae6ec6c5a5c".to_owned(),
    }
}

fn came(quiet: &Quiet) -> Vec<(String, u64)> {
    let came = quiet.came.lock().unwrap();
    let seconds = |(method, at): &(String, Duration)| (method.clone(), at.as_secs());
    came.iter().map(seconds).collect()
}

fn at(method: &str, seconds: u64) -> (String, u64) {
    (method.to_owned(), seconds)
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_kept_whatever_hangs() {
    for seconds in [1, 3, 10, 3600] {
        let (client, quiet) = quiet(None);
        let call = client.runner().get_runner(request());
        let deadline = Duration::from_secs(seconds);
        let error = client
            .wait_until(call, |_| true, deadline)
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::DeadlineExceeded);
        let late = quiet.began.elapsed() - deadline;
        assert!(late <= Duration::from_millis(2), "{late:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_does_not_open_is_waited_for_three_seconds() {
    let (client, quiet) = quiet(None);
    let call = client.runner().get_runner(request());
    let deadline = Duration::from_secs(100);
    client
        .wait_until(call, |_| true, deadline)
        .await
        .unwrap_err();
    assert_eq!(came(&quiet), [at("WatchEvents", 0), at("GetRunner", 3)]);
}

#[tokio::test(start_paused = true)]
async fn without_events_it_is_read_every_thirty_seconds() {
    let (client, quiet) = quiet(Some(r#"{"runner": {"name": "a runner"}}"#));
    let call = client.runner().get_runner(request());
    let mut reads = 0;
    let third = |runner: &Runner| {
        assert_eq!(runner.name, "a runner");
        reads += 1;
        reads == 3
    };
    client
        .wait_until(call, third, Duration::from_secs(100))
        .await
        .unwrap();
    let expected = [
        at("WatchEvents", 0),
        at("GetRunner", 3),
        at("GetRunner", 33),
        at("GetRunner", 63),
    ];
    assert_eq!(came(&quiet), expected);
}

/// A service that sends its headers with the first event has none to send for hours, and the client's
/// deadline passes before or behind the first read.
#[tokio::test(start_paused = true)]
async fn silence_is_no_outage() {
    let hours = Duration::from_secs(7200);
    for seconds in [1, 30] {
        let timeout = Some(Duration::from_secs(seconds));
        let (client, quiet) = with_timeout(timeout, Some(r#"{"runner": {}}"#));
        let mut watcher = client.watch(client.runner().get_runner(request()));
        let mut feed = client.event_feed(WatchEventsRequest::default());
        while quiet.began.elapsed() < hours {
            let before = Instant::now();
            let seen = watcher.try_next().await.unwrap().unwrap();
            assert!(matches!(seen, Seen::Reread(_)), "{seen:?}");
            assert_eq!(feed.try_next().await.unwrap(), Some(Notice::Reread));
            let apart = before.elapsed();
            assert!(apart < Duration::from_secs(70), "{apart:?}");
        }
    }
}

/// Who doesn't answer reads either isn't there.
#[tokio::test(start_paused = true)]
async fn silence_of_reads_too_is_an_outage() {
    let (client, quiet) = with_timeout(Some(Duration::from_secs(30)), None);
    let mut watcher = client.watch(client.runner().get_runner(request()));
    let error = watcher.try_next().await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    let minutes = quiet.began.elapsed().as_secs() / 60;
    assert!((10..=20).contains(&minutes), "{minutes} min");
}
