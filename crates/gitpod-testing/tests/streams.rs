//! Methods that stream, seen from the wire.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod support;

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use gitpod_testing::{Code, Method, Request, RequestStream, Response, ResponseStream, ServerError};
use http::{HeaderName, HeaderValue, Version};
use serde_json::json;
use support::streaming::{
    CODECS, Calling, Collect, Converse, Count, Text, call, envelope, letters, toy_server,
};
use support::{BOTH, PATIENCE, server};
use tokio::sync::mpsc;

fn entry(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
    (
        HeaderName::from_static(name),
        HeaderValue::from_static(value),
    )
}

#[tokio::test]
async fn a_stream_of_responses_in_both_codecs_over_both_versions() {
    let server = toy_server().await;
    for version in BOTH {
        for codec in CODECS {
            let outcome = call(&server, version, Count::PATH, codec, &[], "abc").await;
            assert_eq!(outcome.status, 200);
            let content_type = format!("application/connect+{codec}");
            assert_eq!(outcome.headers["content-type"], content_type);
            assert!(outcome.headers.contains_key("date"));
            assert!(!outcome.headers.contains_key("content-length"));
            assert!(!outcome.headers.contains_key("connect-content-encoding"));
            assert_eq!(outcome.messages, ["a", "b", "c"]);
            assert_eq!(outcome.end, json!({}));
            let nothing = call(&server, version, Count::PATH, codec, &[], "").await;
            assert!(nothing.messages.is_empty());
            assert_eq!(nothing.end, json!({}));
        }
    }
    let calls = server.calls();
    assert_eq!(calls.len(), 8);
    assert_eq!(calls[0].path(), Count::PATH);
}

#[tokio::test]
async fn headers_go_out_before_the_first_message_and_trailers_at_the_end() {
    for version in BOTH {
        let server = server().await;
        let (release, released) = tokio::sync::watch::channel(false);
        server.handle_with_metadata::<Count, _, _>(move |request| {
            let mut released = released.clone();
            async move {
                let given = request.headers()["x-given"].clone();
                let stream = ResponseStream::produce(|sender| async move {
                    released.wait_for(|released| *released).await.unwrap();
                    sender.send(Text::new("one")).await?;
                    let (name, value) = entry("x-end", "late");
                    sender.add_trailer(name, value);
                    Ok(())
                });
                let (name, value) = entry("x-end", "early");
                Ok(Response::new(stream)
                    .with_header(HeaderName::from_static("x-given"), given)
                    .with_trailer(name, value))
            }
        });
        let headers = [("x-given", "1")];
        let mut calling = Calling::open(&server, version, Count::PATH, "json", &headers).await;
        calling.send("");
        calling.finish();
        let mut answering = calling.answer().await;
        assert_eq!(answering.headers["x-given"], "1");
        assert!(!answering.headers.contains_key("x-end"));
        release.send(true).unwrap();
        assert_eq!(answering.next().await.unwrap(), "one");
        let end = answering.next().await.unwrap_err();
        assert_eq!(end, json!({"metadata": {"x-end": ["early", "late"]}}));
    }
}

#[tokio::test]
async fn an_error_comes_behind_the_messages_before_it() {
    for version in BOTH {
        let server = server().await;
        server.handle_with_metadata::<Count, _, _>(|_| async {
            let (name, value) = entry("x-end", "1");
            let error = ServerError::new(Code::DataLoss, "that was all")
                .with_detail("toy.v1.Text", vec![10, 1, b'x'])
                .with_trailer(name.clone(), value);
            let messages = [Ok(Text::new("a")), Ok(Text::new("b")), Err(error)];
            let (_, value) = entry("x-end", "0");
            Ok(
                Response::new(ResponseStream::new(stream::iter(messages)))
                    .with_trailer(name, value),
            )
        });
        let outcome = call(&server, version, Count::PATH, "proto", &[], "").await;
        assert_eq!(outcome.status, 200);
        assert_eq!(outcome.messages, ["a", "b"]);
        let expected = json!({
            "error": {
                "code": "data_loss",
                "message": "that was all",
                "details": [{"type": "toy.v1.Text", "value": "CgF4"}],
            },
            "metadata": {"x-end": ["0", "1"]},
        });
        assert_eq!(outcome.end, expected);
    }
}

#[tokio::test]
async fn an_error_before_the_first_message_has_headers_and_trailers() {
    for path in [Count::PATH, Collect::PATH, Converse::PATH] {
        let server = server().await;
        let fail = || {
            let ((h, v), (t, w)) = (entry("x-head", "1"), entry("x-end", "2"));
            ServerError::new(Code::Aborted, "told to")
                .with_header(h, v)
                .with_trailer(t, w)
        };
        server.handle::<Count, _, _>(move |_| async move { Err(fail()) });
        server.handle::<Collect, _, _>(move |_| async move { Err(fail()) });
        server.handle::<Converse, _, _>(move |_| async move { Err(fail()) });
        for version in BOTH {
            let outcome = call(&server, version, path, "json", &[], "").await;
            assert_eq!(outcome.status, 200);
            assert_eq!(outcome.headers["content-type"], "application/connect+json");
            assert_eq!(outcome.headers["x-head"], "1");
            assert_eq!(outcome.code(), Some("aborted"));
            assert_eq!(outcome.end["metadata"], json!({"x-end": ["2"]}));
        }
    }
}

#[tokio::test]
async fn requests_reach_the_handler_as_they_come() {
    for version in BOTH {
        for codec in CODECS {
            let server = server().await;
            let (seen, mut sightings) = mpsc::unbounded_channel();
            server.handle::<Collect, _, _>(move |request: Request<RequestStream<Text>>| {
                let seen = seen.clone();
                async move {
                    let mut requests = request.into_message();
                    let mut count = 0;
                    while let Some(message) = requests.message().await? {
                        seen.send(message.text).unwrap();
                        count += 1;
                    }
                    Ok(Text::new(count.to_string()))
                }
            });
            let calling = Calling::open(&server, version, Collect::PATH, codec, &[]).await;
            for text in ["one", "two", "three"] {
                calling.send(text);
                // Nothing more is sent before this one has arrived.
                let message = tokio::time::timeout(PATIENCE, sightings.recv()).await;
                assert_eq!(message.unwrap().unwrap(), text);
            }
            let outcome = calling.outcome().await;
            assert_eq!(outcome.messages, ["3"]);
            assert_eq!(outcome.end, json!({}));
        }
    }
}

#[tokio::test]
async fn envelopes_may_come_in_any_pieces() {
    let server = toy_server().await;
    for version in BOTH {
        let mut calling = Calling::open(&server, version, Collect::PATH, "json", &[]).await;
        let all = [
            envelope(0, br#"{"text":"a"}"#),
            envelope(0, br#"{"text":"b"}"#),
            envelope(0, br#"{"text":"c"}"#),
        ]
        .concat();
        for byte in &all[..all.len() - 20] {
            calling.send_bytes(Bytes::copy_from_slice(&[*byte]));
        }
        calling.send_bytes(Bytes::copy_from_slice(&all[all.len() - 20..]));
        calling.finish();
        assert_eq!(calling.outcome().await.messages, ["abc"]);
    }
}

#[tokio::test]
async fn both_sides_stream_at_once_over_http2() {
    let server = toy_server().await;
    for codec in CODECS {
        let mut calling = Calling::open(&server, Version::HTTP_2, Converse::PATH, codec, &[]).await;
        let mut answering = calling.answer().await;
        for (text, answer) in [("a", "A"), ("b", "B"), ("c", "C")] {
            calling.send(text);
            assert_eq!(answering.next().await.unwrap(), answer);
        }
        calling.finish();
        assert_eq!(answering.next().await.unwrap_err(), json!({}));
    }
}

#[tokio::test]
async fn one_side_streams_after_the_other_over_http1() {
    let server = toy_server().await;
    for codec in CODECS {
        let calling = Calling::open(&server, Version::HTTP_11, Converse::PATH, codec, &[]).await;
        for text in ["a", "b", "c"] {
            calling.send(text);
        }
        let outcome = calling.outcome().await;
        assert_eq!(outcome.messages, ["A", "B", "C"]);
        assert_eq!(outcome.end, json!({}));
    }
}

#[tokio::test]
async fn the_clients_deadline_ends_a_stream_wherever_it_is() {
    let server = server().await;
    // Before the answer, between messages, with always one more to send.
    server.handle::<Count, _, _>(|request| async move {
        match request.text.as_str() {
            "no answer" => std::future::pending().await,
            "no end" => {
                let one = stream::iter([Ok(Text::new("one"))]);
                Ok(ResponseStream::new(one.chain(stream::pending())))
            }
            _ => Ok(ResponseStream::produce(|sender| async move {
                loop {
                    sender.send(Text::new("one")).await?;
                }
            })),
        }
    });
    // While the client is still to send.
    server.handle::<Collect, _, _>(|request: Request<RequestStream<Text>>| async move {
        assert!(request.deadline().is_some());
        let mut requests = request.into_message();
        while requests.message().await?.is_some() {}
        Ok(Text::default())
    });
    let timeout = [("connect-timeout-ms", "200")];
    for version in BOTH {
        for text in ["no answer", "no end", "endless"] {
            let outcome = call(&server, version, Count::PATH, "json", &timeout, text).await;
            assert_eq!(outcome.code(), Some("deadline_exceeded"), "{text}");
            match text {
                "no answer" => assert!(outcome.messages.is_empty()),
                "no end" => assert_eq!(outcome.messages, ["one"]),
                _ => assert!(outcome.messages.len() > 1),
            }
        }
        for path in [Count::PATH, Collect::PATH] {
            let mut calling = Calling::open(&server, version, path, "json", &timeout).await;
            calling.send("one");
            let mut answering = calling.answer().await;
            let end = answering.next().await.unwrap_err();
            assert_eq!(end["error"]["code"], "deadline_exceeded", "{path}");
        }
    }
}

/// Says when it is dropped.
struct Dropped(mpsc::UnboundedSender<&'static str>, &'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(self.1);
    }
}

#[tokio::test]
async fn whatever_runs_for_a_client_is_dropped_when_it_leaves() {
    for version in BOTH {
        let server = server().await;
        let (sender, mut dropped) = mpsc::unbounded_channel();
        let (started, mut starts) = mpsc::unbounded_channel();
        server.handle::<Count, _, _>({
            let (sender, started) = (sender.clone(), started.clone());
            move |request| {
                let (sender, started) = (sender.clone(), started.clone());
                async move {
                    if request.text == "no answer" {
                        let _guard = Dropped(sender.clone(), "handler");
                        started.send(()).unwrap();
                        std::future::pending::<()>().await;
                    }
                    Ok(ResponseStream::produce(|messages| async move {
                        let _guard = Dropped(sender, "producer");
                        started.send(()).unwrap();
                        messages.send(Text::new("one")).await?;
                        std::future::pending().await
                    }))
                }
            }
        });
        server.handle::<Converse, _, _>({
            move |request| {
                let guard = Dropped(sender.clone(), "conversation");
                started.send(()).unwrap();
                let requests: RequestStream<Text> = request.into_message();
                let requests = requests.map(move |message| {
                    let _guard = &guard;
                    message
                });
                std::future::ready(Ok(ResponseStream::new(requests)))
            }
        });
        for (path, text, name) in [
            (Count::PATH, "no answer", "handler"),
            (Count::PATH, "no end", "producer"),
            (Converse::PATH, "", "conversation"),
        ] {
            let mut calling = Calling::open(&server, version, path, "json", &[]).await;
            calling.send(text);
            if path == Count::PATH {
                calling.finish();
            }
            tokio::time::timeout(PATIENCE, starts.recv()).await.unwrap();
            assert!(dropped.try_recv().is_err());
            calling.leave();
            let gone = tokio::time::timeout(PATIENCE, dropped.recv()).await;
            assert_eq!(gone.unwrap(), Some(name), "{version:?}");
        }
    }
}

/// Over HTTP/2 one stream is given up, and the connection goes on.
#[tokio::test]
async fn a_stream_that_is_reset_is_dropped() {
    let server = server().await;
    let (sender, mut dropped) = mpsc::unbounded_channel();
    server.handle::<Count, _, _>(move |_| {
        let guard = Dropped(sender.clone(), "stream");
        let stream = stream::iter([Ok(Text::new("one"))]).chain(stream::pending());
        let stream = stream.inspect(move |_| {
            let _guard = &guard;
        });
        std::future::ready(Ok(ResponseStream::new(stream)))
    });
    let mut calling = Calling::open(&server, Version::HTTP_2, Count::PATH, "json", &[]).await;
    calling.send("");
    calling.finish();
    let mut answering = calling.answer().await;
    assert_eq!(answering.next().await.unwrap(), "one");
    drop(answering);
    let gone = tokio::time::timeout(PATIENCE, dropped.recv()).await;
    assert_eq!(gone.unwrap(), Some("stream"));
}

#[tokio::test]
async fn a_handler_that_reads_learns_that_the_client_left() {
    for version in BOTH {
        let server = server().await;
        let (sender, mut errors) = mpsc::unbounded_channel();
        server.handle::<Collect, _, _>(move |request: Request<RequestStream<Text>>| {
            let (sender, mut requests) = (sender.clone(), request.into_message());
            // A task of its own outlives the call.
            tokio::spawn(async move {
                assert!(requests.message().await.unwrap().is_some());
                sender.send(None).unwrap();
                sender.send(requests.message().await.err()).unwrap();
                // Behind the error is the end, however often one asks.
                assert!(requests.message().await.unwrap().is_none());
                assert!(requests.message().await.unwrap().is_none());
            });
            std::future::pending()
        });
        let calling = Calling::open(&server, version, Collect::PATH, "json", &[]).await;
        calling.send("one");
        let first = tokio::time::timeout(PATIENCE, errors.recv()).await;
        assert!(first.unwrap().unwrap().is_none());
        calling.leave();
        let error = tokio::time::timeout(PATIENCE, errors.recv()).await;
        assert_eq!(error.unwrap().unwrap().unwrap().code(), Code::Canceled);
    }
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_no_more() {
    let server = server().await;
    server.handle::<Count, _, _>(|request: Request<Text>| {
        assert!(request.text != "at once", "as told");
        async move {
            assert!(request.text != "before the answer", "as told");
            let messages = stream::iter(["one", "two"]).map(move |text| {
                assert!(
                    request.text != "between messages" || text == "one",
                    "as told"
                );
                Ok(Text::new(text))
            });
            Ok(ResponseStream::new(messages))
        }
    });
    for version in BOTH {
        for (text, messages) in [
            ("at once", 0),
            ("before the answer", 0),
            ("between messages", 1),
        ] {
            let outcome = call(&server, version, Count::PATH, "json", &[], text).await;
            assert_eq!(outcome.code(), Some("internal"), "{text}");
            assert_eq!(outcome.messages.len(), messages, "{text}");
        }
        let outcome = call(&server, version, Count::PATH, "json", &[], "fine").await;
        assert_eq!(outcome.messages, ["one", "two"]);
    }
}

#[tokio::test]
async fn a_stop_finishes_a_stream_and_a_kill_does_not() {
    for version in BOTH {
        for kill in [false, true] {
            let server = server().await;
            let (release, released) = tokio::sync::watch::channel(false);
            server.handle::<Count, _, _>(move |_| {
                let mut released = released.clone();
                async move {
                    Ok(ResponseStream::produce(|sender| async move {
                        sender.send(Text::new("one")).await?;
                        released.wait_for(|released| *released).await.unwrap();
                        sender.send(Text::new("two")).await
                    }))
                }
            });
            let mut calling = Calling::open(&server, version, Count::PATH, "json", &[]).await;
            calling.send("");
            calling.finish();
            let mut answering = calling.answer().await;
            assert_eq!(answering.next().await.unwrap(), "one");
            if kill {
                server.kill();
                assert!(answering.envelope().await.is_err());
                continue;
            }
            let stopping = tokio::spawn(async move { server.stop().await });
            release.send(true).unwrap();
            assert_eq!(answering.next().await.unwrap(), "two");
            assert_eq!(answering.next().await.unwrap_err(), json!({}));
            let stopped = tokio::time::timeout(Duration::from_secs(15), stopping).await;
            stopped.unwrap().unwrap();
        }
    }
}

#[test]
fn streams_go_between_threads_and_show_nothing() {
    fn check<T: Send + std::fmt::Debug + 'static>() {}
    check::<RequestStream<Text>>();
    check::<ResponseStream<Text>>();
    check::<gitpod_testing::ResponseSender<Text>>();
    let shown = format!("{:?}", letters("hush"));
    assert!(!shown.contains('h'), "{shown}");
}
