//! `call`: any method by its name, with JSON in and JSON out.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use prost_reflect::DescriptorPool;

use crate::support::{
    API_KEY, Act, ID, Run, Scripted, TOKEN, finish, gitpodctl, regenerated, response, run,
};

const REGENERATE: &str = "OrganizationService/RegenerateSCIMToken";
const LIST: &str = "OrganizationService/ListSCIMConfigurations";

fn request() -> String {
    format!(r#"{{"scimConfigurationId":"{ID}"}}"#)
}

#[test]
fn all_methods_are_listed() {
    let pool = DescriptorPool::decode(gitpod_types::FILE_DESCRIPTOR_SET).unwrap();
    let mut names: Vec<String> = pool
        .services()
        .flat_map(|service| {
            let methods: Vec<_> = service
                .methods()
                .map(|method| format!("{}/{}", service.name(), method.name()))
                .collect();
            methods
        })
        .collect();
    names.sort();
    let listed = run(["call", "--list"]).expect(0);
    assert_eq!(listed.stdout.lines().collect::<Vec<_>>(), names);
    assert_eq!(names.len(), 300);

    let json = run(["call", "--list", "--output", "json"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(json.line()).unwrap();
    assert_eq!(json["methods"], serde_json::json!(names));
}

#[test]
fn a_description_calls_nothing() {
    let server = Scripted::json("200 OK", "{}");
    for name in [
        REGENERATE,
        "/gitpod.v1.OrganizationService/RegenerateSCIMToken",
    ] {
        let run = server.call([name, "--describe"]).expect(0);
        let first = run.stdout.lines().next().unwrap();
        assert_eq!(first, format!("gitpod.v1.{REGENERATE}"));
        assert!(run.stdout.contains("token: string, SECRET"), "{run:?}");
    }
    server
        .call([REGENERATE, "--describe", "--output", "json"])
        .expect(2)
        .silent();
    assert_eq!(server.requests(), 0);
}

#[test]
fn against_the_embedded_server() {
    let list = run(["call", LIST, "--embedded"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(list.line()).unwrap();
    let id = json["scimConfigurations"][0]["id"].as_str().unwrap();
    // Its ids are the same in each run.
    let data = format!(r#"{{"scim_configuration_id":"{id}","tokenExpiresIn":"864000s"}}"#);
    let token = run(["call", REGENERATE, "--embedded", "-d", &data]).expect(0);
    let json: serde_json::Value = serde_json::from_str(token.line()).unwrap();
    let token = json["token"].as_str().unwrap();
    assert!(token.starts_with("ona_scim_"), "the answer is complete");
    run(["call", "UserService/ListPreferences", "--embedded"])
        .expect(5)
        .silent();
}

#[test]
fn the_request_is_sent_as_it_was_written_and_the_answer_comes_in_one_line() {
    let server = Scripted::json(
        "200 OK",
        "{\n  \"token\": \"a  b\",\n  \"new\" : [ 1, 2 ]\n}\n",
    );
    let data = format!("{{ \"scimConfigurationId\":  \"{ID}\" }}");
    let run = server
        .call([
            REGENERATE,
            "--data",
            &data,
            "--header",
            "X-Note:  a b ",
            "--header",
            "x-note: c",
        ])
        .expect(0);
    assert_eq!(run.line(), r#"{"token":"a  b","new":[1,2]}"#);
    let request = server.request(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /api/gitpod.v1.OrganizationService/RegenerateSCIMToken HTTP/1.1")
    );
    assert!(
        head.contains("x-note: a b\r\n") && head.ends_with("x-note: c"),
        "{head}"
    );
    assert!(head.contains(&format!("Bearer {API_KEY}")));
    assert_eq!(body, data);
}

#[test]
fn a_request_from_a_file_or_from_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("request.json");
    fs::write(&path, request() + "\n").unwrap();
    let server = Scripted::json("200 OK", &regenerated());
    server
        .call([REGENERATE, "-d", &format!("@{}", path.display())])
        .expect(0);
    for data in ["-", "@-"] {
        let mut child = server.start_with(|command| {
            command
                .stdin(Stdio::piped())
                .args(["call", REGENERATE, "-d", data])
        });
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(request().as_bytes()).unwrap();
        drop(stdin);
        finish(child).expect(0);
    }
    for number in 0..3 {
        assert!(server.request(number).trim_end().ends_with(&request()));
    }
    server.call(["OrganizationService/ListMembers"]).expect(0);
    assert!(
        server.request(3).ends_with("\r\n\r\n{}"),
        "without --data an empty request"
    );
    server
        .call([REGENERATE, "-d", "@/does/not/exist"])
        .expect(2)
        .silent()
        .says("--data, from /does/not/exist: can't be read");
    assert_eq!(server.requests(), 4);
}

#[test]
fn what_is_wrong_sends_nothing_and_says_where() {
    const SECRET: &str = "s3cret-in-the-wrong-place";
    let server = Scripted::json("200 OK", "{}");
    let wrong = |arguments: &[&str], said: &str| {
        let run = server.call(arguments).expect(2).silent().says(said);
        assert!(!run.stderr.contains(SECRET), "{run:?}");
    };
    wrong(
        &["OrganizationService/ListMember"],
        "did you mean OrganizationService/ListMembers?",
    );
    wrong(&["ListMembers"], "OrganizationService/ListMembers?");
    wrong(&[], "SERVICE/METHOD");
    let list = "EnvironmentService/ListEnvironments";
    for (data, said) in [
        (
            r#"{"filter":{"namex":"s3cret-in-the-wrong-place"}}"#,
            "--data: filter.namex: ",
        ),
        (
            r#"{"filter":{"runnerIds":["a",{"s3cret-in-the-wrong-place":1}]}}"#,
            "--data: filter.runnerIds[1]: expected a string",
        ),
        (
            r#"{"filter":{"archivalStatus":"s3cret-in-the-wrong-place"}}"#,
            "--data: filter.archivalStatus: expected a value of ArchivalStatus",
        ),
        (
            r#"{"pagination":{"pageSize":"s3cret-in-the-wrong-place"}}"#,
            "--data: pagination.pageSize: expected a whole number",
        ),
        (
            r#"{"filter": s3cret-in-the-wrong-place}"#,
            "--data: not valid JSON, at line 1 column",
        ),
        ("", "--data: it ends too early"),
    ] {
        wrong(&[list, "-d", data], said);
    }
    for header in [
        "Authorization: Bearer s3cret-in-the-wrong-place",
        "cookie:s3cret-in-the-wrong-place",
    ] {
        wrong(&[list, "--header", header], "it comes from ONA_API_KEY");
    }
    wrong(
        &[list, "--header", SECRET],
        "--header: expected 'name: value'",
    );
    wrong(
        &[list, "--header", "content-type: s3cret-in-the-wrong-place"],
        "content-type",
    );
    wrong(
        &[list, "--header", "x-note: s3cret-in-the-wrong-place\u{e9}"],
        "x-note",
    );
    // A request where none is taken.
    wrong(&[list, SECRET], "unexpected argument");
    wrong(&[list, "--timeout", SECRET], "--timeout");
    assert_eq!(server.requests(), 0);
}

#[test]
fn each_failure_has_its_exit_code() {
    let failing = |status: &str, code: &str| {
        Scripted::json(
            status,
            &format!(r#"{{"code":"{code}","message":"because"}}"#),
        )
    };
    for (status, code, reads, writes) in [
        ("401 Unauthorized", "unauthenticated", 3, 3),
        ("403 Forbidden", "permission_denied", 3, 3),
        ("404 Not Found", "not_found", 4, 4),
        ("400 Bad Request", "invalid_argument", 5, 5),
        ("501 Not Implemented", "unimplemented", 5, 5),
        ("503 Service Unavailable", "unavailable", 6, 7),
        ("500 Internal Server Error", "internal", 6, 7),
    ] {
        let server = failing(status, code);
        server.call([LIST]).expect(reads).silent().says("because");
        let run = server
            .call([REGENERATE, "-d", &request()])
            .expect(writes)
            .silent();
        let may = run.stderr.contains("may have been executed");
        assert_eq!(may, writes == 7, "{run:?}");
        assert_eq!(server.requests(), 2, "nothing is repeated");
    }
    let server = Scripted::start(Act::AnswerWhenTold(Vec::new()));
    let arguments = [REGENERATE, "-d", &request(), "--timeout", "200ms"];
    server.call(arguments).expect(7).silent();
    server.go_on();
}

#[test]
fn an_answer_that_is_not_understood_is_printed_as_it_came() {
    let token = TOKEN;
    for body in [
        format!(r#"{{"token":"{token}","tokenExpiresAt":"soon"}}"#),
        format!(r#"{{"token":["{token}"]}}"#),
        format!(r#"{{"tokn":"{token}"}}"#),
        format!(r#"["{token}"]"#),
        format!("{token} but not JSON"),
        r#"{"token":""}"#.to_owned(),
    ] {
        let server = Scripted::json("200 OK", &body);
        let run = server
            .call([REGENERATE, "-d", &request()])
            .expect(9)
            .says("as they came");
        assert_eq!(run.line(), body);
    }
    // Cut off, and in the wrong kind.
    let body = regenerated();
    let cut = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{body}"
    );
    for bytes in [cut.into_bytes(), response("200 OK", "text/plain", &body)] {
        let server = Scripted::start(Act::Answer(bytes));
        assert_eq!(
            server.call([REGENERATE, "-d", &request()]).expect(9).line(),
            body
        );
    }
}

/// Unknown fields and enum names are a newer server's.
#[test]
fn a_newer_answer_is_printed_whole() {
    let body = r#"{"environments":[{"id":"x","new":1,"status":{"phase":"ENVIRONMENT_PHASE_NEW"}}],"new":[{}]}"#;
    let server = Scripted::json("200 OK", body);
    let run = server
        .call(["EnvironmentService/ListEnvironments"])
        .expect(0);
    assert_eq!(run.line(), body);
}

/// What a server sends back of a secret isn't shown where people look.
#[test]
fn an_echo_of_a_secret_is_not_shown() {
    let body = format!(
        r#"{{"code":"invalid_argument","message":"Bearer {API_KEY} may not set {TOKEN}"}}"#
    );
    let server = Scripted::json("400 Bad Request", &body);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("request.json");
    fs::write(&path, format!(r#"{{"name":"abc","value":"{TOKEN}"}}"#)).unwrap();
    let data = format!("@{}", path.display());
    for more in [&[][..], &["--verbose"]] {
        let run = server.call([&["SecretService/CreateSecret", "-d", &data], more].concat());
        run.expect(5)
            .silent()
            .says("Bearer [redacted] may not set [redacted]");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_told() {
    let server = Scripted::json("200 OK", &regenerated());
    let full = |server: &Scripted, arguments: &[&str]| -> Run {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("/dev/full");
        finish(server.start_with(|command| command.stdout(full).arg("call").args(arguments)))
    };
    full(&server, &[REGENERATE, "-d", &request()])
        .expect(10)
        .says("is lost");
    let none = Scripted::json("200 OK", "{}");
    full(&none, &[REGENERATE, "-d", &request()]).expect(10);
    full(
        &none,
        &[
            "OrganizationService/DeleteSCIMConfiguration",
            "-d",
            &request(),
        ],
    )
    .expect(11);
    full(&none, &[LIST]).expect(11);
    full(&none, &["--list"]).expect(11);
    full(&none, &[LIST, "--describe"]).expect(11);
}

/// Whoever read standard output has gone.
#[cfg(unix)]
#[test]
fn a_broken_pipe_is_told() {
    let server = Scripted::json("200 OK", &regenerated());
    for (arguments, code) in [(&[LIST][..], 11), (&[REGENERATE, "-d", &request()], 10)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = server.start_with(|command| command.stdout(writer).arg("call").args(arguments));
        finish(child).expect(code);
    }
}

#[test]
fn a_missing_credential_is_named() {
    let child = gitpodctl()
        .env_remove("ONA_API_KEY")
        .args(["call", LIST])
        .spawn()
        .unwrap();
    finish(child).expect(2).silent().says("ONA_API_KEY");
}
