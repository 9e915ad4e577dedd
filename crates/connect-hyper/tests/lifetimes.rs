//! What a call leaves behind when it is over: nothing that goes on, and nothing that others stumble over.

#![allow(clippy::unwrap_used)]

mod common;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use common::{Count, Gather, Say, Word, envelope, http2, said, word};
use connect_hyper::{Bidi, Client, Code, Codec, Execution, Method, Requests, RetryPolicy};
use futures_util::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// A stream each way.
#[derive(Debug)]
enum Talk {}

impl Method for Talk {
    type Request = Word;
    type Response = Word;
    type Kind = Bidi;
    const PATH: &'static str = "/toy.v1.Toy/Talk";
}

/// So many requests, and then none, and never an end. Tells when it is dropped.
struct Endless {
    left: usize,
    dropped: Arc<Notify>,
}

impl Endless {
    fn requests(count: usize) -> (Requests<Word>, Arc<Notify>) {
        let dropped = Arc::new(Notify::new());
        let requests = Self {
            left: count,
            dropped: dropped.clone(),
        };
        (Requests::new(requests), dropped)
    }
}

impl Stream for Endless {
    type Item = Word;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Word>> {
        let Some(left) = self.left.checked_sub(1) else {
            return Poll::Pending;
        };
        self.left = left;
        Poll::Ready(Some(word(&"a word or two ".repeat(1000))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.dropped.notify_one();
    }
}

async fn soon(what: &str, event: impl Future<Output = ()>) {
    let event = tokio::time::timeout(Duration::from_secs(10), event).await;
    assert!(event.is_ok(), "never: {what}");
}

async fn answer(socket: &mut TcpStream, status: &str, content_type: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body).await.unwrap();
}

/// A server may answer before it has all requests. Nobody wants the rest then.
#[tokio::test]
async fn requests_end_with_an_early_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let closed = Arc::new(Notify::new());
    let closing = closed.clone();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 4096];
        let _ = socket.read(&mut buffer).await;
        let body = [said("done"), envelope(2, "{}")].concat();
        answer(&mut socket, "200 OK", "application/connect+json", &body).await;
        while matches!(socket.read(&mut buffer).await, Ok(n) if n > 0) {}
        closing.notify_one();
    });
    let client = Client::builder(base).build().unwrap();
    let (requests, dropped) = Endless::requests(1);
    let response = client.call::<Gather>(requests).await.unwrap();
    assert_eq!(response.text, "done");
    soon("the requests are dropped", dropped.notified()).await;
    soon("the connection is closed", closed.notified()).await;
}

/// Over HTTP/2 the two directions of a stream are apart: dropping one alone leaves the other open.
#[tokio::test]
async fn requests_end_with_their_stream_of_responses() {
    for ends in [false, true] {
        let reset = Arc::new(Notify::new());
        let resetting = reset.clone();
        let base = http2::serve(move |request, mut response, _| {
            let reset = resetting.clone();
            async move {
                let head = http2::head("application/connect+json");
                let mut sender = response.send_response(head, false).unwrap();
                sender.send_data(said("hello").into(), false).unwrap();
                if ends {
                    sender.send_data(envelope(2, "{}").into(), true).unwrap();
                }
                let mut body = request.into_body();
                let end = loop {
                    match body.data().await {
                        Some(Ok(_)) => {}
                        Some(Err(error)) => break error.reason(),
                        None => break None,
                    }
                };
                assert_eq!(end, Some(h2::Reason::CANCEL));
                reset.notify_one();
            }
        })
        .await;
        let client = Client::builder(base).http2_only().build().unwrap();
        let (requests, dropped) = Endless::requests(1);
        let mut stream = client.call::<Talk>(requests).await.unwrap();
        assert_eq!(stream.message().await.unwrap(), Some(word("hello")));
        if ends {
            // Its end is enough, however long it is kept.
            assert_eq!(stream.message().await.unwrap(), None);
        } else {
            drop(stream);
        }
        soon("the requests are dropped", dropped.notified()).await;
        soon("the server hears of it", reset.notified()).await;
    }
}

/// A server that has answered may take no more, and not even read it: whoever waits to write must not
/// wait for that, when nobody wants the call any more.
#[tokio::test]
async fn requests_end_though_nobody_reads_them() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let over_http1 = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.read(&mut [0; 4096]).await;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/connect+json\r\n\r\n";
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(&said("hello")).await.unwrap();
        std::future::pending::<()>().await;
        drop(socket);
    });
    let reset = Arc::new(Notify::new());
    let resetting = reset.clone();
    let over_http2 = http2::serve(move |request, mut response, _| {
        let reset = resetting.clone();
        async move {
            let head = http2::head("application/connect+json");
            let mut sender = response.send_response(head, false).unwrap();
            sender.send_data(said("hello").into(), false).unwrap();
            let reason = std::future::poll_fn(|cx| sender.poll_reset(cx)).await;
            assert_eq!(reason.unwrap(), h2::Reason::CANCEL);
            reset.notify_one();
            drop(request);
        }
    })
    .await;
    for (base, is_http2) in [(over_http1, false), (over_http2, true)] {
        let client = Client::builder(base);
        let client = if is_http2 {
            client.http2_only()
        } else {
            client
        };
        let (requests, dropped) = Endless::requests(usize::MAX);
        let call = client.build().unwrap().call::<Talk>(requests);
        let mut stream = call.await.unwrap();
        assert_eq!(stream.message().await.unwrap(), Some(word("hello")));
        // Until no buffer takes more.
        tokio::time::sleep(Duration::from_millis(500)).await;
        drop(stream);
        soon("the requests are dropped", dropped.notified()).await;
    }
    soon("the server hears of it", reset.notified()).await;
}

/// Without an end there is a length: a reset that is no error doesn't make a part the whole, which
/// binary would take it for.
#[tokio::test]
async fn a_body_that_is_cut_by_a_reset_over_http2() {
    for reason in [h2::Reason::NO_ERROR, h2::Reason::CANCEL] {
        for (codec, content_type, part) in [
            (Codec::Binary, "application/proto", "\n\u{2}ok"),
            (Codec::Json, "application/json", r#"{"text":"ok"}"#),
        ] {
            let base = http2::serve(move |_, mut response, _| async move {
                let mut head = http2::head(content_type);
                head.headers_mut().insert("content-length", 1000.into());
                let mut sender = response.send_response(head, false).unwrap();
                sender.send_data(part.into(), false).unwrap();
                // Until that is on its way.
                tokio::time::sleep(Duration::from_millis(50)).await;
                sender.send_reset(reason);
            })
            .await;
            let client = Client::builder(base).codec(codec).http2_only();
            let client = client.build().unwrap();
            let error = client.call::<Say>(word("")).await.unwrap_err();
            assert_eq!(error.code(), Code::Unavailable, "{error}");
            assert_eq!(error.execution(), Execution::Executed, "{error}");
        }
    }
}

/// A connection on which the last request still goes out doesn't take the next one: the server has
/// answered, and may never read the rest.
#[tokio::test]
async fn a_large_request_that_is_answered_early() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let refusal = br#"{"code":"out_of_range","message":"too large"}"#;
        let mut buffer = [0; 1024];
        let (mut first, _) = listener.accept().await.unwrap();
        let _ = first.read(&mut buffer).await;
        answer(&mut first, "400 Bad", "application/json", refusal).await;
        // And it isn't closed either.
        let (mut second, _) = listener.accept().await.unwrap();
        let _ = second.read(&mut buffer).await;
        answer(&mut second, "200 OK", "application/proto", b"\n\x02ok").await;
        let _ = second.read(&mut buffer).await;
        drop(first);
    });
    let client = Client::builder(base)
        .codec(Codec::Binary)
        .retry(RetryPolicy::none())
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let large = word(&"x".repeat(16 << 20));
    let error = client.call::<Say>(large).await.unwrap_err();
    assert_eq!(error.code(), Code::OutOfRange);
    assert_eq!(client.call::<Say>(word("a")).await.unwrap().text, "ok");
}

/// Streams that nobody reads fill their own windows, and not the one of the connection.
#[tokio::test]
async fn streams_that_nobody_reads() {
    const STREAMS: usize = 8;
    let base = http2::serve(|_, mut response, number| async move {
        if number > STREAMS {
            let head = http2::head("application/json");
            let mut sender = response.send_response(head, false).unwrap();
            let body = r#"{"text":"here"}"#.into();
            sender.send_data(body, true).unwrap();
            return;
        }
        let head = http2::head("application/connect+json");
        let mut sender = response.send_response(head, false).unwrap();
        // All that the windows take, and more.
        let body = said(&"x".repeat(1 << 20)).repeat(4);
        sender.send_data(body.into(), false).unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let client = Client::builder(base)
        .http2_only()
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let mut unread = Vec::new();
    for _ in 0..STREAMS {
        let call = client.call::<Count>(word(""));
        unread.push(call.timeout(Duration::from_secs(20)).await.unwrap());
    }
    // Those have arrived as far as they can when a message of the last one has.
    assert!(unread[STREAMS - 1].message().await.unwrap().is_some());
    assert_eq!(client.call::<Say>(word("")).await.unwrap().text, "here");
}

/// More calls at once than there are connections in the making wait for their turn.
#[cfg(feature = "tls")]
#[tokio::test]
async fn connections_are_made_a_few_at_a_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    let client = Client::builder(base)
        .http1_only()
        .connect_timeout(Duration::from_secs(20))
        .build();
    // A machine without root certificates has no TLS to test.
    let Ok(client) = client else { return };
    let calls: Vec<_> = (0..200)
        .map(|_| tokio::spawn(client.call::<Say>(word("")).into_future()))
        .collect();
    // None of their handshakes is answered.
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(listener.accept().await.unwrap());
    }
    let more = tokio::time::timeout(Duration::from_millis(300), listener.accept()).await;
    assert!(more.is_err(), "more than 64");
    // One that is closed makes room for the next.
    open.pop();
    soon("the next one", async {
        listener.accept().await.unwrap();
    })
    .await;
    for call in calls {
        call.abort();
    }
}

/// What is silent, and doesn't answer when it is asked whether it is there, is left.
#[tokio::test]
async fn a_peer_that_goes_silent_over_http2() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(socket).await.unwrap();
        let (_request, mut respond) = connection.accept().await.unwrap().unwrap();
        let head = http2::head("application/connect+json");
        let mut body = respond.send_response(head, false).unwrap();
        body.send_data(said("here").into(), false).unwrap();
        // It writes that, and does nothing more for as long as it lives.
        let written = tokio::time::timeout(Duration::from_millis(200), connection.accept());
        assert!(written.await.is_err());
        std::future::pending::<()>().await;
        drop((connection, body));
    });
    let alive = (Duration::from_millis(100), Duration::from_millis(200));
    let client = Client::builder(base)
        .http2_only()
        .http2_keep_alive(alive)
        .stream_idle_timeout(None)
        .retry(RetryPolicy::none())
        .build()
        .unwrap();
    let mut stream = client.call::<Count>(word("")).timeout(None).await.unwrap();
    assert_eq!(stream.message().await.unwrap().unwrap().text, "here");
    let next = tokio::time::timeout(Duration::from_secs(20), stream.message());
    let error = next.await.expect("it is waited for").unwrap_err();
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    server.abort();
}

/// The kernel asks a peer whether it is there, if that is wanted: it then has a timer for it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn connections_are_kept_alive_by_tcp() {
    for (time, expected) in [(Some(Duration::from_secs(60)), true), (None, false)] {
        let server =
            common::Server::start(vec![vec![common::json("200 OK", r#"{"text":"a"}"#)]]).await;
        let client = Client::builder(&server.base)
            .tcp_keep_alive(time)
            .build()
            .unwrap();
        client.call::<Say>(word("")).await.unwrap();
        let port: u16 = server.base.rsplit(':').next().unwrap().parse().unwrap();
        // proc(5): the peer's address is the third word, the kind of timer (2: keep-alive) begins the
        // sixth.
        let is_kept = || {
            let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
            table.lines().any(|line| {
                let words: Vec<_> = line.split_whitespace().collect();
                words[2].ends_with(&format!(":{port:04X}")) && words[5].starts_with("02:")
            })
        };
        let mut found = false;
        // What was sent has a timer of its own until it is acknowledged.
        for _ in 0..20 {
            found |= is_kept();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(found, expected);
        drop(client);
    }
}

/// Whatever a call makes can go to another thread.
#[test]
fn all_of_it_is_send() {
    fn is_send<T: Send>(_: T) {}
    let client = Client::builder("http://127.0.0.1:9").build().unwrap();
    is_send(client.call::<Say>(word("")).into_future());
    is_send(client.call::<Count>(word("")).into_future());
    is_send(
        client
            .call::<Gather>(Requests::new(futures_util::stream::empty()))
            .into_future(),
    );
    is_send(
        client
            .call::<Talk>(Requests::new(futures_util::stream::empty()))
            .into_future(),
    );
    is_send(client.call::<Say>(word("")).send());
    is_send(None::<connect_hyper::Streaming<Word>>);
    is_send(client);
}
