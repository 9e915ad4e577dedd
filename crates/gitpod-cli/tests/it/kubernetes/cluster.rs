//! The API server, as its administrator sees it.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gitpod_client::connect_hyper::{Client, HttpClient};
use gitpod_client::http::Request;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::manifests::Document;

/// How long a server may take to be ready.
const READY: Duration = Duration::from_secs(120);

pub(super) struct Cluster {
    /// Where `cargo xtask kubernetes` has put what is needed.
    folder: PathBuf,
    url: String,
    http: HttpClient,
    admin: String,
    runtime: Runtime,
}

impl Cluster {
    /// The one that is running, once it is ready.
    pub(super) fn get() -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os("GITPOD_KUBERNETES")?);
        let read = |name: &str| fs::read_to_string(folder.join(name)).expect("a file");
        let url = read("url");
        let began = Instant::now();
        while !folder.join("certificates/apiserver.crt").exists() {
            assert!(began.elapsed() < READY, "see {}", folder.display());
            std::thread::sleep(Duration::from_millis(100));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let http = Client::builder(&url)
            .root_certificates(read("certificates/apiserver.crt"))
            .proxy_from_env(false)
            .build_http();
        let cluster = Self {
            http: http.expect("a client"),
            admin: read("admin-token"),
            runtime: runtime.expect("a runtime"),
            folder,
            url,
        };
        while !cluster.is_ready() {
            assert!(began.elapsed() < READY, "see {}", cluster.folder.display());
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(cluster)
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// As a pod has them.
    pub(super) fn host_and_port(&self) -> (String, String) {
        let (_, rest) = self.url.split_once("://").expect("a URL");
        let (host, port) = rest.split_once(':').expect("a port");
        (host.to_owned(), port.to_owned())
    }

    /// What signs the server's certificate.
    pub(super) fn certificate(&self) -> String {
        let path = self.folder.join("certificates/apiserver.crt");
        fs::read_to_string(path).expect("a file")
    }

    fn is_ready(&self) -> bool {
        let ask = |path: &str| self.send("GET", path, "", Bytes::new(), &self.admin);
        ask("/readyz").is_some_and(|(status, _)| status == 200)
            && ask("/api/v1/namespaces/default").is_some_and(|(status, _)| status == 200)
    }

    /// One call; `None` if there is no answer.
    fn send(
        &self,
        method: &str,
        path: &str,
        content: &str,
        body: Bytes,
        token: &str,
    ) -> Option<(u16, Value)> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", content)
            .body(body)
            .expect("a request");
        let answer = self.runtime.block_on(self.http.send(request)).ok()?;
        let body = serde_json::from_slice(answer.body()).unwrap_or_default();
        Some((answer.status().as_u16(), body))
    }

    /// As whoever has this token.
    pub(super) fn call_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let content = match (method, body) {
            ("PATCH", Some(Value::Array(_))) => "application/json-patch+json",
            ("PATCH", _) => "application/apply-patch+yaml",
            _ => "application/json",
        };
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
        self.send(method, path, content, body, token)
            .expect("an answer")
    }

    /// As the administrator, with this outcome.
    pub(super) fn expect(
        &self,
        status: u16,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Value {
        let (got, answer) = self.call_as(&self.admin, method, path, body);
        assert_eq!(got, status, "{method} {path}: {answer:#}");
        answer
    }

    /// Applies a manifest, with strict validation.
    pub(super) fn apply(&self, document: &Document) -> Value {
        let path = format!(
            "{}?fieldManager=kustomize&fieldValidation=Strict",
            document.path()
        );
        let body = Bytes::from(document.text.clone());
        let content = "application/apply-patch+yaml";
        let (status, answer) = self
            .send("PATCH", &path, content, body, &self.admin)
            .expect("an answer");
        assert!(matches!(status, 200 | 201), "{path}: {answer:#}");
        answer
    }

    /// A token of the service account, as a pod gets it.
    pub(super) fn service_account_token(&self, namespace: &str) -> String {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/scim-rotation/token");
        let request = json!({ "spec": { "expirationSeconds": 3600 } });
        let answer = self.expect(201, "POST", &path, Some(&request));
        answer["status"]["token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    pub(super) fn kubeconfig(&self, url: &str, token: &str) -> String {
        let authority = self.folder.join("certificates/apiserver.crt");
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{ "name": "c", "cluster": {
                "server": url, "certificate-authority": authority.display().to_string(),
            } }],
            "users": [{ "name": "u", "user": { "token": token } }],
            "contexts": [{ "name": "here", "context": { "cluster": "c", "user": "u" } }],
        })
        .to_string()
    }

    /// Another API server, of the same cluster, that can be killed.
    pub(super) fn second(&self) -> Second {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let mut second = Second {
            folder: self.folder.clone(),
            port,
            child: None,
        };
        second.start();
        second
    }
}

pub(super) struct Second {
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Second {
    pub(super) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Starts it, as the first was started, and waits until it listens.
    pub(super) fn start(&mut self) {
        let line = fs::read_to_string(self.folder.join("command")).expect("a file");
        let mut words = line.lines();
        let child = Command::new(words.next().expect("a program"))
            .args(words)
            .arg(format!("--secure-port={}", self.port))
            .stdout(Stdio::null())
            .stderr(log(&self.folder))
            .spawn();
        self.child = Some(child.expect("it runs"));
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(began.elapsed() < READY, "see {}", self.folder.display());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it lives");
            child.wait().expect("it ends");
        }
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        self.kill();
    }
}

fn log(folder: &Path) -> Stdio {
    fs::File::create(folder.join("second.log"))
        .expect("a file")
        .into()
}
