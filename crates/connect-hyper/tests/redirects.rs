//! Where a request goes when it is told to go elsewhere, and where it doesn't.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::mock::{Answer, Mock, ok, told, unavailable};
use common::{Gather, Look, Say, Server, envelope, json, response, said, word};
use connect_hyper::{Client, ClientBuilder, Code, Credential, Error, Execution, Requests};

const TOKEN: &str = "Bearer a-token";

fn builder(mock: &Mock) -> ClientBuilder {
    Client::builder("https://a.example/api")
        .credential(Credential::bearer("a-token").unwrap())
        .transport(mock.clone())
}

fn to(status: u16, location: &str) -> Answer {
    Answer::Respond(status, Vec::new(), "".into()).with("location", location)
}

fn uris(mock: &Mock) -> Vec<String> {
    mock.seen().into_iter().map(|seen| seen.uri).collect()
}

#[tokio::test]
async fn all_of_it_goes_to_an_allowed_origin() {
    let mock = Mock::new([
        to(307, "/v2/toy.v1.Toy/Say?region=eu"),
        to(308, "https://b.example:8443/Say"),
        ok(),
    ]);
    let client = builder(&mock)
        .redirect_origins(["https://b.example:8443"])
        .build()
        .unwrap();
    let call = client.call::<Say>(word("hello")).header("x-own", "1");
    assert_eq!(call.await.unwrap().text, "done");
    assert_eq!(
        uris(&mock),
        [
            "https://a.example/api/toy.v1.Toy/Say",
            "https://a.example/v2/toy.v1.Toy/Say?region=eu",
            "https://b.example:8443/Say",
        ]
    );
    for seen in mock.seen() {
        assert_eq!(seen.method, http::Method::POST);
        assert_eq!(seen.header("authorization"), Some(TOKEN));
        assert_eq!(seen.header("x-own"), Some("1"));
        assert_eq!(seen.body, r#"{"text":"hello"}"#);
    }
}

#[tokio::test]
async fn nothing_goes_anywhere_else() {
    for (status, location, named) in [
        (
            307,
            "https://evil.example/x?q=secret",
            "https://evil.example",
        ),
        (308, "https://a.example:444/secret", "https://a.example:444"),
        (307, "http://a.example/secret", "http://a.example"),
        (307, "//evil.example/secret", "https://evil.example"),
        (307, "https://user:secret@a.example/", "307"),
        (307, "secret", "307"),
        (308, "", "308"),
        (301, "https://a.example/secret", "https://a.example"),
        (302, "https://a.example/secret", "https://a.example"),
        (303, "https://evil.example/secret", "https://evil.example"),
        (300, "/secret", "300"),
    ] {
        let mock = Mock::new([to(status, location), ok()]);
        let client = builder(&mock).build().unwrap();
        let check = |error: Error| {
            assert_eq!(error.code(), Code::Unknown, "{error}");
            assert_eq!(error.http_status().unwrap().as_u16(), status);
            assert!(
                error.message().contains(named),
                "{status} {location}: {error}"
            );
            assert!(
                !format!("{error} {error:?}").contains("secret"),
                "{error:?}"
            );
            assert!(error.may_have_executed() && !error.is_from_server());
            assert_eq!(error.attempts(), 1);
        };
        check(client.call::<Look>(word("")).await.unwrap_err());
        assert_eq!(mock.seen().len(), 1, "{status} {location}");

        // `send()` hands out what it doesn't take for one of its own.
        let mock = Mock::new([to(status, location)]);
        let client = builder(&mock).build().unwrap();
        match client.call::<Look>(word("")).send().await {
            Err(error) => check(error),
            Ok(mut raw) => {
                raw.read().await.unwrap();
                check(raw.decode().unwrap_err());
            }
        }
    }
}

#[tokio::test]
async fn a_loop_ends() {
    let mock = Mock::new((0..10).map(|_| to(307, "/api/toy.v1.Toy/Look")));
    let error = builder(&mock)
        .build()
        .unwrap()
        .call::<Look>(word(""))
        .await
        .unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Code::Unknown, 1));
    assert_eq!(mock.seen().len(), 6, "the request, and 5 redirects");
    assert!(error.message().contains("more redirects"), "{error}");

    let mock = Mock::new((0..5).map(|_| to(307, "/x")).chain([ok()]));
    builder(&mock)
        .build()
        .unwrap()
        .call::<Look>(word(""))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn within_the_deadline() {
    let mock = Mock::new([to(307, "/x"), Answer::Hang]);
    let call = builder(&mock).build().unwrap().call::<Say>(word(""));
    let error = call.timeout(Duration::from_secs(2)).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(error.execution(), Execution::Ambiguous);
}

/// What is retried begins at the base URL again, and a redirect is no attempt.
#[tokio::test(start_paused = true)]
async fn between_attempts() {
    let mock = Mock::new([to(307, "/x"), unavailable(), to(307, "/y"), ok()]);
    builder(&mock)
        .build()
        .unwrap()
        .call::<Look>(word(""))
        .await
        .unwrap();
    let base = "https://a.example/api/toy.v1.Toy/Look";
    let expected = [base, "https://a.example/x", base, "https://a.example/y"];
    assert_eq!(uris(&mock), expected);

    // A redirect is an answer: nobody can say that nothing was sent.
    let mock = Mock::new([to(307, "/x"), Answer::NotSent]);
    let error = builder(&mock)
        .build()
        .unwrap()
        .call::<Say>(word(""))
        .await
        .unwrap_err();
    assert_eq!(
        (error.execution(), error.attempts()),
        (Execution::Ambiguous, 1)
    );

    // What the target refuses is refused; the redirect itself has done nothing.
    let mock = Mock::new([to(307, "/x"), told("not_found")]);
    let error = builder(&mock)
        .build()
        .unwrap()
        .call::<Say>(word(""))
        .await
        .unwrap_err();
    assert_eq!(error.execution(), Execution::Refused);
}

#[tokio::test]
async fn a_stream_of_requests_that_has_begun() {
    let words = || Requests::new(futures_util::stream::iter([word("a")]));
    let mock = Mock::new([to(307, "/x"), ok()]);
    let error = builder(&mock)
        .build()
        .unwrap()
        .call::<Gather>(words())
        .await
        .unwrap_err();
    assert!(error.message().contains("stream that has begun"), "{error}");
    assert_eq!(mock.seen().len(), 1);

    let answer = [said("done"), envelope(2, "{}")].concat();
    let answer = common::mock::respond(200, "application/connect+json", answer);
    let mock = Mock::new([answer]);
    builder(&mock)
        .build()
        .unwrap()
        .call::<Gather>(words())
        .await
        .unwrap();
}

/// Plain http, from a server of this machine to itself.
#[tokio::test]
async fn over_sockets() {
    let redirect = |location: &str| {
        let header = format!("location: {location}\r\n");
        vec![response("307 Temporary Redirect", &header, "")]
    };
    let ok = || vec![json("200 OK", r#"{"text":"done"}"#)];
    let server = Server::start(vec![redirect("/elsewhere"), ok()]).await;
    let client = Client::builder(&server.base)
        .credential(Credential::bearer("a-token").unwrap())
        .build()
        .unwrap();
    assert_eq!(client.call::<Say>(word("hi")).await.unwrap().text, "done");
    let requests = server.requests();
    assert!(
        requests[1].starts_with("POST /elsewhere HTTP/1.1\r\n"),
        "{requests:?}"
    );
    assert!(requests[1].contains("authorization: Bearer a-token"));
    assert!(requests[1].ends_with(r#"{"text":"hi"}"#));

    let other = Server::start(vec![ok()]).await;
    let server = Server::start(vec![redirect(&other.base)]).await;
    let client = Client::builder(&server.base)
        .redirect_origins([&other.base])
        .build()
        .unwrap();
    let error = client.call::<Say>(word("hi")).await.unwrap_err();
    assert!(error.message().contains(&other.base), "{error}");
    assert!(other.requests().is_empty());
}

#[test]
fn origins_are_checked() {
    for wrong in [
        "a.example",
        "https://a.example/x",
        "https://user:secret@a.example",
    ] {
        let error = Client::builder("https://a.example")
            .redirect_origins([wrong])
            .build()
            .unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(!error.message().contains("secret"), "{error}");
    }
}
