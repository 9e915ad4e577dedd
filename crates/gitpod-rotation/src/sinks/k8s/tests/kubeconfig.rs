//! What a kubeconfig says, and what its command gives.

use super::*;

#[tokio::test]
async fn a_kubeconfig_that_is_no_good_says_so_without_its_secrets() {
    let world = World::new(|_, _, _| None);
    for (url, cluster, user, part) in [
        ("http://192.0.2.1", "", "{}", "https"),
        (
            "https://192.0.2.1",
            "insecure-skip-tls-verify: true",
            "{}",
            "certificate-authority",
        ),
        ("http://127.0.0.1:1", "", "{}", "refused"),
        (
            "http://127.0.0.1:1",
            "certificate-authority-data: '!'",
            "{}",
            "authority",
        ),
        ("http://127.0.0.1:1", "", "tokenFile: /nowhere", "/nowhere"),
        (
            "http://127.0.0.1:1",
            "",
            &format!("token: [{CREDENTIAL}]"),
            "YAML",
        ),
        (
            "http://127.0.0.1:1",
            "",
            &format!("token: \"{CREDENTIAL}\\n\""),
            "can't be used",
        ),
    ] {
        world.kubeconfig(url, cluster, user);
        let told = world.preflight().await;
        assert!(told.contains(part), "{part}: {told}");
    }
    world.kubeconfig("http://127.0.0.1:1", "", "{}");
    let sink = world.sink_at("there@scim/scim-token/token");
    let told = told(&sink, sink.preflight().await);
    assert!(told.contains("no context \"there\""), "{told}");
    std::fs::remove_file(world.folder.path().join("kubeconfig")).unwrap();
    assert!(world.preflight().await.contains("kubeconfig: No such file"));
}

#[cfg(unix)]
#[tokio::test]
async fn the_command_of_a_kubeconfig_gives_the_credential() {
    let world = World::with(json!({ "metadata": {} }), as_given);
    let text = std::fs::read_to_string(world.folder.path().join("kubeconfig")).unwrap();
    let url = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("server: "))
        .unwrap();
    let run = |script: &str| {
        world.kubeconfig(
            url,
            "",
            &format!(
                "exec:\n      apiVersion: client.authentication.k8s.io/v1\n      command: sh\n      \
                 interactiveMode: Never\n      args: [-c, '{script}']"
            ),
        );
    };
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": { "token": CREDENTIAL, "expirationTimestamp": "2099-01-01T00:00:00Z" },
    });
    run(&format!("echo '\\''{credential}'\\''").replace("'\\''", "''"));
    world.sink().preflight().await.unwrap();
    let bearer = format!("authorization: Bearer {CREDENTIAL}");
    assert!(world.requests()[0].contains(&bearer));

    run(&format!("echo {CREDENTIAL}; echo {CREDENTIAL} >&2; exit 3"));
    let told = world.preflight().await;
    assert!(told.contains("has failed (exit status: 3)"), "{told}");
    run(&format!("echo {CREDENTIAL}"));
    assert!(world.preflight().await.contains("can't be used"));
    run("exec sleep 30");
    let told = world.preflight().await;
    assert!(told.contains("doesn't end"), "{told}");
}
