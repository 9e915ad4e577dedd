//! `auth status`: which credential it is, whose, and whether it works.

use std::net::TcpListener;

use gitpod_client::Code;
use gitpod_testing::{Idempotency, Response, ServerError};
use serde_json::Value;

use crate::support::{API_KEY, Act, Embedded, Run, Scripted, finish, gitpodctl, response, run};

const USER: &str = r#"{"subject":{"id":"u1","principal":"PRINCIPAL_USER"},"organizationId":"o1",
    "organizationTier":"ORGANIZATION_TIER_ENTERPRISE","user":{"name":"Ada","email":"ada@example.com"}}"#;

fn status(server: &Scripted, arguments: &[&str]) -> Run {
    finish(server.start_with(|command| command.args(["auth", "status"]).args(arguments)))
}

fn json(run: &Run) -> Value {
    assert!(!run.stdout.contains(API_KEY), "{run:?}");
    serde_json::from_str(run.line()).expect("JSON")
}

#[test]
fn whose_it_is_and_that_it_works() {
    let server = Scripted::json("200 OK", USER);
    let told = json(&status(&server, &["--output", "json"]).expect(0));
    assert_eq!(
        told,
        serde_json::json!({
            "credential": "the environment variable ONA_API_KEY",
            "baseUrl": server.url(),
            "works": "yes",
            "principal": "PRINCIPAL_USER",
            "id": "u1",
            "organizationId": "o1",
            "organizationTier": "ORGANIZATION_TIER_ENTERPRISE",
            "name": "Ada",
            "email": "ada@example.com",
        })
    );
    let table = status(&server, &[]).expect(0);
    for line in [
        "credential           the environment variable ONA_API_KEY",
        "email                ada@example.com",
    ] {
        assert!(table.stdout.contains(line), "{}", table.stdout);
    }
    assert!(!table.stdout.contains(API_KEY));
}

#[test]
fn the_embedded_server_knows_its_key() {
    let embedded = Embedded::start(gitpod_testing::Server::builder());
    let status = |key: &str| {
        let child = gitpodctl()
            .env_remove("ONA_API_KEY")
            .env("GITPOD_API_KEY", key)
            .args([
                "--base-url",
                &embedded.server.base_url(),
                "auth",
                "status",
                "--output",
                "json",
            ])
            .spawn()
            .unwrap();
        finish(child)
    };
    let told = json(&status(embedded.server.api_key()).expect(0));
    assert_eq!(
        told["credential"],
        "the environment variable GITPOD_API_KEY"
    );
    assert_eq!(told["principal"], "PRINCIPAL_SERVICE_ACCOUNT");
    assert_eq!(told["organizationId"], embedded.server.organization_id());
    let told = json(&status("another-key").expect(3).says("check the credential"));
    assert_eq!(told["works"], "no");

    run(["auth", "status", "--embedded"]).expect(0);
}

#[test]
fn refused_and_not_told_are_two_things() {
    for code in ["unauthenticated", "permission_denied"] {
        let server = Scripted::json("401 Unauthorized", &format!(r#"{{"code":"{code}"}}"#));
        let told = json(&status(&server, &["--output", "json"]).expect(3));
        assert_eq!(told["works"], "no");
    }
    for bytes in [
        response("503 Service Unavailable", "text/html", "<p>"),
        response("403 Forbidden", "text/html", "<p>a firewall</p>"),
        response(
            "501 Not Implemented",
            "application/json",
            r#"{"code":"unimplemented"}"#,
        ),
        response("200 OK", "text/html", "<p>a portal</p>"),
        response("200 OK", "application/json", "{}"),
        response("200 OK", "application/json", r#"["a portal"]"#),
        response("200 OK", "application/json", r#"{"subject":{"id":["u1"]}}"#),
        Vec::new(),
    ] {
        let server = Scripted::start(Act::Answer(bytes));
        let told = json(&status(&server, &["--output", "json"]).expect(6));
        assert_eq!(told["works"], "can't be told");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/api", listener.local_addr().unwrap());
    drop(listener);
    run(["--base-url", &url, "auth", "status"]).expect(6);
}

#[test]
fn without_a_credential_nothing_is_asked() {
    let server = Scripted::json("200 OK", USER);
    let child =
        server.start_with(|command| command.env_remove("ONA_API_KEY").args(["auth", "status"]));
    finish(child).expect(2).silent().says("ONA_API_KEY");
    assert_eq!(server.requests(), 0);
}

/// A web token tells when it ends: {"exp":1000000000}.
#[test]
fn the_end_is_told_where_the_credential_has_it() {
    const EXPIRED: &str = "e30.eyJleHAiOjEwMDAwMDAwMDB9.c2ln";
    let server = Scripted::json("200 OK", USER);
    let child = server.start_with(|command| {
        command
            .env("ONA_API_KEY", EXPIRED)
            .args(["auth", "status", "--output", "json", "-v"])
    });
    let run = finish(child).expect(0);
    let told = json(&run);
    assert_eq!(told["expiresAt"], "2001-09-09T01:46:40Z");
    assert_eq!(told["expired"], true);
    assert!(!run.stderr.contains(EXPIRED) && !run.stdout.contains(EXPIRED));
}

/// What each kind of credential is told of, whoever answers for it.
#[test]
fn every_kind_of_credential() {
    const IDENTITY: &str = "/gitpod.v1.IdentityService/GetAuthenticatedIdentity";
    let embedded = Embedded::start(gitpod_testing::Server::builder());
    let server = &embedded.server;
    let answer = |path: &'static str, answer: Result<String, Code>| {
        server.handle_encoded(path, Idempotency::NoSideEffects, move |_| {
            let answer = answer.clone();
            async move {
                match answer {
                    Ok(body) => Ok(Response::new(body.into())),
                    Err(code) => Err(ServerError::new(code, "not told")),
                }
            }
        });
    };
    let status = |variable: &str| {
        let child = gitpodctl()
            .env_remove("ONA_API_KEY")
            .env("ONA_BASE_URL", server.base_url())
            .env(variable, server.api_key())
            .args(["auth", "status", "--output", "json"])
            .spawn()
            .unwrap();
        let run = finish(child);
        assert!(!run.stdout.contains(server.api_key()), "{run:?}");
        run
    };
    let user = r#"{"user":{"id":"u1","organizationId":"o1","name":"Ada"}}"#;
    answer(
        "/gitpod.v1.UserService/GetAuthenticatedUser",
        Ok(user.into()),
    );
    for (kind, name) in [
        ("PRINCIPAL_USER", Some("Ada")),
        ("PRINCIPAL_ACCOUNT", None),
        ("PRINCIPAL_RUNNER", None),
        ("PRINCIPAL_RUNNER_MANAGER", None),
        ("PRINCIPAL_ENVIRONMENT", None),
        ("PRINCIPAL_SERVICE_ACCOUNT", None),
        ("PRINCIPAL_OF_A_NEWER_SERVICE", None),
    ] {
        let body = format!(r#"{{"subject":{{"id":"s1","principal":"{kind}"}}}}"#);
        answer(IDENTITY, Ok(body));
        let told = json(&status("ONA_TOKEN").expect(0));
        assert_eq!(told["credential"], "the environment variable ONA_TOKEN");
        assert_eq!(
            (&told["principal"], &told["id"]),
            (&kind.into(), &"s1".into())
        );
        assert_eq!(told.get("name").and_then(Value::as_str), name);
    }
    // Where the service doesn't know the method, or tells users alone.
    for code in [Code::Unimplemented, Code::PermissionDenied] {
        answer(IDENTITY, Err(code));
        let told = json(&status("GITPOD_API_KEY").expect(0));
        assert_eq!(told["principal"], "PRINCIPAL_USER");
        assert_eq!((&told["id"], &told["name"]), (&"u1".into(), &"Ada".into()));
    }
    server.revoke_api_key(server.api_key());
    let told = json(&status("ONA_TOKEN").expect(3).says("check the credential"));
    assert_eq!(told["works"], "no");
    assert!(told.get("id").is_none());
}
