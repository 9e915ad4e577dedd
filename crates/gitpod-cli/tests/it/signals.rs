//! A signal must not lose a token that is on its way.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command};

use crate::support::{Act, ID, Scripted, TOKEN, finish, gitpodctl, regenerated, response};

pub(crate) fn send(child: &Child, signal: &str) {
    let status = Command::new("sh")
        .args([
            "-c",
            r#"kill -"$1" "$2""#,
            "sh",
            signal,
            &child.id().to_string(),
        ])
        .status()
        .expect("a shell");
    assert!(status.success());
}

fn slow() -> Scripted {
    Scripted::start(Act::AnswerWhenTold(response(
        "200 OK",
        "application/json",
        &regenerated(),
    )))
}

/// Starts a regenerate request, waits until it is on the wire, and sends a signal that is noted.
fn interrupted(
    server: &Scripted,
    signal: &str,
    more: &[&str],
) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut child = gitpodctl()
        .args(["--base-url", &server.url(), "scim", "regenerate-token", ID])
        .args(more)
        .spawn()
        .expect("the binary runs");
    server.wait_for_request();
    send(&child, signal);
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("a line");
    assert!(line.contains("the request is under way"), "{line}");
    (child, stderr)
}

/// `call` of what may change something waits too.
#[test]
fn any_method_waits_for_its_answer() {
    let server = slow();
    let data = format!(r#"{{"scimConfigurationId":"{ID}"}}"#);
    let start = || {
        let mut child = server.start_with(|command| {
            command.args([
                "call",
                "OrganizationService/RegenerateSCIMToken",
                "-d",
                &data,
            ])
        });
        server.wait_for_request();
        send(&child, "INT");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("a line");
        assert!(
            line.contains("giving up now could lose its answer"),
            "{line}"
        );
        (child, stderr)
    };
    let (child, _stderr) = start();
    server.go_on();
    assert_eq!(finish(child).expect(0).line(), regenerated());

    let (child, mut stderr) = start();
    send(&child, "INT");
    finish(child).expect(7).silent();
    let mut line = String::new();
    stderr.read_line(&mut line).expect("a line");
    assert!(line.contains("may have been executed"), "{line}");
    server.go_on();
}

#[test]
fn the_first_one_waits_for_the_answer() {
    for signal in ["INT", "TERM", "HUP"] {
        let server = slow();
        let (child, _stderr) = interrupted(&server, signal, &[]);
        server.go_on();
        assert_eq!(finish(child).expect(0).line(), TOKEN, "{signal}");
    }
}

#[test]
fn the_second_one_gives_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let server = slow();
    let (child, mut stderr) = interrupted(
        &server,
        "INT",
        &["--timeout", "50s", "--token-file", path.to_str().unwrap()],
    );
    send(&child, "TERM");
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(
        line.contains("the token may have been regenerated"),
        "{line}"
    );
    finish(child).expect(7).silent();
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
    server.go_on();
}

/// What had arrived by then is kept: it may hold the token.
#[test]
fn the_second_one_keeps_what_came() {
    let body = regenerated();
    let part = &body[..body.len() - 10];
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let server = Scripted::start(Act::AnswerAndHold(format!("{head}{part}").into_bytes()));
    let (child, mut stderr) = interrupted(&server, "INT", &["--timeout", "50s"]);
    // The part is sent right after the request came; it is long there when the second signal is.
    std::thread::sleep(std::time::Duration::from_secs(1));
    send(&child, "INT");
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("given up"), "{line}");
    assert_eq!(finish(child).expect(9).line(), part);
    server.go_on();
}

#[test]
fn a_call_that_hands_out_no_token_just_ends() {
    let server = slow();
    let child = gitpodctl()
        .args(["--base-url", &server.url(), "scim", "get", ID])
        .spawn()
        .unwrap();
    server.wait_for_request();
    send(&child, "INT");
    let run = finish(child);
    assert_eq!(run.code, None, "ended by the signal: {run:?}");
    server.go_on();
}
