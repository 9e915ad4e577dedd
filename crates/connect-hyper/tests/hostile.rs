//! What a broken or hostile peer does, and settings that are out of all proportion: errors, never
//! panics, and never more certainty than there is.

#![allow(clippy::unwrap_used)]

mod common;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use common::{
    Count, Gather, Look, Say, Server, Step, client, envelope, json, response, said, stream, word,
    write,
};
use connect_hyper::{
    Client, Code, Codec, Credential, CredentialFuture, CredentialProvider, Execution, RequestBody,
    Requests,
};

/// More names than a header map can hold.
#[tokio::test]
async fn an_end_of_stream_with_too_many_trailers() {
    let names: Vec<_> = (0..40_000).map(|n| format!(r#""a{n}":["x"]"#)).collect();
    let end = format!(r#"{{"metadata":{{{}}}}}"#, names.join(","));
    let server = Server::start(vec![vec![stream(&[envelope(2, end)])]]).await;
    let mut stream = client(&server).call::<Count>(word("")).await.unwrap();
    let error = stream.message().await.unwrap_err();
    assert_eq!(error.code(), Code::Internal);
}

#[tokio::test]
async fn too_many_headers_of_our_own() {
    let server = Server::start(vec![]).await;
    let mut call = client(&server).call::<Say>(word(""));
    let mut builder = Client::builder(&server.base);
    for n in 0..40_000 {
        call = call.header(format!("x-{n}"), "1").header("x-same", "1");
        builder = builder.header("x-same", "1");
    }
    let error = call.await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().contains("1000 headers"), "{error}");
    builder.build().unwrap();
    for (count, fits) in [(1000, true), (1001, false), (2000, false)] {
        // Set in one go each: the builder itself must not panic either.
        let builder = (0..count).fold(Client::builder(&server.base), |builder, n| {
            builder.header(format!("x-{n}"), "1")
        });
        assert_eq!(builder.build().is_ok(), fits, "{count}");
    }
}

#[tokio::test]
async fn times_without_end() {
    let server = Server::start(vec![vec![json("200 OK", r#"{"text":"a"}"#)]]).await;
    let client = Client::builder(&server.base)
        .timeout(Duration::MAX)
        .connect_timeout(Duration::MAX)
        .pool_idle_timeout(Duration::MAX)
        .stream_idle_timeout(Duration::MAX)
        .response_limit(usize::MAX)
        .build()
        .unwrap();
    client.call::<Say>(word("")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// A port that isn't one must not become the scheme's own, where another service listens.
#[test]
fn ports_that_are_none() {
    for base in [
        "http://127.0.0.1:99999",
        "http://127.0.0.1:abc",
        "http://127.0.0.1:",
        "http://[::1]:65536",
    ] {
        let error = Client::builder(base).build().unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{base}");
    }
}

/// A body that broke off stays broken: what is there is never taken for the whole.
#[tokio::test]
async fn reading_again_after_a_failure() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\n";
    let cut = write(format!("{head}content-length: 100\r\n\r\n\n\u{2}ab"));
    let long = format!(
        "{head}transfer-encoding: chunked\r\n\r\n5\r\n\n\u{3}abc\r\n3c\r\n{}\r\n0\r\n\r\n",
        "x".repeat(60)
    );
    let server = Server::start(vec![vec![cut, Step::Close], vec![write(long)]]).await;
    let client = Client::builder(&server.base)
        .codec(Codec::Binary)
        .response_limit(50)
        .build()
        .unwrap();
    for _ in 0..2 {
        let call = client
            .call::<Say>(word(""))
            .timeout(Duration::from_secs(10));
        let Ok(mut raw) = call.send().await else {
            panic!("a head");
        };
        assert!(raw.read().await.is_err());
        assert!(raw.read().await.is_err());
        assert!(raw.decode().is_err());
    }
}

#[tokio::test]
async fn what_a_stream_proves() {
    let refusal = r#"{"error":{"code":"resource_exhausted"}}"#;
    for (envelopes, execution) in [
        // Refused at once; refused behind a message, so not before anything was done.
        (vec![envelope(2, refusal)], Execution::Refused),
        (vec![said("a"), envelope(2, refusal)], Execution::Ambiguous),
        // Cut short before a message, which a refusal is too; and behind one.
        (vec![], Execution::Ambiguous),
        (vec![said("a")], Execution::Executed),
    ] {
        let server = Server::start(vec![vec![stream(&envelopes)]]).await;
        let mut stream = client(&server).call::<Count>(word("")).await.unwrap();
        let error = loop {
            if let Err(error) = stream.message().await {
                break error;
            }
        };
        assert_eq!(error.execution(), execution, "{envelopes:?}");
    }
}

/// The server has said how the stream ended. What becomes of the connection then matters less.
#[tokio::test]
async fn a_connection_that_breaks_behind_the_end() {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/connect+json\r\ncontent-length: 1000\r\n\r\n";
    let end = envelope(2, r#"{"error":{"code":"not_found","message":"no"}}"#);
    for last in [Step::Close, Step::AwaitClose] {
        let server = Server::start(vec![vec![write(head), write(&end), last]]).await;
        let client = Client::builder(&server.base)
            .stream_idle_timeout(Duration::from_millis(200))
            .build()
            .unwrap();
        let mut stream = client.call::<Count>(word("")).await.unwrap();
        let error = stream.message().await.unwrap_err();
        assert_eq!((error.code(), error.message()), (Code::NotFound, "no"));
    }
}

/// Checklist 12: a trailer doesn't replace the header of its name, on errors of ours neither.
#[tokio::test]
async fn headers_and_trailers_of_an_error() {
    let headers = "content-type: application/json\r\nx-a: header\r\ntrailer-x-a: trailer\r\n";
    for (status, body) in [
        ("404 Not Found", r#"{"code":"not_found"}"#),
        ("502 Bad Gateway", "{}"),
        ("200 OK", "{"),
        ("200 OK", "{}"),
    ] {
        let server = Server::start(vec![vec![response(status, headers, body)]]).await;
        let error = client(&server).call::<Say>(word("")).await.unwrap_err();
        let values: Vec<_> = error.metadata().get_all("x-a").iter().collect();
        assert_eq!(values, ["header", "trailer"], "{status} {body}");
        let status: u16 = status[..3].parse().unwrap();
        assert_eq!(error.http_status().unwrap(), status);
        assert_eq!(error.is_from_server(), body.contains("not_found"), "{body}");
    }
}

/// Parsed JSON takes many times its length: an error body has a limit of its own.
#[tokio::test]
async fn an_error_body_of_megabytes() {
    let body = format!(r#"{{"code":"not_found","x":[{}0]}}"#, "0,".repeat(1 << 20));
    let server = Server::start(vec![vec![json("503 Busy", &body)]]).await;
    let error = client(&server).call::<Say>(word("")).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(!error.is_from_server());
}

/// TLS is a part of connecting: a peer that never answers the handshake was sent nothing.
#[cfg(feature = "tls")]
#[tokio::test]
async fn a_tls_handshake_that_stalls() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    let client = Client::builder(base)
        .connect_timeout(Duration::from_millis(200))
        .build();
    // A machine without root certificates has no TLS to test.
    let Ok(client) = client else { return };
    let error = client.call::<Say>(word("")).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert_eq!(error.execution(), Execution::NotSent);
    assert!(error.message().contains("200ms"), "{error}");

    // The deadline may come first, or the call be given up: there is no connection yet.
    let soon = Duration::from_millis(100);
    let call = || client.call::<Say>(word(""));
    let error = call().timeout(soon).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(error.execution(), Execution::NotSent);
    let given_up = tokio::time::sleep(soon);
    let error = call().cancel_on(given_up).await.unwrap_err();
    assert_eq!(error.code(), Code::Canceled);
    assert_eq!(error.execution(), Execution::NotSent);
}

/// Gives out the same token, for ever live, and counts how often it is asked.
#[derive(Debug, Default, Clone)]
struct Counting(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl CredentialProvider for Counting {
    fn credential(&self) -> CredentialFuture<'_> {
        let n = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Box::pin(async move {
            if n == 2 {
                return Err("the vault is sealed".into());
            }
            Ok(Credential::bearer(&format!("token-{n}"))?)
        })
    }
}

/// On a stream `unauthenticated` comes with status 200, and counts as well.
#[tokio::test]
async fn a_stream_that_refuses_the_credential() {
    let refusal = || {
        vec![stream(&[envelope(
            2,
            r#"{"error":{"code":"unauthenticated"}}"#,
        )])]
    };
    let server = Server::start(vec![refusal(), refusal()]).await;
    let client = Client::builder(&server.base)
        .credential_provider(Counting::default())
        .build()
        .unwrap();
    for _ in 0..2 {
        let mut stream = client.call::<Count>(word("")).await.unwrap();
        let error = stream.message().await.unwrap_err();
        assert_eq!(error.code(), Code::Unauthenticated);
    }
    let requests = server.requests();
    assert!(requests[0].contains("Bearer token-0"));
    assert!(requests[1].contains("Bearer token-1"));
}

/// The first attempt was sent, whatever keeps the second one back.
#[tokio::test]
async fn a_provider_that_fails_the_second_time() {
    let refused = || vec![json("401 Unauthorized", r#"{"code":"unauthenticated"}"#)];
    let server = Server::start(vec![refused(), refused(), refused()]).await;
    let client = Client::builder(&server.base)
        .credential_provider(Counting::default())
        .build()
        .unwrap();
    client.call::<Look>(word("")).await.unwrap_err();
    let error = client.call::<Look>(word("")).await.unwrap_err();
    assert!(error.message().contains("sealed"), "{error}");
    // Two attempts of the first call; the third credential could not be had for the second.
    assert_eq!(error.execution(), Execution::NotSent);
    assert_eq!(server.requests().len(), 2);

    let counting = Counting::default();
    counting.0.store(1, std::sync::atomic::Ordering::SeqCst);
    let server = Server::start(vec![refused()]).await;
    let client = Client::builder(&server.base)
        .credential_provider(counting)
        .build()
        .unwrap();
    let error = client.call::<Look>(word("")).await.unwrap_err();
    assert!(error.message().contains("sealed"), "{error}");
    // The first attempt was sent, and refused.
    assert_eq!(error.execution(), Execution::Refused);
    assert_eq!((server.requests().len(), error.attempts()), (1, 2));
}

/// Of what holds a credential the last one counts.
#[tokio::test]
async fn one_authorization_goes_out() {
    let server = Server::start(vec![vec![json("200 OK", r#"{"text":"a"}"#)]]).await;
    let call = client(&server).call::<Say>(word(""));
    call.header("authorization", "Bearer one")
        .header("Authorization", "Bearer two")
        .await
        .unwrap();
    let request = &server.requests()[0];
    assert!(request.contains("authorization: Bearer two"), "{request}");
    assert!(!request.contains("Bearer one"), "{request}");
}

#[tokio::test]
async fn a_stream_of_requests_that_is_dropped() {
    let server = Server::start(vec![vec![Step::AwaitClose]]).await;
    let words = Requests::new(futures_util::stream::pending());
    let call = client(&server).call::<Gather>(words);
    let error = call.timeout(Duration::from_millis(100)).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
}

/// A transport whose one answer is a message, again and again, without a pause.
#[derive(Clone)]
struct Endless;

impl tower_service::Service<http::Request<RequestBody>> for Endless {
    type Response = http::Response<Self>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<RequestBody>) -> Self::Future {
        let mut response = http::Response::new(Endless);
        let value = http::HeaderValue::from_static("application/connect+json");
        response.headers_mut().insert("content-type", value);
        ready(Ok(response))
    }
}

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(http_body::Frame::data(said("again").into()))))
    }
}

/// It is never waited for, so that no timer gets a turn; the deadline counts all the same.
#[tokio::test]
async fn a_stream_that_never_pauses() {
    let client = Client::builder("http://localhost")
        .transport(Endless)
        .build()
        .unwrap();
    let call = client
        .call::<Count>(word(""))
        .timeout(Duration::from_millis(50));
    let mut stream = call.await.unwrap();
    let error = loop {
        if let Err(error) = stream.message().await {
            break error;
        }
    };
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!(stream.message().await.unwrap().is_none());
}

#[tokio::test]
async fn a_chunk_that_never_ends() {
    let head = |content_type| {
        write(format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n7fffffff\r\n"
        ))
    };
    let server = Server::start(vec![
        vec![head("application/json"), write("{"), Step::AwaitClose],
        vec![
            head("application/connect+json"),
            write(said("one")),
            Step::AwaitClose,
        ],
        vec![head("application/json"), write(" ".repeat(2000))],
        vec![
            head("application/connect+json"),
            write([0, 0, 0, 8, 0]),
            Step::AwaitClose,
        ],
    ])
    .await;
    let client = Client::builder(&server.base)
        .response_limit(1000)
        .build()
        .unwrap();
    let soon = Duration::from_millis(300);
    let error = client
        .call::<Say>(word(""))
        .timeout(soon)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    let mut stream = client.call::<Count>(word("")).timeout(soon).await.unwrap();
    assert_eq!(stream.message().await.unwrap(), Some(word("one")));
    let error = stream.message().await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);

    let error = client.call::<Say>(word("")).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    let mut stream = client.call::<Count>(word("")).await.unwrap();
    let error = stream.message().await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
}

/// What follows a body is no answer to the next call.
#[tokio::test]
async fn a_body_longer_than_its_length() {
    let answer = |text: &str| {
        let body = format!(r#"{{"text":"{text}"}}"#);
        let length = body.len();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    };
    let server = Server::start(vec![
        vec![write(answer("one") + &answer("stray"))],
        vec![write(answer("two"))],
    ])
    .await;
    let client = client(&server);
    for expected in ["one", "two"] {
        assert_eq!(client.call::<Say>(word("")).await.unwrap().text, expected);
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve() {
    let client = Client::builder("http://no-such-host.invalid")
        .retry(connect_hyper::RetryPolicy::none())
        .build()
        .unwrap();
    let error = client.call::<Say>(word("")).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    assert_eq!(error.execution(), Execution::NotSent, "{error}");
}
