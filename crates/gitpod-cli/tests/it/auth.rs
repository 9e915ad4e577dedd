//! `auth status`: which credential it is, whose, and whether it works.

use std::net::TcpListener;

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
