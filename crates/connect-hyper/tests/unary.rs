//! Unary calls over a real socket, against a server that does what each test tells it to.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::{Look, Say, Server, Step, client, json, response, word, write};
use connect_hyper::{Client, Code, Codec, Credential, Execution};

const OK: &str = r#"{"text":"hello"}"#;

#[tokio::test]
async fn one_call() {
    let server = Server::start(vec![vec![json("200 OK", OK)], vec![json("200 OK", OK)]]).await;
    let client = Client::builder(&server.base)
        .credential(Credential::bearer("t0ken").unwrap())
        .header("user-agent", "toy/1")
        .accept_compression([])
        .build()
        .unwrap();
    let answer = client
        .call::<Say>(word("hi"))
        .header("x-note", "a")
        .header("x-note", "b")
        .timeout(Duration::from_secs(5))
        .await
        .unwrap();
    assert_eq!(answer.text, "hello");
    assert_eq!(answer.headers()["content-type"], "application/json");
    client.call::<Say>(word("hi")).timeout(None).await.unwrap();

    let [first, second] = &server.requests()[..] else {
        panic!("one request a call");
    };
    let (head, body) = first.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, r#"{"text":"hi"}"#);
    let mut lines: Vec<_> = head.lines().collect();
    assert_eq!(lines.remove(0), "POST /toy.v1.Toy/Say HTTP/1.1");
    let timeout = lines
        .iter()
        .position(|line| line.starts_with("connect-timeout-ms: "))
        .unwrap();
    let left: u64 = lines.remove(timeout)["connect-timeout-ms: ".len()..]
        .parse()
        .unwrap();
    assert!((4000..=5000).contains(&left), "{left}");
    lines.sort_unstable();
    let host = format!("host: {}", &server.base["http://".len()..]);
    assert_eq!(
        lines,
        [
            "accept-encoding: identity",
            "authorization: Bearer t0ken",
            "connect-protocol-version: 1",
            "content-length: 13",
            "content-type: application/json",
            &host,
            "user-agent: toy/1",
            "x-note: a",
            "x-note: b",
        ]
    );
    assert!(
        !second.contains("connect-timeout-ms"),
        "no deadline, no header"
    );
}

#[tokio::test]
async fn binary() {
    let server = Server::start(vec![vec![response(
        "200 OK",
        "content-type: application/proto\r\n",
        [0x0a, 2, b'h', b'o'],
    )]])
    .await;
    let client = Client::builder(&server.base)
        .codec(Codec::Binary)
        .build()
        .unwrap();
    assert_eq!(client.call::<Say>(word("hi")).await.unwrap().text, "ho");
    let request = &server.requests()[0];
    assert!(request.contains("content-type: application/proto\r\n"));
    assert!(request.ends_with("\r\n\r\n\n\u{2}hi"), "{request:?}");
}

/// Checklist 11: in binary a body of no bytes is the default message, in JSON it is an error. And a
/// default message is none where a secret should be.
#[tokio::test]
async fn an_empty_body() {
    let empty = |kind: &str| {
        response(
            "200 OK",
            &format!("content-type: application/{kind}\r\n"),
            "",
        )
    };
    let server = Server::start(vec![
        vec![empty("proto")],
        vec![empty("proto")],
        vec![empty("json")],
        vec![json("200 OK", "{}")],
    ])
    .await;
    let binary = Client::builder(&server.base)
        .codec(Codec::Binary)
        .build()
        .unwrap();
    assert_eq!(binary.call::<Look>(word("")).await.unwrap().text, "");
    let json = client(&server);
    for error in [
        binary.call::<Say>(word("")).await.unwrap_err(),
        json.call::<Say>(word("")).await.unwrap_err(),
        json.call::<Say>(word("")).await.unwrap_err(),
    ] {
        assert_eq!(error.code(), Code::Internal);
        assert_eq!(error.execution(), Execution::Executed);
        assert!(error.to_string().contains("was executed"), "{error}");
        assert_eq!(error.method(), Some("/toy.v1.Toy/Say"));
    }
}

/// Checklist 3: the deadline holds for the whole call, while a body trickles too.
#[tokio::test]
async fn the_deadline_at_every_stage() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n";
    let mut trickle = vec![write(head)];
    for _ in 0..200 {
        trickle.extend([write(" "), Step::Wait(Duration::from_millis(20))]);
    }
    for steps in [
        vec![Step::AwaitClose],
        vec![write("HTTP/1.1 200 OK\r\n"), Step::AwaitClose],
        vec![write(head), Step::AwaitClose],
        trickle,
    ] {
        let server = Server::start(vec![steps]).await;
        let start = Instant::now();
        let error = client(&server)
            .call::<Say>(word("hi"))
            .timeout(Duration::from_millis(200))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::DeadlineExceeded);
        assert!(error.may_have_executed());
        assert!(error.message().contains("200ms"), "{error}");
        // The stages would take 4 s and more.
        assert!(start.elapsed() < Duration::from_secs(3));
    }
}

#[tokio::test]
async fn a_deadline_in_the_past_sends_nothing() {
    let server = Server::start(vec![]).await;
    let error = client(&server)
        .call::<Say>(word("hi"))
        .timeout(Duration::ZERO)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(error.execution(), Execution::NotSent);
    assert!(server.requests().is_empty());
}

/// Giving a call up closes its connection, so that no late answer is left on it.
#[tokio::test]
async fn giving_up_closes_the_connection() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n";
    for steps in [
        vec![Step::AwaitClose],
        vec![write(head), write("{"), Step::AwaitClose],
    ] {
        let server = Server::start(vec![steps]).await;
        let client = client(&server);
        let call = client
            .call::<Say>(word("hi"))
            .timeout(Duration::from_millis(200));
        assert!(call.await.is_err());
        server.client_closed().await;
    }
    let server = Server::start(vec![vec![write(head), Step::AwaitClose]]).await;
    let client = client(&server);
    drop(client.call::<Say>(word("hi")).send().await.unwrap());
    server.client_closed().await;
}

/// Checklist 25.
#[tokio::test]
async fn canceled_from_elsewhere() {
    let server = Server::start(vec![vec![Step::AwaitClose]]).await;
    let client = client(&server);
    let error = client
        .call::<Say>(word("hi"))
        .cancel_on(std::future::ready(()))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::Canceled);
    assert_eq!(error.execution(), Execution::NotSent);
    assert!(server.requests().is_empty());

    let error = client
        .call::<Say>(word("hi"))
        .cancel_on(server.asked())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::Canceled);
    assert_eq!(error.execution(), Execution::Ambiguous);
    assert_eq!(error.method(), Some("/toy.v1.Toy/Say"));
    server.client_closed().await;
}

#[tokio::test]
async fn nobody_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::builder(base).build().unwrap();
    let error = client.call::<Say>(word("hi")).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert_eq!(error.execution(), Execution::NotSent);
    assert!(error.message().contains("refused"), "{error}");
}

#[tokio::test]
async fn the_connection_breaks_before_the_head_is_whole() {
    for steps in [
        vec![Step::Close],
        vec![Step::Reset],
        vec![write("HTTP/1.1 200 OK\r\ncontent-"), Step::Close],
        vec![write("garbage\r\n\r\n"), Step::Close],
        vec![
            write("HTTP/1.1 200 OK\r\nx: 1\r\nx y: 2\r\n\r\n"),
            Step::Close,
        ],
    ] {
        let server = Server::start(vec![steps.clone()]).await;
        let error = client(&server).call::<Say>(word("hi")).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable, "{steps:?}");
        assert_eq!(error.execution(), Execution::Ambiguous, "{steps:?}");
        assert_eq!(server.requests().len(), 1, "no second attempt: {steps:?}");
    }
}

#[tokio::test]
async fn the_body_breaks_off() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    for steps in [
        vec![
            write(format!("{head}content-length: 100\r\n\r\n{{\"text\"")),
            Step::Close,
        ],
        vec![
            write(format!("{head}content-length: 100\r\n\r\n{{\"text\"")),
            Step::Reset,
        ],
        vec![
            write(format!(
                "{head}transfer-encoding: chunked\r\n\r\n7\r\n{{\"text\"\r\n"
            )),
            Step::Close,
        ],
        vec![
            write(format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n")),
            Step::Close,
        ],
    ] {
        let server = Server::start(vec![steps.clone()]).await;
        let error = client(&server).call::<Say>(word("hi")).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable, "{steps:?}");
        assert_eq!(error.execution(), Execution::Executed, "{steps:?}");
        assert_eq!(server.requests().len(), 1, "no second attempt: {steps:?}");
    }
}

/// The way of a call whose answer exists once.
#[tokio::test]
async fn the_raw_body_first() {
    let cut = vec![
        write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n"),
        write(r#"{"text":"once"#),
        Step::Close,
    ];
    let server = Server::start(vec![
        vec![json("200 OK", OK)],
        cut,
        vec![json("200 OK", r#"{"text":"once""#)],
        vec![json(
            "404 Not Found",
            r#"{"code":"not_found","message":"no"}"#,
        )],
        vec![json("200 OK", OK)],
    ])
    .await;
    let client = client(&server);

    let mut whole = client.call::<Say>(word("hi")).send().await.unwrap();
    assert_eq!((whole.status().as_u16(), whole.body().len()), (200, 0));
    whole.read().await.unwrap();
    assert_eq!(whole.body(), OK);
    assert!(!format!("{whole:?}").contains("hello"));
    assert_eq!(whole.decode().unwrap().text, "hello");

    let mut cut = client.call::<Say>(word("hi")).send().await.unwrap();
    let error = cut.read().await.unwrap_err();
    assert_eq!(error.execution(), Execution::Executed);
    assert_eq!(cut.body(), r#"{"text":"once"#, "what had arrived is kept");
    assert!(cut.decode().is_err());

    let mut malformed = client.call::<Say>(word("hi")).send().await.unwrap();
    malformed.read().await.unwrap();
    let body = malformed.body();
    let error = malformed.decode().unwrap_err();
    assert_eq!(error.execution(), Execution::Executed);
    assert!(!format!("{error} {error:?}").contains("once"), "{error:?}");
    assert_eq!(body, r#"{"text":"once""#);

    let mut refused = client.call::<Say>(word("hi")).send().await.unwrap();
    refused.read().await.unwrap();
    let error = refused.decode().unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::NotFound, "no"));

    let unread = client.call::<Say>(word("hi")).send().await.unwrap();
    assert_eq!(
        unread.decode().unwrap_err().code(),
        Code::FailedPrecondition
    );
}

/// Checklist 26.
#[tokio::test]
async fn a_body_over_the_limit() {
    let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(5000));
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n",
        long.len()
    );
    let server = Server::start(vec![
        vec![json("200 OK", &long)],
        vec![write(chunked), Step::AwaitClose],
        vec![json("200 OK", OK)],
    ])
    .await;
    let client = Client::builder(&server.base)
        .response_limit(1000)
        .build()
        .unwrap();
    for _ in 0..2 {
        let error = client.call::<Say>(word("hi")).await.unwrap_err();
        assert_eq!(error.code(), Code::ResourceExhausted);
        assert_eq!(error.execution(), Execution::Executed);
        assert!(error.message().contains("1000 bytes"), "{error}");
    }
    client.call::<Say>(word("hi")).await.unwrap();
}

#[tokio::test]
async fn something_else_answers() {
    let html =
        |status: &str| response(status, "content-type: text/html\r\n", "<html>secret</html>");
    for (steps, code, status) in [
        (html("200 OK"), Code::Unknown, 200),
        (html("404 Not Found"), Code::Unimplemented, 404),
        (html("502 Bad Gateway"), Code::Unavailable, 502),
        (html("500 Internal Server Error"), Code::Unknown, 500),
        (response("503 Busy", "", ""), Code::Unavailable, 503),
        (json("503 Busy", "null"), Code::Unavailable, 503),
        (json("400 Bad", "{"), Code::Internal, 400),
        (
            response(
                "308 Moved",
                "location: https://other.example/x?secret\r\n",
                "",
            ),
            Code::Unknown,
            308,
        ),
        (
            response(
                "200 OK",
                "content-type: application/json\r\ncontent-encoding: deflate\r\n",
                "secret",
            ),
            Code::Internal,
            200,
        ),
    ] {
        let server = Server::start(vec![vec![steps.clone()]]).await;
        let error = client(&server).call::<Say>(word("hi")).await.unwrap_err();
        assert_eq!(error.code(), code, "{steps:?}");
        assert_eq!(error.http_status().unwrap().as_u16(), status);
        assert!(!error.is_from_server());
        assert!(
            error.may_have_executed(),
            "nothing proves that it was not: {steps:?}"
        );
        assert!(
            !format!("{error} {error:?}").contains("secret"),
            "{error:?}"
        );
        assert_eq!(
            server.requests().len(),
            1,
            "no second attempt, and no redirect followed"
        );
    }
}

#[tokio::test]
async fn what_the_server_says() {
    let body = r#"{"code":"permission_denied","message":"not you","details":[{"type":"a.B","value":"AQI"}]}"#;
    let server = Server::start(vec![vec![response(
        "403 Forbidden",
        "content-type: application/json\r\nx-id: 7\r\ntrailer-x-end: 8\r\n",
        body,
    )]])
    .await;
    let error = client(&server).call::<Say>(word("hi")).await.unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (Code::PermissionDenied, "not you")
    );
    assert!(error.is_from_server());
    assert_eq!(error.execution(), Execution::Refused);
    assert_eq!(error.raw_details()[0].type_url(), "type.googleapis.com/a.B");
    assert_eq!(error.metadata()["x-id"], "7");
    assert_eq!(error.metadata()["x-end"], "8");
}

#[tokio::test]
async fn bad_headers_fail_the_call_and_send_nothing() {
    let server = Server::start(vec![]).await;
    let client = client(&server);
    for (name, value) in [
        ("x-note", "secret\r\nx-evil: 1"),
        ("content-type", "a"),
        ("a b", "c"),
    ] {
        let call = client.call::<Say>(word("hi")).header(name, value);
        let error = call.await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert_eq!(error.execution(), Execution::NotSent);
        assert!(error.message().contains(name), "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
    assert!(server.requests().is_empty());
    assert!(
        Client::builder(&server.base)
            .header("x", "secret\n")
            .build()
            .is_err()
    );
}

/// Override headers override, and never go out beside what they replace.
#[tokio::test]
async fn a_header_that_is_set_twice() {
    let server = Server::start(vec![vec![json("200 OK", OK)], vec![json("200 OK", OK)]]).await;
    let client = Client::builder(&server.base)
        .header("User-Agent", "first")
        .header("user-agent", "second")
        .build()
        .unwrap();
    client.call::<Say>(word("hi")).await.unwrap();
    let call = client.call::<Say>(word("hi")).header("user-agent", "third");
    call.await.unwrap();
    let agents: Vec<_> = server
        .requests()
        .iter()
        .flat_map(|request| request.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.starts_with("user-agent"))
        .collect();
    assert_eq!(agents, ["user-agent: second", "user-agent: third"]);

    let both = Client::builder(&server.base)
        .credential(Credential::bearer("t0ken").unwrap())
        .header("Authorization", "Bearer other")
        .build();
    assert!(both.unwrap_err().message().contains("authorization"));
}

#[tokio::test]
async fn a_credential_never_crosses_a_network_in_plain_text() {
    let plain = "http://192.0.2.1";
    let secret = Credential::bearer("t0ken").unwrap();
    assert!(Client::builder(plain).credential(secret).build().is_err());
    assert!(
        Client::builder(plain)
            .header("Cookie", "t0ken")
            .build()
            .is_err()
    );
    let without = Client::builder(plain).build().unwrap();
    let error = without
        .call::<Say>(word("hi"))
        .header("authorization", "Bearer t0ken")
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(!error.may_have_executed());
    assert!(!format!("{error:?}").contains("t0ken"));
}

/// A pooled connection that the server closed meanwhile is not the next call's problem.
#[tokio::test]
async fn a_stale_connection() {
    let server = Server::start(vec![
        vec![json("200 OK", OK), Step::Close],
        vec![json("200 OK", OK), Step::Reset],
        vec![json("200 OK", OK)],
    ])
    .await;
    let client = client(&server);
    for _ in 0..3 {
        client.call::<Say>(word("hi")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.requests().len(), 3);
}
