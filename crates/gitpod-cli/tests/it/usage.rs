//! What is wrong before anything is sent: exit code 2, and a message that names the argument.

use crate::support::{ID, Scripted, gitpodctl, run};

#[test]
fn wrong_arguments_send_nothing() {
    let server = Scripted::json("200 OK", "{}");
    for (arguments, said) in [
        (&["regenerate-token"][..], "CONFIGURATION_ID"),
        (&["get"], "CONFIGURATION_ID"),
        (&["regenerate-token", "not-a-uuid"], "expected a UUID"),
        (
            &["regenerate-token", ID, "--expires-in", "1m"],
            "--expires-in",
        ),
        (
            &["regenerate-token", ID, "--expires-in", "3y"],
            "from 1d to 2y",
        ),
        (&["regenerate-token", ID, "--timeout", "0s"], "--timeout"),
        (&["regenerate-token", ID, "--token", "x"], "--token"),
        (&["update", ID], "required"),
        (&["create"], "--organization-id"),
        (
            &["create", "--organization-id", ID],
            "--sso-configuration-id",
        ),
        (&["list", "--output", "xml"], "--output"),
        (&["list", "--embedded"], "--base-url"),
        (&["turn"], "turn"),
    ] {
        server.scim(arguments).expect(2).silent().says(said);
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_missing_or_wrong_setting_is_named() {
    let bare = |arguments: &[&str]| {
        let child = gitpodctl()
            .env_remove("ONA_API_KEY")
            .args(arguments)
            .spawn()
            .unwrap();
        crate::support::finish(child)
    };
    bare(&["scim", "list"])
        .expect(2)
        .silent()
        .says("ONA_API_KEY");
    run(["--base-url", "not a url", "scim", "list"])
        .expect(2)
        .silent();
    // A credential never crosses a network in plain text.
    run(["--base-url", "http://192.0.2.1/api", "scim", "list"])
        .expect(2)
        .silent();
    let child = gitpodctl()
        .env("ONA_API_KEY", "line\nbreak")
        .args(["scim", "list"])
        .spawn()
        .unwrap();
    crate::support::finish(child)
        .expect(2)
        .silent()
        .says("ONA_API_KEY");
}

#[test]
fn the_credential_comes_from_the_first_variable_that_is_set() {
    let server = Scripted::json("200 OK", "{}");
    let sent = |variables: &[(&str, &str)]| {
        let before = server.requests();
        let child = gitpodctl()
            .env_remove("ONA_API_KEY")
            .env("ONA_BASE_URL", server.url())
            .envs(variables.iter().copied())
            .args(["scim", "list"])
            .spawn()
            .unwrap();
        crate::support::finish(child).expect(0);
        server.request(before)
    };
    assert!(sent(&[("ONA_API_KEY", "one"), ("GITPOD_API_KEY", "two")]).contains("Bearer one"));
    assert!(sent(&[("GITPOD_API_KEY", "two"), ("ONA_TOKEN", "three")]).contains("Bearer two"));
    assert!(sent(&[("ONA_TOKEN", "three")]).contains("Bearer three"));
}

#[test]
fn help_lists_the_exit_codes() {
    for arguments in [&["--help"][..], &["scim", "regenerate-token", "--help"]] {
        let run = run(arguments).expect(0);
        for text in ["Exit codes:", "  7  ambiguous", "ONA_API_KEY"] {
            assert!(run.stdout.contains(text), "{text:?} in {}", run.stdout);
        }
    }
}
