//! `call` of a method with a stream of answers: one JSON a line, as they come.

use std::io::{BufRead, BufReader};

use gitpod_client::event::WatchEvents;
use gitpod_client::types::v1::watch_events_request::Scope;
use gitpod_client::types::v1::{ResourceOperation, ResourceType, WatchEventsResponse};
use gitpod_testing::{Code, ResponseStream, Server, ServerError};

use crate::support::{Act, Embedded, Scripted, finish, gitpodctl, stream};

const WATCH: &str = "EventService/WatchEvents";
const FIRST: &str = r#"{"operation":"RESOURCE_OPERATION_CREATE","resourceId":"1"}"#;
const SECOND: &str = "{\n  \"resourceId\": \"2\"\n}";

#[test]
fn a_line_for_each_answer() {
    let bytes = stream(&[(0, FIRST), (0, SECOND), (2, "{}")]);
    let server = Scripted::start(Act::Answer(bytes));
    let run = server
        .call([WATCH, "-d", r#"{"organization":true}"#])
        .expect(0);
    assert_eq!(run.stdout, format!("{FIRST}\n{{\"resourceId\":\"2\"}}\n"));
    assert_eq!(run.stderr, "");
    let request = server.request(0);
    assert!(request.starts_with("POST /api/gitpod.v1.EventService/WatchEvents "));
    assert!(request.contains("content-type: application/connect+json"));
}

/// Over a real socket and with a real stream, from its request to its end.
#[test]
fn a_stream_of_the_embedded_server() {
    let embedded = Embedded::start(Server::builder());
    let server = &embedded.server;
    server.handle::<WatchEvents, _, _>(|request| {
        let is_asked = request.scope == Some(Scope::Organization(true));
        async move {
            if !is_asked {
                return Err(ServerError::new(Code::InvalidArgument, "no scope"));
            }
            Ok(ResponseStream::produce(|sender| async move {
                for number in 1..=3 {
                    let event = WatchEventsResponse {
                        operation: ResourceOperation::Update.into(),
                        resource_type: ResourceType::Runner.into(),
                        resource_id: number.to_string(),
                    };
                    sender.send(event).await?;
                }
                Ok(())
            }))
        }
    });
    let watch = |arguments: &[&str]| {
        let child = gitpodctl()
            .env("ONA_API_KEY", server.api_key())
            .args(["--base-url", &server.base_url(), "call", WATCH])
            .args(arguments)
            .spawn()
            .unwrap();
        finish(child)
    };
    let data = r#"{"organization":true}"#;
    let run = watch(&["-d", data, "--header", "x-note: a", "-v"]).expect(0);
    let ids: Vec<_> = run
        .stdout
        .lines()
        .map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(event["resourceType"], "RESOURCE_TYPE_RUNNER");
            assert_eq!(event["operation"], "RESOURCE_OPERATION_UPDATE");
            event["resourceId"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(ids, ["1", "2", "3"]);
    assert!(!run.stderr.contains(server.api_key()), "{run:?}");
    assert!(run.stderr.contains("< the end\n"), "{run:?}");
    assert_eq!(server.calls()[0].header("x-note"), Some("a"));

    watch(&["-d", r#"{"organization":1}"#])
        .expect(2)
        .silent()
        .says("organization: expected true or false");
    watch(&[]).expect(5).silent().says("no scope");
    assert_eq!(server.call_count(), 2);
    server.revoke_api_key(server.api_key());
    watch(&["-d", data]).expect(3).silent();
}

#[test]
fn how_a_stream_ends_is_told() {
    let end = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"because"}}}}"#);
    for (code, exit) in [("unauthenticated", 3), ("not_found", 4), ("unavailable", 6)] {
        let server = Scripted::start(Act::Answer(stream(&[(0, FIRST), (2, &end(code))])));
        let run = server.call([WATCH]).expect(exit).says("because");
        assert_eq!(run.line(), FIRST);
    }
    // Cut short is never a success.
    let server = Scripted::start(Act::Answer(stream(&[(0, FIRST)])));
    assert_eq!(server.call([WATCH]).expect(6).line(), FIRST);
    let server = Scripted::start(Act::Answer(stream(&[(0, FIRST), (0, "[7]"), (2, "{}")])));
    let run = server.call([WATCH]).expect(9).says("as they came");
    assert_eq!(run.stdout, format!("{FIRST}\n[7]\n"));
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_stream_cleanly() {
    for signal in ["INT", "TERM"] {
        let server = Scripted::start(Act::AnswerAndHold(stream(&[(0, FIRST)])));
        let mut child = server.start_with(|command| command.args(["call", WATCH]));
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), FIRST, "each comes through at once");
        crate::signals::send(&child, signal);
        finish(child).expect(0).says("the stream is ended");
        server.go_on();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_ends_a_stream() {
    let bytes = stream(&[(0, FIRST), (2, "{}")]);
    let server = Scripted::start(Act::Answer(bytes));
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    finish(server.start_with(|command| command.stdout(full).args(["call", WATCH]))).expect(11);
}
