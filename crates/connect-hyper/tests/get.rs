//! Calls by GET, as they stand on the wire.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Look, Say, Server, Word, json, response, word};
use connect_hyper::{Client, ClientBuilder, Codec};

/// What the calls of a client sent.
async fn requests(
    set: impl FnOnce(ClientBuilder) -> ClientBuilder,
    calls: impl AsyncFnOnce(Client),
    answers: usize,
) -> Vec<String> {
    let server = Server::start(vec![vec![json("200 OK", r#"{"text":"a"}"#)]; answers]).await;
    calls(set(Client::builder(&server.base)).build().unwrap()).await;
    let requests = server.requests();
    assert_eq!(requests.len(), answers);
    requests
}

/// Checklist 7: for methods without side effects alone.
#[tokio::test]
async fn get_where_it_is_wanted_and_allowed() {
    let seen = requests(
        |builder| builder.use_get(true),
        async |client| {
            client.call::<Look>(word("a")).await.unwrap();
            client.call::<Look>(word("a")).use_get(false).await.unwrap();
            client.call::<Say>(word("a")).use_get(true).await.unwrap();
        },
        3,
    )
    .await;
    let (line, rest) = seen[0].split_once("\r\n").unwrap();
    assert_eq!(
        line,
        "GET /toy.v1.Toy/Look?connect=v1&encoding=json&message=%7B%22text%22%3A%22a%22%7D HTTP/1.1"
    );
    assert!(rest.ends_with("\r\n\r\n"));
    for absent in ["content-", "connect-protocol-version", "transfer-encoding"] {
        assert!(!rest.contains(absent), "{rest}");
    }
    assert!(rest.contains("connect-timeout-ms: "));
    assert!(seen[1].starts_with("POST /toy.v1.Toy/Look HTTP/1.1\r\n"));
    assert!(seen[2].starts_with("POST /toy.v1.Toy/Say HTTP/1.1\r\n"));
}

#[tokio::test]
async fn post_where_the_url_would_be_too_long() {
    let seen = requests(
        |builder| builder.get_url_limit(8000),
        async |client| {
            for length in [7000, 9000] {
                let call = client.call::<Look>(word(&"a".repeat(length)));
                call.use_get(true).await.unwrap();
            }
        },
        2,
    )
    .await;
    assert!(seen[0].starts_with("GET "));
    assert!(seen[1].starts_with("POST "));
}

/// Checklist 8: one message, one URL.
#[tokio::test]
async fn get_in_binary() {
    let server = Server::start(vec![
        vec![response(
            "200 OK",
            "content-type: application/proto\r\n",
            "\n\u{1}a",
        )];
        2
    ])
    .await;
    let client = Client::builder(&server.base)
        .codec(Codec::Binary)
        .use_get(true)
        .build()
        .unwrap();
    for _ in 0..2 {
        let found: Word = client.call::<Look>(word("aü")).await.unwrap().into_inner();
        assert_eq!(found, word("a"));
    }
    for request in server.requests() {
        let query = "connect=v1&base64=1&encoding=proto&message=CgNhw7w";
        let line = format!("GET /toy.v1.Toy/Look?{query} HTTP/1.1\r\n");
        assert!(request.starts_with(&line), "{request}");
    }
}
