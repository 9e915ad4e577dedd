//! `--verbose` shows what goes over the wire, and no secret.

use crate::support::{
    API_KEY, Act, ID, Run, Scripted, TOKEN, finish, regenerated, response, stream,
};

fn request() -> String {
    format!(r#"{{"scimConfigurationId":"{ID}"}}"#)
}

/// Runs a command so, and looks for secrets in what it says.
fn verbose(server: &Scripted, arguments: &[&str]) -> Run {
    let run = finish(server.start_with(|command| command.args(arguments).arg("--verbose")));
    assert!(run.stderr.contains("> POST http://127.0.0.1:"), "{run:?}");
    for secret in [API_KEY, TOKEN, "s3cret"] {
        assert!(!run.stderr.contains(secret), "{secret} in {}", run.stderr);
    }
    run
}

#[test]
fn both_directions_without_secrets() {
    let body = regenerated();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         set-cookie: s3cret\r\nx-token: s3cret\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n{body}",
        body.len()
    );
    let server = Scripted::start(Act::Answer(answer.into_bytes()));
    let request = request();
    for arguments in [
        &["scim", "regenerate-token", ID][..],
        &[
            "call",
            "OrganizationService/RegenerateSCIMToken",
            "-d",
            &request,
            "--header",
            "x-note: s3cret",
        ],
    ] {
        let run = verbose(&server, arguments).expect(0);
        assert!(run.stdout.contains(TOKEN), "the answer itself is complete");
        for said in [
            "/api/gitpod.v1.OrganizationService/RegenerateSCIMToken\n",
            "> authorization: [redacted]\n",
            "> content-type: application/json\n",
            &format!("> {request}\n"),
            "< 200 OK after ",
            "< set-cookie: [redacted]\n",
            "< x-token: [redacted]\n",
            "< date: Thu, 01 Jan 2026 00:00:00 GMT\n",
            r#"< {"token":"[redacted]","tokenExpiresAt":"2027-01-02T03:04:05Z"}"#,
            "* all read after ",
        ] {
            assert!(run.stderr.contains(said), "{said:?} in {}", run.stderr);
        }
    }
    let noted = verbose(
        &server,
        &[
            "call",
            "OrganizationService/ListMembers",
            "--header",
            "x-note: s3cret",
        ],
    );
    assert!(noted.stderr.contains("> x-note: [redacted]"));
}

#[test]
fn what_can_not_be_read_is_shown_by_its_length() {
    let secret = format!("{TOKEN} s3cret");
    for (bytes, said) in [
        (
            response("200 OK", "application/json", &secret),
            "< (30 bytes)",
        ),
        (response("200 OK", "text/html", &secret), "< (30 bytes)"),
        (
            response("503 Service Unavailable", "text/html", &secret),
            "< (30 bytes)",
        ),
        (
            response("500 Internal Server Error", "application/json", &secret),
            "< (30 bytes)",
        ),
        (
            response("200 OK", "application/json", r#"{"s3c":"s3cret"}"#),
            r#"< {"s3c":"[not known]"}"#,
        ),
        (
            response("200 OK", "application/json", r#"{"token":{"a":"s3cret"}}"#),
            r#"< {"token":"[redacted]"}"#,
        ),
    ] {
        let server = Scripted::start(Act::Answer(bytes));
        let arguments = [
            "call",
            "OrganizationService/RegenerateSCIMToken",
            "-d",
            &request(),
        ];
        let run = verbose(&server, &arguments);
        assert!(run.stderr.contains(said), "{said:?} in {}", run.stderr);
    }
}

#[test]
fn errors_and_closed_connections() {
    let body =
        r#"{"code":"not_found","message":"gone","details":[{"type":"a.B","value":"s3cretAA"}]}"#;
    let server = Scripted::json("404 Not Found", body);
    let run = verbose(&server, &["scim", "get", ID]).expect(4).silent();
    assert!(run.stderr.contains("< 404 Not Found after "), "{run:?}");
    assert!(run.stderr.contains("< not_found: gone [a.B]\n"), "{run:?}");

    let server = Scripted::start(Act::Answer(Vec::new()));
    let run = verbose(&server, &["scim", "list"]).expect(6).silent();
    assert!(run.stderr.contains("< no response after "), "{run:?}");
    // It changes nothing in what is known of a failure.
    verbose(&server, &["scim", "regenerate-token", ID]).expect(7);
    let nobody = [
        "--base-url",
        "http://127.0.0.1:9/api",
        "scim",
        "regenerate-token",
        ID,
        "-v",
    ];
    crate::support::run(nobody)
        .expect(6)
        .says("the old token was not replaced");
}

#[test]
fn a_stream_message_by_message() {
    let end = r#"{"error":{"code":"unavailable","message":"later"}}"#;
    let server = Scripted::start(Act::Answer(stream(&[
        (0, r#"{"resourceId":"1"}"#),
        (0, r#"{"token":"s3cret"}"#),
        (2, end),
    ])));
    let data = r#"{"organization":true}"#;
    let run = verbose(&server, &["call", "EventService/WatchEvents", "-d", data]).expect(6);
    for said in [
        "> {\"organization\":true}\n",
        "< {\"resourceId\":\"1\"}\n",
        "< {\"token\":\"[not known]\"}\n",
        "< the end: unavailable: later\n",
    ] {
        assert!(run.stderr.contains(said), "{said:?} in {}", run.stderr);
    }
}

#[test]
fn each_hop_of_a_redirect() {
    let target = Scripted::json("200 OK", "{}");
    let location = format!(
        "{}/gitpod.v1.OrganizationService/ListMembers?s3cret",
        target.url()
    );
    let bytes = format!(
        "HTTP/1.1 308 Permanent Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
    );
    let server = Scripted::start(Act::Answer(bytes.into_bytes()));
    // To another port is to another origin, which isn't followed.
    let run = verbose(&server, &["call", "OrganizationService/ListMembers"]);
    assert!(
        run.stderr.contains("< 308 Permanent Redirect after "),
        "{run:?}"
    );
    assert!(run.stderr.contains("< location: [redacted]\n"), "{run:?}");
    assert_eq!(target.requests(), 0);
}

/// Against the embedded server, `finish` looks for what it gives out.
#[test]
fn every_command_of_the_embedded_server() {
    for arguments in [
        &["scim", "list"][..],
        &["scim", "get"],
        &["scim", "create", "--name", "x"],
        &["scim", "update", "--name", "x"],
        &["scim", "delete"],
        &["scim", "regenerate-token"],
        &["auth", "status"],
        &["call", "OrganizationService/ListSCIMConfigurations"],
    ] {
        let run = crate::support::run(arguments.iter().chain(&["--embedded", "-v"])).expect(0);
        assert!(run.stderr.contains("< 200 OK after "), "{run:?}");
    }
}
