//! Requests that are compressed, as they stand on the wire.

#![cfg(feature = "gzip")]
#![allow(clippy::unwrap_used)]

mod common;

use common::{Count, Gather, Say, Server, envelope, json, said, stream, word};
use connect_hyper::{Client, Compression, Requests};

fn compressing(server: &Server) -> Client {
    Client::builder(&server.base)
        .compress_requests(Compression::Gzip, 20)
        .build()
        .unwrap()
}

fn has(request: &str, line: &str) -> bool {
    let (head, _) = request.split_once("\r\n\r\n").unwrap();
    head.lines().any(|found| found == line)
}

#[tokio::test]
async fn messages_of_a_size_are_compressed() {
    let server = Server::start(vec![vec![json("200 OK", r#"{"text":"a"}"#)]; 2]).await;
    let client = compressing(&server);
    for text in ["short", "as long as it takes"] {
        client.call::<Say>(word(text)).await.unwrap();
    }
    let seen = server.requests();
    assert!(seen[0].ends_with(r#"{"text":"short"}"#));
    assert!(!seen[0].contains("\r\ncontent-encoding"));
    assert!(has(&seen[1], "content-encoding: gzip"));
    assert!(!seen[1].contains("as long"));
}

/// Of a stream the header says what may come, and each message's flag whether it did.
#[tokio::test]
async fn messages_of_a_stream_are_compressed() {
    let server = Server::start(vec![
        vec![stream(&[said("sum"), envelope(2, "{}")])],
        vec![stream(&[envelope(2, "{}")])],
    ])
    .await;
    let client = compressing(&server);
    let words = ["short", "as long as it takes"].map(word);
    let words = Requests::new(futures_util::stream::iter(words));
    client.call::<Gather>(words).await.unwrap();
    drop(client.call::<Count>(word("2")).await.unwrap());
    let seen = server.requests();
    for request in &seen {
        assert!(has(request, "connect-content-encoding: gzip"), "{request}");
        assert!(!request.contains("\r\ncontent-encoding"), "{request}");
    }
    assert!(seen[0].contains("\0\0\0\0\u{10}{\"text\":\"short\"}"));
    assert!(seen[0].contains("\u{1}\0\0\0"));
    assert!(!seen[0].contains("as long"));
    assert!(seen[1].ends_with("\0\0\0\0\u{c}{\"text\":\"2\"}"));
}

/// Checklist 4: the list is what the user says, and an answer outside it is refused.
#[tokio::test]
async fn nothing_is_offered() {
    let packed = common::response(
        "200 OK",
        "content-type: application/json\r\ncontent-encoding: gzip\r\n",
        "x",
    );
    let server = Server::start(vec![vec![packed]]).await;
    let client = Client::builder(&server.base)
        .accept_compression([])
        .build()
        .unwrap();
    let error = client.call::<Say>(word("")).await.unwrap_err();
    assert!(error.message().contains("not offered"), "{error}");
    assert!(has(&server.requests()[0], "accept-encoding: identity"));
}
