//! `--to k8s:…`: the real binary, the embedded server, and the real API server that `cargo xtask kubernetes` has
//! started. Without it, which `GITPOD_KUBERNETES` tells, there is nothing to be tested here.
// What is run and what it says, for who runs the xtask.
#![allow(clippy::print_stdout)]

mod cluster;
mod manifests;
#[cfg(target_os = "linux")]
mod pod;
mod sink;

use std::path::PathBuf;
use std::process::{Child, Command};

use serde_json::{Value, json};

use self::cluster::Cluster;
use crate::rotate::{Setting, accepts};
use crate::support::Run;

/// A namespace with the manifests applied, and a setting whose tokens go to a Secret in it.
struct There {
    cluster: Cluster,
    namespace: String,
    setting: Setting,
    kubeconfig: PathBuf,
}

impl There {
    /// In a namespace of this name; `None` if there is no API server.
    fn new(namespace: &str) -> Option<Self> {
        let cluster = Cluster::get()?;
        println!("\n### {namespace}");
        for document in manifests::documents(namespace) {
            cluster.apply(&document);
        }
        let setting = Setting::new();
        let token = cluster.service_account_token(namespace);
        let kubeconfig = setting.folder().join("kubeconfig");
        let text = cluster.kubeconfig(cluster.url(), &token);
        std::fs::write(&kubeconfig, text).expect("a file");
        Some(Self {
            cluster,
            namespace: namespace.to_owned(),
            setting,
            kubeconfig,
        })
    }

    fn secret_path(&self) -> String {
        format!("/api/v1/namespaces/{}/secrets/scim-token", self.namespace)
    }

    fn secret(&self) -> Value {
        self.cluster.expect(200, "GET", &self.secret_path(), None)
    }

    /// What the Secret has under a key.
    fn held(&self, key: &str) -> Option<String> {
        use base64::Engine;
        let secret = self.secret();
        let value = secret["data"][key].as_str()?;
        let value = base64::engine::general_purpose::STANDARD.decode(value);
        Some(String::from_utf8(value.expect("base64")).expect("UTF-8"))
    }

    /// Makes the Secret, as this field manager.
    fn make_secret(&self, manager: &str, more: Value) {
        let mut secret = json!({ "metadata": { "name": "scim-token" } });
        let (all, more) = (secret.as_object_mut(), more.as_object().cloned());
        all.expect("an object").extend(more.expect("an object"));
        let path = format!(
            "/api/v1/namespaces/{}/secrets?fieldManager={manager}",
            self.namespace
        );
        self.cluster.expect(201, "POST", &path, Some(&secret));
    }

    /// `gitpodctl scim …` as the service account of the manifests.
    fn command(&self, arguments: &[&str]) -> Command {
        println!("$ gitpodctl scim {}", arguments.join(" "));
        let mut command = self.setting.command(arguments);
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }

    fn to(&self) -> String {
        format!("k8s:{}/scim-token/token", self.namespace)
    }

    fn rotate(&self, more: &[&str]) -> Run {
        let to = self.to();
        self.run(&[&["rotate", "--to", &to], more].concat())
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let child = self.command(arguments).spawn();
        self.finish(child.expect("the binary runs"))
    }

    fn finish(&self, child: Child) -> Run {
        let run = self.setting.finish(child);
        print!("{}{}", run.stderr, run.stdout);
        println!("[exit code {:?}]", run.code);
        run
    }

    /// The Secret holds the live token, which isn't the old one.
    fn is_rotated(&self) {
        let held = self.held("token").expect("a token");
        assert!(accepts(self.setting.server(), &held), "it is dead");
        assert_ne!(held, self.setting.server().scim_token());
        assert!(!self.setting.escrow().exists(), "an escrow is left");
    }
}
