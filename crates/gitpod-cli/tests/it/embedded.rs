//! `--embedded`: the same calls against the embedded server, over a real socket.

use std::fs;

use crate::support::{Run, run};

fn embedded(arguments: &[&str]) -> Run {
    run(["scim"].iter().chain(arguments).chain(&["--embedded"]))
}

fn json(arguments: &[&str]) -> serde_json::Value {
    let run = embedded(&[arguments, &["--output", "json"]].concat()).expect(0);
    serde_json::from_str(run.line()).expect("JSON")
}

#[test]
fn one_command_prints_a_token() {
    let run = embedded(&["regenerate-token"])
        .expect(0)
        .says("no longer works");
    assert!(!run.stderr.contains(run.line()), "{run:?}");
}

#[test]
fn the_credential_of_the_environment_is_not_needed() {
    let child = crate::support::gitpodctl()
        .env_remove("ONA_API_KEY")
        .env("ONA_BASE_URL", "https://unreachable.invalid/api")
        .args(["scim", "regenerate-token", "--embedded"])
        .spawn()
        .unwrap();
    crate::support::finish(child).expect(0).line();
}

#[test]
fn the_whole_life_of_a_configuration() {
    let created = json(&["create", "--name", "by hand", "--expires-in", "26w"]);
    assert_eq!(created["scimConfiguration"]["name"], "by hand");
    assert!(!created["token"].as_str().unwrap().is_empty());
    assert!(created["tokenExpiresAt"].is_string());

    let listed = json(&["list"]);
    assert_eq!(listed["scimConfigurations"].as_array().unwrap().len(), 1);

    let got = json(&["get"]);
    assert!(got["scimConfiguration"]["tokenExpiresAt"].is_string());

    let updated = json(&["update", "--name", "renamed", "--enabled", "false"]);
    assert_eq!(updated["scimConfiguration"]["name"], "renamed");
    assert!(
        updated["scimConfiguration"]
            .get("enabled")
            .is_none_or(|enabled| enabled == false)
    );

    assert_eq!(json(&["delete"]), serde_json::json!({}));
    embedded(&["delete"]).expect(0).silent();
}

#[test]
fn tables_are_for_people() {
    let run = embedded(&["list"]).expect(0);
    assert!(run.stdout.starts_with("ID "), "{run:?}");
    assert_eq!(run.stdout.lines().count(), 2);
    let run = embedded(&["get"]).expect(0);
    assert!(run.stdout.contains("token expires at"), "{run:?}");
    let run = embedded(&["update", "--name", "x"]).expect(0);
    assert!(
        run.stdout
            .lines()
            .any(|line| line.starts_with("name ") && line.ends_with(" x")),
        "{run:?}"
    );
}

#[test]
fn a_token_file_works_there_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let run = embedded(&["regenerate-token", "--token-file", path.to_str().unwrap()])
        .expect(0)
        .silent();
    let token = fs::read_to_string(path).unwrap();
    assert!(!token.is_empty() && !token.contains('\n'));
    assert!(!run.stderr.contains(&token), "{run:?}");
}

#[test]
fn an_unknown_configuration_is_not_found() {
    embedded(&["regenerate-token", "00000000-0000-4000-8000-000000000000"])
        .expect(4)
        .silent();
    embedded(&["get", "00000000-0000-4000-8000-000000000000"])
        .expect(4)
        .silent();
}
