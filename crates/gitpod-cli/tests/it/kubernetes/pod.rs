//! As a pod has it: the service account's token, the namespace and the cluster's certificate in a folder whose
//! place is fixed, the API server in two variables, and no kubeconfig.

use std::process::{Command, Stdio};

use super::There;

/// Another `/run`, in a namespace of mounts that ends with the command.
const SCRIPT: &str = r#"set -eu
mount -t tmpfs none /run
mkdir -p /run/secrets/kubernetes.io/serviceaccount
cp "$POD"/* /run/secrets/kubernetes.io/serviceaccount/
exec "$@""#;

#[test]
fn the_service_account_of_the_pod_is_used() {
    let Some(there) = There::new("pod") else {
        return;
    };
    let may = Command::new("unshare").args(["-rm", "true"]).status();
    if !may.is_ok_and(|status| status.success()) {
        println!("no namespace of mounts may be made here: nothing is tested");
        return;
    }
    let pod = there.setting.folder().join("pod");
    std::fs::create_dir(&pod).expect("a folder");
    let token = there.cluster.service_account_token(&there.namespace);
    let (host, port) = there.cluster.host_and_port();
    for (name, text) in [
        ("token", token),
        ("namespace", there.namespace.clone()),
        ("ca.crt", there.cluster.certificate()),
    ] {
        std::fs::write(pod.join(name), text).expect("a file");
    }
    let to = there.to();
    for arguments in [
        &["rotate", "--to", &to][..],
        &["rotate", "--to", &to, "--rotate-before", "30d"],
    ] {
        let inner = there.command(arguments);
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", SCRIPT, "sh"]);
        command.arg(inner.get_program()).args(inner.get_args());
        for (name, value) in inner.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .env("POD", &pod)
            .env("KUBERNETES_SERVICE_HOST", &host)
            .env("KUBERNETES_SERVICE_PORT", &port)
            .env_remove("KUBECONFIG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let run = there.finish(command.spawn().expect("`unshare` of util-linux"));
        let run = run.expect(0);
        assert!(
            !run.stderr.contains("the cluster is"),
            "it is the pod's own: {run:?}"
        );
        there.is_rotated();
    }
}
