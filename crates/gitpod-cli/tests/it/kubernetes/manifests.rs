//! The kustomize base: that the server takes it, that it is enough, and that it is nothing more.

use std::fs;
use std::path::Path;

use gitpod_testing::Entra;
use serde_json::{Value, json};

use super::There;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/kubernetes");

/// A manifest.
pub(super) struct Document {
    pub(super) text: String,
    namespace: String,
}

impl Document {
    /// What stands behind a word at the begin of a line, as our manifests are written.
    fn word(&self, name: &str) -> &str {
        let mut lines = self.text.lines();
        let line = lines.find_map(|line| line.strip_prefix(name));
        line.expect("a field").trim()
    }

    pub(super) fn path(&self) -> String {
        let (namespace, name) = (&self.namespace, self.word("  name:"));
        let of = |group: &str, kind: &str| format!("/{group}/namespaces/{namespace}/{kind}/{name}");
        match self.word("kind:") {
            "Namespace" => format!("/api/v1/namespaces/{name}"),
            "ServiceAccount" => of("api/v1", "serviceaccounts"),
            "ConfigMap" => of("api/v1", "configmaps"),
            "PersistentVolumeClaim" => of("api/v1", "persistentvolumeclaims"),
            "Role" => of("apis/rbac.authorization.k8s.io/v1", "roles"),
            "RoleBinding" => of("apis/rbac.authorization.k8s.io/v1", "rolebindings"),
            "CronJob" => of("apis/batch/v1", "cronjobs"),
            other => panic!("{other}"),
        }
    }
}

/// The base for this namespace, in its order.
pub(super) fn documents(namespace: &str) -> Vec<Document> {
    let mut documents = Vec::new();
    for file in resources() {
        let text = fs::read_to_string(Path::new(FOLDER).join(&file)).expect("a file");
        let text = text
            .replace(
                "namespace: scim-rotation",
                &format!("namespace: {namespace}"),
            )
            .replace("k8s:scim-rotation/", &format!("k8s:{namespace}/"));
        for text in text.split("\n---\n") {
            let text = if file == "namespace.yaml" {
                text.replace("name: scim-rotation", &format!("name: {namespace}"))
            } else {
                text.to_owned()
            };
            documents.push(Document {
                text,
                namespace: namespace.to_owned(),
            });
        }
    }
    documents
}

fn resources() -> Vec<String> {
    let text = fs::read_to_string(Path::new(FOLDER).join("kustomization.yaml")).expect("a file");
    let (_, list) = text.split_once("\nresources:\n").expect("a list");
    let files = list.lines().filter_map(|line| line.strip_prefix("- "));
    files.map(str::to_owned).collect()
}

#[test]
fn every_file_is_in_the_base_and_in_its_readme() {
    let mut listed = resources();
    let readme = fs::read_to_string(Path::new(FOLDER).join("README.md")).expect("a file");
    for file in &listed {
        assert!(readme.contains(&format!("`{file}`")), "{file}");
    }
    listed.push("kustomization.yaml".into());
    listed.sort();
    let files = fs::read_dir(FOLDER).expect("a folder");
    let names = files.map(|file| file.expect("a file").file_name());
    let mut names: Vec<_> = names
        .map(|name| name.into_string().expect("UTF-8"))
        .collect();
    names.retain(|name| name.ends_with(".yaml"));
    names.sort();
    assert_eq!(names, listed);
}

#[test]
fn the_job_is_as_a_rotation_needs_it() {
    let Some(there) = There::new("the-job") else {
        return;
    };
    let namespace = &there.namespace;
    let path = format!("/apis/batch/v1/namespaces/{namespace}/cronjobs/scim-rotation");
    let cron = there.cluster.expect(200, "GET", &path, None);
    assert_eq!(cron["spec"]["concurrencyPolicy"], "Forbid");
    // What isn't over isn't left alone for longer than an hour.
    assert_eq!(cron["spec"]["schedule"], "17 * * * *");
    let job = &cron["spec"]["jobTemplate"]["spec"];
    assert_eq!(job["podReplacementPolicy"], "Failed");
    assert_eq!(job["backoffLimit"], 0);
    let template = &job["template"];
    assert_eq!(template["spec"]["restartPolicy"], "Never");
    assert_eq!(template["spec"]["terminationGracePeriodSeconds"], 120);
    let path = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/scim-rotation");
    let volume = there.cluster.expect(200, "GET", &path, None);
    assert_eq!(volume["spec"]["accessModes"], json!(["ReadWriteOncePod"]));

    // The namespace takes restricted pods alone, and ours is one.
    let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All&fieldValidation=Strict");
    let pod = |change: fn(&mut Value)| {
        let mut pod = template.clone();
        pod["metadata"]["name"] = "a".into();
        change(&mut pod["spec"]["containers"][0]["securityContext"]);
        pod
    };
    there.cluster.expect(201, "POST", &path, Some(&pod(|_| ())));
    for change in [
        |context: &mut Value| context["allowPrivilegeEscalation"] = true.into(),
        |context: &mut Value| context["capabilities"] = json!({}),
        |context: &mut Value| context["runAsUser"] = 0.into(),
    ] {
        there.cluster.expect(403, "POST", &path, Some(&pod(change)));
    }
}

#[test]
fn the_role_is_enough_and_nothing_more() {
    let Some(there) = There::new("the-role") else {
        return;
    };
    let namespace = &*there.namespace;
    let token = there.cluster.service_account_token(namespace);
    let may = |verb: &str, resource: &str, namespace: &str, name: &str| {
        let review = json!({ "spec": { "resourceAttributes": {
            "verb": verb, "resource": resource, "namespace": namespace, "name": name,
        } } });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let (status, answer) = there.cluster.call_as(&token, "POST", path, Some(&review));
        assert_eq!(status, 201, "{answer:#}");
        answer["status"]["allowed"] == true
    };
    for verb in ["get", "patch", "create"] {
        assert!(may(verb, "secrets", namespace, "scim-token"), "{verb}");
        assert!(!may(verb, "secrets", namespace, "ona-credential"), "{verb}");
        assert!(!may(verb, "secrets", namespace, ""), "{verb}");
        assert!(!may(verb, "secrets", "default", "scim-token"), "{verb}");
        assert!(
            !may(verb, "configmaps", namespace, "scim-rotation"),
            "{verb}"
        );
        assert!(!may(verb, "pods", namespace, "scim-token"), "{verb}");
    }
    for verb in ["list", "watch", "update", "delete", "deletecollection"] {
        assert!(!may(verb, "secrets", namespace, "scim-token"), "{verb}");
    }
    // `create` is by the name in the URL alone, as server-side apply has it.
    let path = format!("/api/v1/namespaces/{namespace}/secrets");
    let secret = json!({ "metadata": { "name": "scim-token" } });
    let (status, _) = there.cluster.call_as(&token, "POST", &path, Some(&secret));
    assert_eq!(status, 403);
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "other" } });
    let path = format!("{path}/other?fieldManager=a");
    let (status, _) = there.cluster.call_as(&token, "PATCH", &path, Some(&secret));
    assert_eq!(status, 403);
}

/// The settings of the ConfigMap and the arguments of the CronJob, as the server has them.
#[test]
fn the_cron_jobs_own_command_line_rotates() {
    let Some(there) = There::new("the-command-line") else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let server = there.setting.server();
    let builder = Entra::builder().saved(server.scim_base_url(), server.scim_token());
    let entra = runtime.block_on(builder.start()).expect("an Entra");

    let namespace = &there.namespace;
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/scim-rotation");
    let map = there.cluster.expect(200, "GET", &path, None);
    let settings = map["data"]["rotation.toml"].as_str().expect("TOML");
    let settings = settings
        .replace(
            "00000000-0000-0000-0000-000000000000",
            &entra.service_principal_id(),
        )
        .replace("workload-identity", "client-secret");
    let config = there.setting.folder().join("rotation.toml");
    fs::write(&config, settings).expect("a file");

    let path = format!("/apis/batch/v1/namespaces/{namespace}/cronjobs/scim-rotation");
    let cron = there.cluster.expect(200, "GET", &path, None);
    let container = &cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    let arguments: Vec<_> = container["args"]
        .as_array()
        .expect("arguments")
        .iter()
        .map(|word| word.as_str().expect("a text"))
        .map(|word| match word.split_once('=') {
            Some(("--config", _)) => format!("--config={}", config.display()),
            _ => word.to_owned(),
        })
        // `scim` and the folder are the setting's.
        .filter(|word| word != "scim" && !word.starts_with("--state-dir="))
        .collect();
    assert!(arguments.contains(&"--rotate-before=30d".to_owned()));
    let run = |leave_out: &str| {
        let words = arguments.iter().map(String::as_str);
        let words: Vec<_> = words.filter(|word| !word.starts_with(leave_out)).collect();
        let mut command = there.command(&words);
        command
            .env_remove("ENTRA_CREDENTIAL")
            .env_remove("GRAPH_TOKEN")
            .env("ENTRA_GRAPH_URL", entra.graph_url())
            .env("AZURE_AUTHORITY_HOST", entra.authority_host())
            .env("AZURE_TENANT_ID", entra.tenant_id())
            .env("AZURE_CLIENT_ID", entra.client_id())
            .env("AZURE_CLIENT_SECRET", entra.client_secret());
        there.finish(command.spawn().expect("the binary runs"))
    };
    // As the README has it: the first one is no scheduled run.
    run("nothing").expect(24);
    run("--rotate-before").expect(0);
    there.is_rotated();
    assert!(runtime.block_on(entra.provisions()));
    let due = run("nothing").expect(0);
    assert!(due.stdout.contains("nothing is due"), "{due:?}");
    let days = std::time::Duration::from_secs(340 * 86_400);
    there.setting.server().clock().advance(days);
    let before = there.held("token");
    run("nothing").expect(0);
    assert_ne!(there.held("token"), before);
    there.is_rotated();
    assert!(runtime.block_on(entra.provisions()));
}
