//! How long a call waits between its attempts, and for what. Time is paused: nothing sleeps.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::mock::{Answer, Mock, ok, respond, told, unavailable};
use common::{Gather, Look, Say, Word, envelope, word};
use connect_hyper::{
    Client, ClientBuilder, ClientStreaming, Code, CredentialFuture, CredentialProvider, Error,
    ErrorDetail, Execution, Idempotency, Method, Requests, RetryPolicy, ServerStreaming, rpc,
};
use prost::Message as _;
use tokio::time::Instant;

fn builder(mock: &Mock) -> ClientBuilder {
    Client::builder("https://example.com").transport(mock.clone())
}

fn client(mock: &Mock) -> Client {
    builder(mock).build().unwrap()
}

/// The waits before each attempt but the first.
fn waits(mock: &Mock) -> Vec<Duration> {
    mock.seen()
        .windows(2)
        .map(|two| two[1].at - two[0].at)
        .collect()
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A response that tells of a `RetryInfo`.
fn retry_info(seconds: i64) -> Answer {
    use base64::Engine as _;
    let retry_delay = Some(rpc::Duration { seconds, nanos: 0 });
    let value = rpc::RetryInfo { retry_delay }.encode_to_vec();
    let value = base64::engine::general_purpose::STANDARD_NO_PAD.encode(value);
    let body = format!(
        r#"{{"code":"unavailable","details":[{{"type":"google.rpc.RetryInfo","value":"{value}"}}]}}"#
    );
    respond(503, "application/json", body)
}

#[tokio::test(start_paused = true)]
async fn what_the_server_asks_for() {
    let mock = Mock::new([
        retry_info(3)
            .with("ratelimit-retryafter", "5")
            .with("retry-after", "7"),
        unavailable()
            .with("ratelimit-retryafter", "5")
            .with("retry-after", "7"),
        unavailable().with("retry-after", "7"),
        told("resource_exhausted")
            .with("date", "Sun, 06 Nov 1994 08:49:37 GMT")
            .with("retry-after", "Sun, 06 Nov 1994 08:49:39 GMT"),
        ok(),
    ]);
    let call = client(&mock).call::<Look>(word(""));
    call.retry(RetryPolicy::default().max_attempts(5))
        .await
        .unwrap();
    assert_eq!(waits(&mock), [3, 5, 7, 2].map(secs));
}

#[tokio::test(start_paused = true)]
async fn more_than_is_granted() {
    let mock = Mock::new([unavailable().with("retry-after", "11"), ok()]);
    let policy = RetryPolicy::default().max_server_wait(secs(10));
    let error = client(&mock)
        .call::<Look>(word(""))
        .retry(policy)
        .await
        .unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::Unavailable, 1));
    assert_eq!(error.elapsed(), Duration::ZERO);
}

/// The server hears of the time that is left, and a wait that doesn't fit isn't begun.
#[tokio::test(start_paused = true)]
async fn within_the_deadline() {
    let asks = || unavailable().with("retry-after", "8");
    let mock = Mock::new([asks(), asks(), asks(), ok()]);
    let begun = Instant::now();
    let call = client(&mock).call::<Look>(word("")).timeout(secs(20));
    let error = call
        .retry(RetryPolicy::default().max_attempts(9))
        .await
        .unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::Unavailable, 3));
    assert_eq!((error.elapsed(), begun.elapsed()), (secs(16), secs(16)));
    let told: Vec<_> = mock
        .seen()
        .iter()
        .map(|seen| seen.header("connect-timeout-ms").unwrap().to_owned())
        .collect();
    assert_eq!(told, ["20000", "12000", "4000"]);
}

#[tokio::test(start_paused = true)]
async fn backoff_has_an_upper_limit() {
    let mock = Mock::new((0..20).map(|_| unavailable()));
    let policy = RetryPolicy::default()
        .max_attempts(20)
        .backoff(secs(1), secs(4));
    let call = client(&mock)
        .call::<Look>(word(""))
        .retry(policy)
        .timeout(None);
    assert_eq!(call.await.unwrap_err().attempts(), 20);
    let waits = waits(&mock);
    for (wait, limit) in waits.iter().zip([1, 2, 4, 4, 4]) {
        assert!(*wait <= secs(limit) + Duration::from_millis(1), "{waits:?}");
    }
    // Full jitter: they differ.
    assert!(waits.iter().any(|wait| wait != &waits[0]), "{waits:?}");
}

/// The deadline of the whole call is nobody's reason to start again.
#[tokio::test(start_paused = true)]
async fn the_deadline_is_the_end() {
    let mock = Mock::new([unavailable().with("retry-after", "1"), Answer::Hang]);
    let error = client(&mock)
        .call::<Look>(word(""))
        .timeout(secs(5))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.attempts()),
        (Code::DeadlineExceeded, 2)
    );
    assert_eq!(
        (error.elapsed(), error.execution()),
        (secs(5), Execution::Ambiguous)
    );
}

/// A provider that hangs keeps everything back.
#[tokio::test(start_paused = true)]
async fn the_deadline_before_anything_is_sent() {
    #[derive(Debug)]
    struct Hangs;
    impl CredentialProvider for Hangs {
        fn credential(&self) -> CredentialFuture<'_> {
            Box::pin(std::future::pending())
        }
    }
    let mock = Mock::default();
    let client = builder(&mock).credential_provider(Hangs).build().unwrap();
    let error = client.call::<Say>(word("")).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(error.execution(), Execution::NotSent);
    assert!(mock.seen().is_empty());
}

/// Giving up tells what was sent by then.
#[tokio::test(start_paused = true)]
async fn given_up() {
    let after = |seconds| tokio::time::sleep(secs(seconds));
    for (answer, first, attempts, execution) in [
        (Answer::Hang, unavailable(), 2, Execution::Ambiguous),
        (
            Answer::Hang,
            told("resource_exhausted"),
            2,
            Execution::Ambiguous,
        ),
        // Between the two attempts.
        (ok(), unavailable(), 1, Execution::Ambiguous),
        (ok(), told("resource_exhausted"), 1, Execution::Refused),
    ] {
        let wait = if attempts == 1 { "9" } else { "1" };
        let mock = Mock::new([first.with("retry-after", wait), answer]);
        let call = client(&mock).call::<Look>(word("")).cancel_on(after(5));
        let error = call.await.unwrap_err();
        assert_eq!((error.code(), error.attempts()), (Code::Canceled, attempts));
        assert_eq!((error.execution(), error.elapsed()), (execution, secs(5)));
    }
    let mock = Mock::default();
    let call = client(&mock).call::<Say>(word("")).cancel_on(async {});
    let error = call.await.unwrap_err();
    assert_eq!(
        (error.execution(), error.attempts()),
        (Execution::NotSent, 0)
    );
}

/// In an outage a client sends few requests beyond its calls.
#[tokio::test(start_paused = true)]
async fn a_budget_for_all_calls() {
    // 50 calls of 3 attempts use it up; the one behind them is made once.
    let outage = (0..151).map(|_| unavailable());
    // Five calls that succeed pay for another retry.
    let after = (0..5).map(|_| ok()).chain([unavailable(), ok()]);
    let mock = Mock::new(outage.chain(after));
    let client = client(&mock);
    for attempts in [3; 50].into_iter().chain([1]) {
        // Clones share it.
        let error = client.clone().call::<Look>(word("")).await.unwrap_err();
        assert_eq!(error.attempts(), attempts);
    }
    for _ in 0..6 {
        client.call::<Look>(word("")).await.unwrap();
    }
    assert_eq!(mock.seen().len(), 151 + 5 + 2);
}

/// An idempotent method that answers with a stream.
#[derive(Debug)]
enum Watch {}

impl Method for Watch {
    type Request = Word;
    type Response = Word;
    type Kind = ServerStreaming;
    const PATH: &'static str = "/toy.v1.Toy/Watch";
    const IDEMPOTENCY: Idempotency = Idempotency::NoSideEffects;
}

/// An idempotent method that takes a stream.
#[derive(Debug)]
enum Put {}

impl Method for Put {
    type Request = Word;
    type Response = Word;
    type Kind = ClientStreaming;
    const PATH: &'static str = "/toy.v1.Toy/Put";
    const IDEMPOTENCY: Idempotency = Idempotency::Idempotent;
}

fn stream(envelopes: &[Vec<u8>]) -> Answer {
    respond(200, "application/connect+json", envelopes.concat())
}

#[tokio::test(start_paused = true)]
async fn a_stream_until_it_has_begun() {
    let failure = envelope(2, r#"{"error":{"code":"unavailable"}}"#);
    let mock = Mock::new([
        unavailable(),
        Answer::Fail,
        stream(&[common::said("one"), failure]),
        stream(&[]),
    ]);
    let mut stream = client(&mock).call::<Watch>(word("")).await.unwrap();
    assert_eq!(stream.message().await.unwrap().unwrap().text, "one");
    let error = stream.message().await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::Unavailable, 3));
    assert_eq!(mock.seen().len(), 3, "not again once it has begun");
}

/// A stream of requests is asked for nothing twice.
#[tokio::test(start_paused = true)]
async fn a_stream_of_requests() {
    let answer = || stream(&[common::said("done"), envelope(2, "{}")]);
    let words = || Requests::new(futures_util::stream::iter([word("a"), word("b")]));
    let mock = Mock::new([Answer::FailUnread, Answer::FailUnread, answer()]);
    let response = client(&mock).call::<Put>(words()).await.unwrap();
    assert_eq!(response.text, "done");
    let sent = [common::said("a"), common::said("b")].concat();
    assert_eq!(mock.seen().last().unwrap().body, sent, "all of it, once");

    let mock = Mock::new([Answer::Fail, answer()]);
    let error = client(&mock).call::<Put>(words()).await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::Unavailable, 1));

    // A method with side effects, and proof that nothing was sent.
    let mock = Mock::new([Answer::NotSent, answer()]);
    let response = client(&mock).call::<Gather>(words()).await.unwrap();
    assert_eq!(response.text, "done");
    assert_eq!(mock.seen().last().unwrap().body, sent);

    // Of a transport of the user's own nothing is known.
    let mock = Mock::new([Answer::FailUnread, answer()]);
    let error = client(&mock).call::<Gather>(words()).await.unwrap_err();
    assert_eq!(
        (error.execution(), error.attempts()),
        (Execution::Ambiguous, 1)
    );
}

/// A detail is found by its type, whatever stands around it.
#[test]
fn details() {
    let error = Error::new(Code::Unavailable, "");
    assert_eq!(error.details::<rpc::RetryInfo>().count(), 0);
    let by_url = ErrorDetail::new("type.googleapis.com/google.rpc.RetryInfo", vec![]);
    assert_eq!(by_url.type_name(), "google.rpc.RetryInfo");
    assert_eq!(
        by_url.type_url(),
        "type.googleapis.com/google.rpc.RetryInfo"
    );
}
