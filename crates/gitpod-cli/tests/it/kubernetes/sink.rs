//! What may happen to a Secret, before a rotation and amid it.

use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::There;
use crate::signals::send;

#[test]
fn the_key_holds_the_live_token_and_all_else_is_kept() {
    let Some(there) = There::new("the-key") else {
        return;
    };
    there.make_secret(
        "tester",
        json!({ "metadata": { "name": "scim-token", "labels": { "of": "somebody" } },
            "stringData": { "other": "kept" } }),
    );
    for more in [&[][..], &["--expires-in", "90d"]] {
        let run = there.rotate(more).expect(0);
        assert!(run.stdout.contains(": verified\n"), "{run:?}");
        there.is_rotated();
        assert_eq!(there.held("other").as_deref(), Some("kept"));
        assert_eq!(there.secret()["metadata"]["labels"]["of"], "somebody");
    }
    // Another key of the same Secret is another sink, and takes nothing away from the first.
    let first = there.to();
    let second = format!("k8s:{}/scim-token/second", there.namespace);
    there
        .run(&["rotate", "--to", &first, "--to", &second])
        .expect(0);
    there.is_rotated();
    assert_eq!(there.held("second"), there.held("token"));
    let due = there.rotate(&["--rotate-before", "30d"]).expect(0);
    assert!(due.stdout.contains("nothing is due"), "{due:?}");
}

#[test]
fn a_dry_run_leaves_everything_as_it_is() {
    let Some(there) = There::new("dry-run") else {
        return;
    };
    let run = there.rotate(&["--dry-run"]).expect(0);
    assert!(run.stdout.contains("ready"), "{run:?}");
    there.cluster.expect(404, "GET", &there.secret_path(), None);
    there.make_secret("tester", json!({ "stringData": { "other": "kept" } }));
    let before = there.secret();
    there.rotate(&["--dry-run"]).expect(0);
    assert_eq!(there.secret(), before);
    there.setting.is_unchanged();
}

#[test]
fn a_secret_that_isnt_there_is_made() {
    let Some(there) = There::new("made") else {
        return;
    };
    // A scheduled run tells that what the Secret should hold is missing.
    there.rotate(&["--rotate-before", "30d"]).expect(24);
    there.setting.is_unchanged();
    there.rotate(&[]).expect(0);
    there.is_rotated();
    assert_eq!(there.secret()["type"], "Opaque");
    there.rotate(&["--rotate-before", "30d"]).expect(0);
}

#[test]
fn an_immutable_secret_is_refused() {
    let Some(there) = There::new("immutable") else {
        return;
    };
    there.make_secret("tester", json!({ "immutable": true }));
    there.rotate(&[]).expect(20).says("is immutable");
    there.setting.is_unchanged();
}

#[test]
fn the_manager_that_owns_the_key_is_named_and_can_hand_it_over() {
    let Some(there) = There::new("owned") else {
        return;
    };
    // As `kubectl create secret` and `kubectl apply --server-side` do it.
    there.make_secret(
        "kubectl-create",
        json!({ "stringData": { "token": "old" } }),
    );
    let path = format!("{}?fieldManager=kubectl", there.secret_path());
    let applied = json!({ "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "scim-token" }, "stringData": { "token": "old" } });
    there.cluster.expect(200, "PATCH", &path, Some(&applied));
    let run = there.rotate(&[]).expect(20);
    let run = run.says("\"kubectl-create\"").says("\"kubectl\"");
    there.setting.is_unchanged();

    let (_, rest) = run
        .stderr
        .split_once(" --type=json -p '")
        .expect("a command");
    let (patch, _) = rest.split_once('\'').expect("its end");
    let patch: Value = serde_json::from_str(patch).expect("a patch");
    let path = there.secret_path();
    there.cluster.expect(200, "PATCH", &path, Some(&patch));
    assert_eq!(
        there.held("token").as_deref(),
        Some("old"),
        "it is untouched"
    );
    there.rotate(&[]).expect(0);
    there.is_rotated();
}

#[test]
fn a_right_that_is_missing_is_named_with_the_commands_that_grant_it() {
    let Some(there) = There::new("rights") else {
        return;
    };
    let role = format!(
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles/scim-rotation",
        there.namespace
    );
    // The grant of the manifests, with these verbs.
    let grant = |verbs: Value| {
        let mut now = there.cluster.expect(200, "GET", &role, None);
        now["rules"][0]["verbs"] = verbs;
        there.cluster.expect(200, "PUT", &role, Some(&now));
    };
    grant(json!(["get", "patch"]));
    there
        .rotate(&[])
        .expect(20)
        .says("may not create the Secret rights/scim-token")
        .says("--verb=get,patch,create");
    grant(json!(["get"]));
    there
        .rotate(&[])
        .expect(20)
        .says("system:serviceaccount:rights:scim-rotation may not patch")
        .says("--serviceaccount=rights:scim-rotation");
    there.setting.is_unchanged();
    // Where the Secret is there, two verbs are enough.
    there.make_secret("tester", json!({}));
    grant(json!(["get", "patch"]));
    there.rotate(&[]).expect(0);
    there.is_rotated();
}

#[test]
fn who_keeps_the_secret_is_warned_of() {
    let Some(there) = There::new("kept") else {
        return;
    };
    let labels = json!({ "kustomize.toolkit.fluxcd.io/name": "apps" });
    let annotations = json!({
        "argocd.argoproj.io/tracking-id": "app:/Secret:kept/scim-token",
        "reconcile.external-secrets.io/data-hash": "x",
    });
    there.make_secret(
        "tester",
        json!({ "metadata": { "name": "scim-token", "labels": labels, "annotations": annotations } }),
    );
    let run = there.rotate(&["--dry-run"]).expect(0);
    let told = format!("{}{}", run.stdout, run.stderr);
    for keeper in ["Argo CD", "Flux", "External Secrets"] {
        assert!(told.contains(&format!("warning: {keeper} keeps")), "{told}");
    }
    there.rotate(&[]).expect(0);
    there.is_rotated();
}

/// Pushes into `command:` first, which waits there until it is let go.
struct Paused {
    child: Child,
    go: PathBuf,
}

impl Paused {
    fn start(there: &There) -> Self {
        let reached = there.setting.folder().join("reached");
        let go = there.setting.folder().join("go");
        let script = format!(
            "command:case $GITPOD_ROTATION_PHASE in push) touch {}; until test -e {}; do sleep 0.1; done;; \
             verify) exit 64;; esac",
            reached.display(),
            go.display()
        );
        let to = there.to();
        let child = there
            .command(&["rotate", "--to", &script, "--to", &to])
            .spawn();
        let child = child.expect("the binary runs");
        let began = Instant::now();
        while !reached.exists() {
            assert!(began.elapsed() < Duration::from_secs(60), "no push");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, go }
    }

    fn go_on(self) -> Child {
        std::fs::write(&self.go, "").expect("a file");
        self.child
    }
}

/// Waits until the process has said this on standard error, and stops it by a signal.
fn stop_after(mut child: Child, says: &str) -> Child {
    use std::io::Read;
    let stderr = child.stderr.as_mut().expect("a pipe");
    let (mut told, mut byte) = (Vec::new(), [0]);
    while !String::from_utf8_lossy(&told).contains(says) {
        let read = stderr.read(&mut byte).expect("a pipe");
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&told));
        told.extend(byte);
    }
    print!("{}", String::from_utf8_lossy(&told));
    send(&child, "TERM");
    child
}

#[test]
fn a_secret_that_is_deleted_before_the_push_is_made_anew() {
    let Some(there) = There::new("deleted") else {
        return;
    };
    there.make_secret("tester", json!({}));
    let paused = Paused::start(&there);
    there
        .cluster
        .expect(200, "DELETE", &there.secret_path(), None);
    let run = there.finish(paused.go_on()).expect(0);
    assert!(format!("{run:?}").contains("made anew"), "{run:?}");
    there.is_rotated();
}

#[test]
fn a_secret_that_is_deleted_and_may_not_be_made_is_waited_for() {
    let Some(there) = There::new("deleted-for-good") else {
        return;
    };
    let role = format!(
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles/scim-rotation",
        there.namespace
    );
    let mut now = there.cluster.expect(200, "GET", &role, None);
    now["rules"][0]["verbs"] = json!(["get", "patch"]);
    there.cluster.expect(200, "PUT", &role, Some(&now));
    there.make_secret("tester", json!({}));
    let paused = Paused::start(&there);
    there
        .cluster
        .expect(200, "DELETE", &there.secret_path(), None);
    let child = stop_after(paused.go_on(), "cannot create resource");
    there.finish(child).expect(21);
    assert!(there.setting.escrow().exists(), "the token is safe");
    there.make_secret("tester", json!({}));
    there.run(&["resume"]).expect(0);
    there.is_rotated();
}

#[test]
fn a_key_that_is_taken_before_the_push_is_told() {
    let Some(there) = There::new("taken") else {
        return;
    };
    there.make_secret("tester", json!({}));
    let paused = Paused::start(&there);
    let path = format!("{}?fieldManager=thief", there.secret_path());
    let thief = json!({ "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "scim-token" }, "data": { "token": "eA==" } });
    there.cluster.expect(200, "PATCH", &path, Some(&thief));
    let child = stop_after(paused.go_on(), "\"thief\"");
    there.finish(child).expect(21);
    let letting_go = json!({ "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "scim-token" } });
    there.cluster.expect(200, "PATCH", &path, Some(&letting_go));
    there.run(&["resume"]).expect(0);
    there.is_rotated();
}

#[test]
fn a_server_that_is_down_at_the_push_is_resumed_with() {
    let Some(there) = There::new("down") else {
        return;
    };
    let mut second = there.cluster.second();
    let token = there.cluster.service_account_token(&there.namespace);
    let text = there.cluster.kubeconfig(&second.url(), &token);
    std::fs::write(&there.kubeconfig, text).expect("a file");
    // Listening isn't ready.
    let began = Instant::now();
    while there.rotate(&["--dry-run"]).code != Some(0) {
        assert!(began.elapsed() < Duration::from_secs(120), "never ready");
        std::thread::sleep(Duration::from_millis(500));
    }
    let paused = Paused::start(&there);
    second.kill();
    let child = stop_after(paused.go_on(), "it can't be reached");
    there.finish(child).expect(21);
    assert!(there.setting.escrow().exists(), "the token is safe");
    second.start();
    let began = Instant::now();
    loop {
        let child = there.command(&["resume"]).spawn();
        let child = child.expect("the binary runs");
        let run = there.finish(child);
        if run.code == Some(0) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "{run:?}");
    }
    there.is_rotated();
}
