//! How often a proxy is asked for a tunnel. It is named by the environment, which a process has one of: so
//! the calls are made by a second run of this very program.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Look, word};
use connect_hyper::{Client, Code, Execution, RetryPolicy};

/// A proxy that answers so, and how often it was asked.
fn start(answer: &'static str) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            seen.fetch_add(1, Ordering::SeqCst);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (url, asked)
}

/// Set in the second run, which makes the call.
const SECOND: &str = "CONNECT_HYPER_TESTS_A_PROXY";

/// The same answer would come again to some, and not to others.
#[test]
fn what_a_proxy_refuses_is_asked_for_once() {
    if std::env::var_os(SECOND).is_some() {
        return a_call_by_the_proxy();
    }
    let made = rcgen::generate_simple_self_signed(["example.com".to_owned()]).unwrap();
    let mut roots = tempfile::NamedTempFile::new().unwrap();
    roots.write_all(made.cert.pem().as_bytes()).unwrap();
    for (answer, expected) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", 1),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", 1),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", 3),
        ("HTTP/1.1 429 Too Many Requests\r\n\r\n", 3),
        ("no HTTP\r\n\r\n", 3),
    ] {
        let (url, asked) = start(answer);
        let mut call = Command::new(std::env::current_exe().unwrap());
        call.args(["--exact", "what_a_proxy_refuses_is_asked_for_once"])
            .env(SECOND, "yes")
            .env("HTTPS_PROXY", url)
            .env("SSL_CERT_FILE", roots.path());
        for other in ["NO_PROXY", "no_proxy"] {
            call.env_remove(other);
        }
        let output = call.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{answer}: {said}");
        assert!(said.contains("1 passed"), "{answer}: {said}");
        assert_eq!(asked.load(Ordering::SeqCst), expected, "{answer}");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn a_call_by_the_proxy() {
    let soon = Duration::from_millis(1);
    let client = Client::builder("https://app.example.invalid")
        .retry(RetryPolicy::default().backoff(soon, soon))
        .build()
        .unwrap();
    let error = client.call::<Look>(word("")).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    assert_eq!(error.execution(), Execution::NotSent, "{error}");
    assert!(error.message().contains("the proxy"), "{error}");
}
