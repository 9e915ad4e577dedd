//! Calls that stream, over a real socket, against a server that does what each test tells it to.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{
    Count, Gather, Server, Step, Word, client, envelope, json, response, said, stream, word, write,
};
use connect_hyper::{Client, Code, Codec, Error, Execution, Requests};
use tokio::sync::Notify;

fn end() -> Vec<u8> {
    envelope(2, "{}")
}

/// Reads a stream to its end: the texts, and the error.
async fn read(server: &Server) -> (Vec<String>, Option<Error>) {
    let mut stream = match client(server).call::<Count>(word("3")).await {
        Ok(stream) => stream,
        Err(error) => return (vec![], Some(error)),
    };
    let mut texts = Vec::new();
    loop {
        match stream.message().await {
            Ok(Some(Word { text })) => texts.push(text),
            Ok(None) => return (texts, None),
            Err(error) => {
                // Checklist 24: the end, again and again.
                for _ in 0..3 {
                    assert!(stream.message().await.unwrap().is_none());
                }
                return (texts, Some(error));
            }
        }
    }
}

#[tokio::test]
async fn messages_until_the_end() {
    let server = Server::start(vec![vec![stream(&[
        said("one"),
        said("two"),
        envelope(2, r#"{"metadata":{"X-Sum":["2"]}}"#),
    ])]])
    .await;
    let call = client(&server).call::<Count>(word("2"));
    let mut stream = call.header("x-note", "a").await.unwrap();
    assert_eq!(stream.headers()["content-type"], "application/connect+json");
    assert_eq!(stream.message().await.unwrap(), Some(word("one")));
    assert!(stream.trailers().is_empty());
    assert_eq!(stream.message().await.unwrap(), Some(word("two")));
    assert_eq!(stream.message().await.unwrap(), None);
    assert_eq!(stream.trailers()["x-sum"], "2");
    assert_eq!(stream.message().await.unwrap(), None);

    let request = &server.requests()[0];
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "\0\0\0\0\u{c}{\"text\":\"2\"}");
    for line in [
        "content-type: application/connect+json",
        "accept-encoding: identity",
        "connect-protocol-version: 1",
        "x-note: a",
    ] {
        assert!(head.lines().any(|found| found == line), "{line}: {head}");
    }
    assert!(
        !head.contains("connect-timeout-ms"),
        "the client's deadline is the start's alone"
    );
}

#[tokio::test]
async fn binary() {
    let server = Server::start(vec![vec![response(
        "200 OK",
        "content-type: application/connect+proto\r\n",
        [envelope(0, "\n\u{2}ho"), envelope(0, ""), end()].concat(),
    )]])
    .await;
    let client = Client::builder(&server.base)
        .codec(Codec::Binary)
        .build()
        .unwrap();
    let mut stream = client.call::<Count>(word("2")).await.unwrap();
    assert_eq!(stream.message().await.unwrap(), Some(word("ho")));
    assert_eq!(stream.message().await.unwrap(), Some(word("")));
    assert_eq!(stream.message().await.unwrap(), None);
}

/// Checklist 24, and 22.
#[tokio::test]
async fn an_error_behind_messages() {
    let server = Server::start(vec![vec![stream(&[
        said("one"),
        envelope(
            2,
            r#"{"error":{"code":"aborted","message":"enough"},"metadata":{"x-a":["1"]}}"#,
        ),
    ])]])
    .await;
    let (texts, error) = read(&server).await;
    assert_eq!(texts, ["one"]);
    let error = error.unwrap();
    assert_eq!((error.code(), error.message()), (Code::Aborted, "enough"));
    assert_eq!(error.metadata()["x-a"], "1");
    assert!(error.is_from_server());
}

/// Checklist 17: an HTML page is never read as an envelope of 1.7 GB.
#[tokio::test]
async fn something_else_answers() {
    for (step, code) in [
        (
            response("200 OK", "content-type: text/html\r\n", "<html>"),
            Code::Unknown,
        ),
        (json("200 OK", "{}"), Code::Unknown),
        (response("200 OK", "", ""), Code::Unknown),
        (
            response("200 OK", "content-type: application/connect+proto\r\n", ""),
            Code::Internal,
        ),
        (
            response("404 Not Found", "content-type: text/html\r\n", ""),
            Code::Unimplemented,
        ),
        (
            response("503 Busy", "content-type: application/connect+json\r\n", ""),
            Code::Unavailable,
        ),
        (
            response(
                "200 OK",
                "content-type: application/connect+json\r\nconnect-content-encoding: deflate\r\n",
                end(),
            ),
            Code::Internal,
        ),
    ] {
        let server = Server::start(vec![vec![step.clone()]]).await;
        let (texts, error) = read(&server).await;
        assert!(texts.is_empty());
        let error = error.unwrap();
        assert_eq!(error.code(), code, "{step:?}");
        assert!(error.may_have_executed() && !error.is_from_server());
    }
}

/// Checklist 18 to 21: what breaks a stream, behind a message that is delivered first.
#[tokio::test]
async fn broken_streams() {
    let gzip = |data: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    };
    for (what, rest, code) in [
        ("no end", vec![], Code::Internal),
        ("half a header", vec![0, 0], Code::Internal),
        (
            "half a message",
            envelope(0, "{}")[..6].to_vec(),
            Code::Internal,
        ),
        ("unknown flags", envelope(4, "{}"), Code::Internal),
        (
            "compressed without an encoding",
            envelope(1, gzip(b"{}")),
            Code::Internal,
        ),
        ("not JSON", envelope(0, "{"), Code::Internal),
        ("an empty message in JSON", envelope(0, ""), Code::Internal),
        ("a malformed end", envelope(2, "{"), Code::Internal),
        ("an empty end", envelope(2, ""), Code::Internal),
        ("two ends", [end(), end()].concat(), Code::Internal),
        (
            "a message behind the end",
            [end(), said("late")].concat(),
            Code::Internal,
        ),
        (
            "a byte behind the end",
            [end(), vec![0]].concat(),
            Code::Internal,
        ),
        (
            "a length of 4 GiB behind the end",
            [end(), vec![0, 255, 255, 255, 255]].concat(),
            Code::Internal,
        ),
        (
            "a length of 4 GiB",
            vec![0, 255, 255, 255, 255],
            Code::ResourceExhausted,
        ),
    ] {
        let server = Server::start(vec![vec![stream(&[said("one"), rest])]]).await;
        let (texts, error) = read(&server).await;
        assert_eq!(texts, ["one"], "{what}");
        let error = error.unwrap_or_else(|| panic!("{what}: a success"));
        assert_eq!(error.code(), code, "{what}: {error}");
        assert_eq!(error.execution(), Execution::Executed, "{what}");
    }
}

#[tokio::test]
async fn the_connection_breaks() {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/connect+json\r\ncontent-length: 1000\r\n\r\n";
    for last in [Step::Close, Step::Reset] {
        let server = Server::start(vec![vec![
            write(head),
            write(said("one")),
            Step::Wait(Duration::from_millis(50)),
            last,
        ]])
        .await;
        let (texts, error) = read(&server).await;
        assert_eq!(texts, ["one"]);
        assert_eq!(error.unwrap().code(), Code::Unavailable);
    }
}

#[cfg(feature = "gzip")]
#[tokio::test]
async fn compressed_messages() {
    let gzip = |data: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(data.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let bomb = gzip(&" ".repeat(20 << 20));
    let answer = |last: Vec<u8>| {
        response(
            "200 OK",
            "content-type: application/connect+json\r\nconnect-content-encoding: gzip\r\n",
            [envelope(1, gzip(r#"{"text":"one"}"#)), said("two"), last].concat(),
        )
    };
    let server = Server::start(vec![
        vec![answer(envelope(3, gzip("{}")))],
        vec![answer(envelope(1, bomb))],
    ])
    .await;
    let (texts, error) = read(&server).await;
    assert_eq!(texts, ["one", "two"]);
    assert!(error.is_none(), "{error:?}");
    let (texts, error) = read(&server).await;
    assert_eq!(texts, ["one", "two"]);
    assert_eq!(error.unwrap().code(), Code::ResourceExhausted);
}

/// The client's deadline is the start's; a call's own covers the whole; silence has a limit.
#[tokio::test]
async fn deadlines() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/connect+json\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = |data: Vec<u8>| {
        let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
        chunk.extend(data);
        chunk.extend(b"\r\n");
        Step::Write(chunk)
    };
    let slow = || {
        let mut steps = vec![write(head)];
        for _ in 0..20 {
            steps.extend([Step::Wait(Duration::from_millis(50)), chunk(said("tick"))]);
        }
        steps.push(Step::AwaitClose);
        steps
    };
    let server = Server::start(vec![slow(), slow(), vec![Step::AwaitClose]]).await;
    let client = Client::builder(&server.base)
        .timeout(Duration::from_millis(300))
        .stream_idle_timeout(Duration::from_millis(400))
        .build()
        .unwrap();

    // 20 messages take a second, longer than either limit; then comes silence.
    let mut stream = client.call::<Count>(word("")).await.unwrap();
    let mut count = 0;
    let error = loop {
        match stream.message().await {
            Ok(message) => {
                assert_eq!(message, Some(word("tick")));
                count += 1;
            }
            Err(error) => break error,
        }
    };
    assert_eq!(count, 20);
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!(error.message().contains("silent for 400ms"), "{error}");
    server.client_closed().await;

    let start = Instant::now();
    let call = client
        .call::<Count>(word(""))
        .timeout(Duration::from_millis(200));
    let mut stream = call.await.unwrap();
    let error = loop {
        if let Err(error) = stream.message().await {
            break error;
        }
    };
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!(error.message().contains("200ms"), "{error}");
    assert!(start.elapsed() < Duration::from_millis(900));
    assert!(server.requests()[1].contains("connect-timeout-ms: "));

    let error = client.call::<Count>(word("")).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!(error.message().contains("300ms"), "{error}");
}

/// Checklist 25: the messages that came are kept.
#[tokio::test]
async fn canceled_behind_messages() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/connect+json\r\n\r\n";
    let server = Server::start(vec![vec![
        write(head),
        write(said("one")),
        Step::AwaitClose,
    ]])
    .await;
    let cancel = Arc::new(Notify::new());
    let signal = cancel.clone();
    let call = client(&server).call::<Count>(word("2"));
    let mut stream = call
        .cancel_on(async move { signal.notified().await })
        .await
        .unwrap();
    assert_eq!(stream.message().await.unwrap(), Some(word("one")));
    cancel.notify_one();
    let error = stream.message().await.unwrap_err();
    assert_eq!(error.code(), Code::Canceled);
    assert_eq!(error.execution(), Execution::Executed);
    assert_eq!(error.method(), Some("/toy.v1.Toy/Count"));
    for _ in 0..3 {
        assert!(stream.message().await.unwrap().is_none());
    }
    server.client_closed().await;
}

#[tokio::test]
async fn dropping_a_stream_closes_the_connection() {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/connect+json\r\ncontent-length: 1000\r\n\r\n";
    let server = Server::start(vec![vec![
        write(head),
        write(said("one")),
        Step::AwaitClose,
    ]])
    .await;
    let client = client(&server);
    let mut stream = client.call::<Count>(word("")).await.unwrap();
    assert_eq!(stream.message().await.unwrap(), Some(word("one")));
    drop(stream);
    server.client_closed().await;
}

/// Checklist 23.
#[tokio::test]
async fn a_stream_of_requests() {
    let gather = async |answer: Step| {
        let server = Server::start(vec![vec![answer]]).await;
        let words = Requests::new(futures_util::stream::iter([word("a"), word("b")]));
        let result = client(&server).call::<Gather>(words).await;
        (result, server.requests().remove(0))
    };
    let (result, request) = gather(stream(&[
        said("ab"),
        envelope(2, r#"{"metadata":{"x-a":["1"]}}"#),
    ]))
    .await;
    let answer = result.unwrap();
    assert_eq!(answer.text, "ab");
    assert_eq!(answer.trailers()["x-a"], "1");
    assert!(request.contains("{\"text\":\"a\"}") && request.contains("{\"text\":\"b\"}"));

    for (envelopes, code) in [
        (vec![end()], Code::Unimplemented),
        (vec![said("a"), said("b"), end()], Code::Unimplemented),
        (vec![said("a")], Code::Internal),
        (
            vec![said("a"), envelope(2, r#"{"error":{"code":"aborted"}}"#)],
            Code::Aborted,
        ),
        (
            vec![envelope(2, r#"{"error":{"code":"aborted"}}"#)],
            Code::Aborted,
        ),
    ] {
        let (result, _) = gather(stream(&envelopes)).await;
        assert_eq!(result.unwrap_err().code(), code);
    }
}
