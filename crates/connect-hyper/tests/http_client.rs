//! Plain HTTP beside an API.

#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{Server, Step, response};
use connect_hyper::{Client, Code, Credential, Error, Execution, HttpClient};
use http::{Request, Response, StatusCode};

const TOKEN: &str = "Bearer a-token";

fn http() -> HttpClient {
    Client::builder("http://127.0.0.1:9")
        .timeout(Duration::from_secs(10))
        .response_limit(100)
        .build_http()
        .unwrap()
}

/// A POST with a credential.
async fn post(
    client: &HttpClient,
    url: &str,
    body: &'static str,
) -> Result<Response<Bytes>, Error> {
    let request = Request::post(url)
        .header("authorization", TOKEN)
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap();
    client.send(request).await
}

#[tokio::test]
async fn any_answer_is_a_success_and_nothing_is_done_about_it() {
    for status in [
        "200 OK",
        "204 No Content",
        "308 Moved",
        "429 Slow Down",
        "503 Down",
    ] {
        let headers = "location: http://127.0.0.1:1/\r\nretry-after: 0\r\n";
        let server = Server::start(vec![vec![response(status, headers, "")]]).await;
        let url = format!("{}/a/path?q=1", server.base);
        let answer = post(&http(), &url, "").await.unwrap();
        assert_eq!(answer.status().as_str(), &status[..3]);
        assert_eq!(answer.headers()["retry-after"], "0");

        let requests = server.requests();
        assert_eq!(requests.len(), 1, "{status}");
        let request = requests[0].to_ascii_lowercase();
        assert!(
            request.starts_with("post /a/path?q=1 http/1.1\r\n"),
            "{request}"
        );
        let host = server.base.replace("http://", "host: ");
        for header in [&*host, "content-length: 0", "authorization: bearer a-token"] {
            assert!(request.contains(&format!("\r\n{header}\r\n")), "{request}");
        }
    }
}

#[tokio::test]
async fn bodies_go_both_ways_over_one_connection() {
    let answers = vec![
        vec![response("200 OK", "", "first")],
        vec![response("200 OK", "", "second"), Step::Close],
    ];
    let server = Server::start(answers).await;
    let client = http();
    for expected in ["first", "second"] {
        let answer = post(&client, &server.base, "a body").await.unwrap();
        assert_eq!(
            (answer.status(), &answer.body()[..]),
            (StatusCode::OK, expected.as_bytes())
        );
    }
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.ends_with("\r\n\r\na body"))
    );
}

#[tokio::test]
async fn a_credential_stays_private() {
    for url in ["http://192.0.2.1/", "http://example.com:80/", "/a/path"] {
        let error = post(&http(), url, "").await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{url}");
        assert_eq!(error.execution(), Execution::NotSent, "{url}");
    }
    let with_credential = Client::builder("http://127.0.0.1:9")
        .credential(Credential::bearer("a-token").unwrap())
        .build_http();
    assert_eq!(with_credential.unwrap_err().code(), Code::InvalidArgument);
    let with_header = Client::builder("http://127.0.0.1:9")
        .header("x-a", "1")
        .build_http();
    assert_eq!(with_header.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn failures_say_what_is_known_and_quote_nothing() {
    let secret = "a-secret-of-the-answer";
    let large = response("200 OK", "", secret.repeat(10));
    let cut = common::write(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{secret}"
    ));
    for (steps, code) in [
        (vec![Step::Close], Code::Unavailable),
        (vec![Step::Reset], Code::Unavailable),
        (vec![cut, Step::Close], Code::Unavailable),
        (vec![large], Code::ResourceExhausted),
        (
            vec![common::write("not HTTP\r\n\r\n"), Step::Close],
            Code::Unavailable,
        ),
    ] {
        let server = Server::start(vec![steps.clone()]).await;
        let error = post(&http(), &server.base, "a body").await.unwrap_err();
        let told = (error.code(), error.execution());
        assert_eq!(told, (code, Execution::Ambiguous), "{steps:?}");
        let text = format!("{error} {error:?}");
        for secret in [secret, "a-token", "a body"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert_eq!(server.requests().len(), 1);
    }
    // A port that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = post(&http(), &format!("http://{port}"), "")
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.execution()),
        (Code::Unavailable, Execution::NotSent)
    );
}

#[tokio::test]
async fn a_silent_server_is_left() {
    let server = Server::start(vec![vec![Step::AwaitClose]]).await;
    let client = Client::builder(&server.base)
        .timeout(Duration::from_millis(100))
        .build_http()
        .unwrap();
    let error = post(&client, &server.base, "").await.unwrap_err();
    assert_eq!(
        (error.code(), error.execution()),
        (Code::DeadlineExceeded, Execution::Ambiguous)
    );
    server.client_closed().await;
}
