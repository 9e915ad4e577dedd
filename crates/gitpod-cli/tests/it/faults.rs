//! What is said after a failure is true: the embedded server knows whether it executed the call,
//! and its SCIM endpoint which token is alive.

use std::io::{Read, Write};
use std::net::TcpStream;

use gitpod_testing::http::StatusCode;
use gitpod_testing::{Fault, Server};

use crate::support::Embedded;

impl Embedded {
    /// Whether the SCIM endpoint takes this token.
    fn is_alive(&self, token: &str) -> bool {
        let mut stream =
            TcpStream::connect(("127.0.0.1", self.server.port())).expect("a connection");
        let (_, path) = self
            .server
            .scim_base_url()
            .split_once(&format!(":{}", self.server.port()))
            .expect("a URL with the port");
        write!(
            stream,
            "GET {path}/ServiceProviderConfig HTTP/1.1\r\nhost: localhost\r\n\
             authorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        )
        .expect("the request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the answer");
        match answer.split(' ').nth(1) {
            Some("200") => true,
            Some("401") => false,
            _ => panic!("{answer}"),
        }
    }
}

#[test]
fn the_new_token_is_alive_and_the_old_one_dead() {
    let embedded = Embedded::start(Server::builder());
    let old = embedded.server.scim_token().to_owned();
    assert!(embedded.is_alive(&old));
    let run = embedded.regenerate(&[]).expect(0);
    assert!(embedded.is_alive(run.line()));
    assert!(!embedded.is_alive(&old));
}

#[test]
fn a_lost_request_and_a_lost_answer_look_the_same() {
    let embedded = Embedded::start(Server::builder());
    let old = embedded.server.scim_token().to_owned();
    embedded.server.inject(Fault::drop_before());
    embedded.regenerate(&[]).expect(7).silent();
    assert!(embedded.is_alive(&old));

    embedded.server.inject(Fault::drop_after());
    embedded.regenerate(&[]).expect(7).silent();
    assert!(!embedded.is_alive(&old));
    assert_eq!(
        embedded.server.call_count(),
        4,
        "two calls, two looks: none is repeated"
    );

    let run = embedded.regenerate(&[]).expect(0);
    assert!(embedded.is_alive(run.line()));
}

#[test]
fn a_body_that_stalls_ends_at_the_deadline() {
    let embedded = Embedded::start(Server::builder());
    embedded.server.inject(Fault::stall_body(0));
    embedded
        .regenerate(&["--timeout", "300ms"])
        .expect(7)
        .silent();
    embedded.server.inject(Fault::stall_body(12));
    let run = embedded.regenerate(&["--timeout", "300ms"]).expect(9);
    assert_eq!(run.line().len(), 12, "{run:?}");
    embedded.server.inject(Fault::cut_body(90));
    let run = embedded.regenerate(&[]).expect(9);
    let newest = embedded.server.tokens_issued().pop().expect("a token");
    assert!(
        run.line().contains(&newest),
        "the token was in the part that came"
    );
    assert!(embedded.is_alive(&newest));
}

#[test]
fn answers_of_somebody_else_are_ambiguous() {
    let embedded = Embedded::start(Server::builder());
    let old = embedded.server.scim_token().to_owned();
    for status in [502, 503, 504] {
        let status = StatusCode::from_u16(status).expect("a status");
        embedded.server.inject(Fault::html(status));
        embedded.regenerate(&[]).expect(7).silent();
        assert!(embedded.is_alive(&old));
    }
    embedded
        .server
        .inject(Fault::html(StatusCode::GATEWAY_TIMEOUT).executed());
    embedded.regenerate(&[]).expect(7).silent();
    assert!(!embedded.is_alive(&old));
}

#[test]
fn garbage_is_kept_as_it_came() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let embedded = Embedded::start(Server::builder());
    embedded.server.inject(Fault::garbage());
    embedded
        .regenerate(&["--token-file", path.to_str().unwrap()])
        .expect(9)
        .silent();
    assert!(
        std::fs::read(&path)
            .unwrap()
            .starts_with(b"\xff\xfe\x00garbage")
    );
}
