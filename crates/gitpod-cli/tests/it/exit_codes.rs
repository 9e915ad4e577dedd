//! Each way a call can end has the exit code that `--help` promises.

use std::net::TcpListener;

use gitpod_testing::Server;

use crate::support::{
    API_KEY, Act, Embedded, ID, Scripted, TOKEN, finish, gitpodctl, regenerated, response, run,
};

fn refused(status: &str, code: &str, exit: i32) {
    let server = Scripted::json(
        status,
        &format!(r#"{{"code":"{code}","message":"because"}}"#),
    );
    server
        .scim(["regenerate-token", ID])
        .expect(exit)
        .silent()
        .says("because")
        .says("the old token was not replaced");
    assert_eq!(server.requests(), 1, "{code} is never repeated");
    server
        .scim(["get", ID])
        .expect(exit)
        .silent()
        .says("because");
}

#[test]
fn refusals_change_nothing() {
    refused("401 Unauthorized", "unauthenticated", 3);
    refused("403 Forbidden", "permission_denied", 3);
    refused("404 Not Found", "not_found", 4);
    refused("400 Bad Request", "invalid_argument", 5);
    refused("400 Bad Request", "failed_precondition", 5);
    refused("501 Not Implemented", "unimplemented", 5);
    refused("429 Too Many Requests", "resource_exhausted", 5);
}

fn ambiguous(bytes: Vec<u8>) {
    let server = Scripted::start(Act::Answer(bytes));
    let run = server
        .scim(["regenerate-token", ID])
        .expect(7)
        .silent()
        .says("the token may have been regenerated")
        .says(&format!("gitpodctl scim get {ID}"));
    assert!(!run.stderr.contains("was not replaced"), "{run:?}");
    assert_eq!(
        server.requests(),
        1,
        "an ambiguous failure is never repeated"
    );
    server.scim(["delete", ID]).expect(7).silent();
    // A call that only reads leaves nothing open.
    server.scim(["get", ID]).expect(6).silent();
}

#[test]
fn what_nobody_can_place_is_ambiguous() {
    for code in ["unavailable", "internal", "unknown", "deadline_exceeded"] {
        ambiguous(response(
            "503 Service Unavailable",
            "application/json",
            &format!(r#"{{"code":"{code}","message":"because"}}"#),
        ));
    }
    ambiguous(response(
        "502 Bad Gateway",
        "text/html",
        "<h1>bad gateway</h1>",
    ));
    ambiguous(response("408 Request Timeout", "text/plain", ""));
    // Closed without a byte, in the middle of the head, and with a body that never came.
    ambiguous(Vec::new());
    ambiguous(b"HTTP/1.1 200 O".to_vec());
    ambiguous(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n".to_vec(),
    );
    ambiguous(response("200 OK", "application/json", ""));
}

#[test]
fn a_deadline_is_ambiguous() {
    let server = Scripted::start(Act::AnswerWhenTold(Vec::new()));
    server
        .scim(["regenerate-token", ID, "--timeout", "200ms"])
        .expect(7)
        .silent()
        .says("the token may have been regenerated");
    server.go_on();
}

#[test]
fn no_connection_changes_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api", listener.local_addr().unwrap());
    drop(listener);
    run(["--base-url", &url, "scim", "regenerate-token", ID])
        .expect(6)
        .silent()
        .says("the old token was not replaced");
    run(["--base-url", &url, "scim", "list"]).expect(6).silent();
}

/// An answer that holds a token, cut off behind it: what came is kept.
#[test]
fn a_cut_answer_is_kept() {
    let body = regenerated();
    let part = &body[..body.len() - 10];
    let bytes = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{part}",
        body.len()
    );
    let server = Scripted::start(Act::Answer(bytes.into_bytes()));
    let run = server.scim(["regenerate-token", ID]).expect(9);
    assert_eq!(run.line(), part);
    assert_eq!(server.requests(), 1);
}

#[test]
fn an_answer_that_is_not_understood_is_kept() {
    for body in [
        format!(r#"{{"token":"{TOKEN}","tokenExpiresAt":"soon"}}"#),
        format!(r#"{{"token":"{TOKEN}\nsecond line"}}"#),
        format!(r#"{{"tokn":"{TOKEN}"}}"#),
        format!("{TOKEN} but not JSON"),
    ] {
        for form in ["table", "json"] {
            let run = Scripted::json("200 OK", &body)
                .scim(["regenerate-token", ID, "--output", form])
                .expect(9)
                .says("as they came");
            assert_eq!(run.line(), body);
        }
    }
    // The token may come in an answer of the wrong kind, too.
    let server = Scripted::start(Act::Answer(response(
        "200 OK",
        "text/plain",
        &regenerated(),
    )));
    let run = server.scim(["regenerate-token", ID]).expect(9);
    assert_eq!(run.line(), regenerated());
}

#[test]
fn success_prints_the_token_and_sends_what_was_asked_for() {
    let server = Scripted::json("200 OK", &regenerated());
    let run = server
        .scim(["regenerate-token", ID, "--expires-in", "180d"])
        .expect(0)
        .says("2027-01-02T03:04:05Z");
    assert_eq!(run.line(), TOKEN);
    let request = server.request(0);
    assert!(
        request.starts_with("POST /api/gitpod.v1.OrganizationService/RegenerateSCIMToken "),
        "{request}"
    );
    assert!(request.contains(&format!("Bearer {API_KEY}")), "{request}");
    assert!(
        request.contains(r#""tokenExpiresIn":"15552000s""#),
        "{request}"
    );

    let run = server
        .scim(["regenerate-token", ID, "--output", "json"])
        .expect(0);
    let json: serde_json::Value = serde_json::from_str(run.line()).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "scimConfigurationId": ID,
            "token": TOKEN,
            "tokenExpiresAt": "2027-01-02T03:04:05Z",
        })
    );
    assert!(
        !server.request(1).contains("tokenExpiresIn"),
        "the old life, unless asked"
    );
}

/// The codes that `--help` lists, in their order.
pub(crate) fn listed() -> Vec<u8> {
    let help = run(["scim", "rotate", "--help"]).expect(0).stdout;
    let (_, listed) = help.split_once("Exit codes:\n").expect("a list");
    let first_words = listed
        .lines()
        .map_while(|line| line.split_whitespace().next());
    first_words.filter_map(|word| word.parse().ok()).collect()
}

/// Each has a row in the README, and each that a schedule can meet in its page.
#[test]
fn every_exit_code_is_documented() {
    let rows = |text: &str, heading: &str| -> Vec<u8> {
        let (_, section) = text.split_once(heading).expect("a section");
        let cells = section
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
        cells.filter_map(|cell| cell.parse().ok()).collect()
    };
    let readme = include_str!("../../README.md");
    assert_eq!(rows(readme, "## Exit codes"), listed());
    let page = include_str!("../../docs/schedule.md");
    let page = rows(page, "## Who is told");
    let of_rotations: Vec<_> = listed().into_iter().filter(|code| *code > 20).collect();
    assert!(page.ends_with(&of_rotations), "{page:?}");
}

/// Where standard output is full, the exit code says whether a token is lost.
#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let server = Scripted::json("200 OK", &regenerated());
    full(&server, &["regenerate-token", ID])
        .expect(10)
        .says("regenerate it again");
    let file = ["--output", "json", "--token-file", path.to_str().unwrap()];
    full(&server, &[&["regenerate-token", ID][..], &file].concat()).expect(11);
    assert_eq!(std::fs::read_to_string(path).unwrap(), TOKEN);
    full(&server, &["list"]).expect(11);
    // What isn't understood is lost there as well.
    full(&Scripted::json("200 OK", "{}"), &["regenerate-token", ID]).expect(10);
}

#[cfg(target_os = "linux")]
fn full(server: &Scripted, arguments: &[&str]) -> crate::support::Run {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    let child = gitpodctl()
        .args(["--base-url", &server.url(), "scim"])
        .args(arguments)
        .stdout(full)
        .spawn()
        .expect("the binary runs");
    crate::support::finish(child)
}

/// Names and messages from elsewhere don't move a terminal's cursor.
#[test]
fn control_characters_are_spelled_out() {
    let server = Scripted::json(
        "404 Not Found",
        r#"{"code":"not_found","message":"\u001b[2Jgone\r\nreally"}"#,
    );
    let run = server.scim(["get", ID]).expect(4).says("gone\\r\\nreally");
    assert!(!run.stderr.contains('\u{1b}'), "{run:?}");
}

/// Where standard output goes nowhere, the token would too.
#[cfg(unix)]
#[test]
fn no_token_is_asked_for_that_would_be_thrown_away() {
    let embedded = Embedded::start(Server::builder());
    embedded
        .regenerate_as(|command| command.stdout(std::process::Stdio::null()))
        .expect(2)
        .says("--token-file");
    // A shell's `>&-` closes it, and the runtime puts the null device in its place.
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", "exec \"$0\" \"$@\" >&-"])
        .arg(env!("CARGO_BIN_EXE_gitpodctl"))
        .args([
            "scim",
            "regenerate-token",
            embedded.server.scim_configuration_id(),
        ])
        .env("ONA_API_KEY", embedded.server.api_key())
        .env("ONA_BASE_URL", embedded.server.base_url())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    finish(shell.spawn().expect("a shell"))
        .expect(2)
        .says("--token-file");
    assert_eq!(embedded.server.call_count(), 0);

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    embedded
        .regenerate_as(|command| {
            let command = command.stdout(std::process::Stdio::null());
            command.arg("--token-file").arg(&path)
        })
        .expect(0);
    assert_eq!(
        std::fs::read_to_string(path).ok(),
        embedded.server.tokens_issued().pop()
    );
}
