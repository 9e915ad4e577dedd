//! What the sink makes of answers that a real API server rarely gives. With a real one, `cargo xtask kubernetes`
//! tests it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

mod kubeconfig;

const TOKEN: &str = "very-secret-token";
const CREDENTIAL: &str = "credential-of-the-kubeconfig";

/// What a request is answered with, by its method and its path with the query; `None`: not at all.
type Answer = dyn Fn(&str, &str, &Value) -> Option<(u16, String)> + Send + Sync;

/// An API server of a sort, and the kubeconfig for it.
struct World {
    folder: TempDir,
    requests: Arc<Mutex<Vec<String>>>,
}

impl World {
    fn new(
        answer: impl Fn(&str, &str, &Value) -> Option<(u16, String)> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (log, answer): (_, Arc<Answer>) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                thread::spawn(move || serve(stream, &log, &*answer));
            }
        });
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            requests,
        };
        world.kubeconfig(&url, "", &format!("token: {CREDENTIAL}"));
        world
    }

    /// One that allows everything, has this Secret, and answers what is applied with what this makes of it.
    fn with(
        secret: Value,
        applied: impl Fn(&Value) -> (u16, Value) + Send + Sync + 'static,
    ) -> Self {
        Self::new(move |method, path, body| {
            let (status, answer) = match method {
                "POST" => (201, json!({ "spec": {}, "status": { "allowed": true } })),
                "GET" => (200, secret.clone()),
                "PATCH" => applied(body),
                _ => panic!("{method} {path}"),
            };
            Some((status, answer.to_string()))
        })
    }

    fn kubeconfig(&self, url: &str, cluster: &str, user: &str) {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: here\nclusters:\n- name: c\n  cluster:\n    \
             server: {url}\n    {cluster}\nusers:\n- name: u\n  user:\n    {user}\ncontexts:\n- name: here\n  \
             context:\n    cluster: c\n    user: u\n"
        );
        std::fs::write(self.folder.path().join("kubeconfig"), text).unwrap();
    }

    fn sink_at(&self, place: &str) -> KubernetesSink {
        let path = self.folder.path().join("kubeconfig");
        KubernetesSink::new(place).unwrap().kubeconfig(path)
    }

    fn sink(&self) -> KubernetesSink {
        self.sink_at("scim/scim-token/token")
    }

    async fn preflight(&self) -> String {
        told(&self.sink(), self.sink().preflight().await)
    }

    async fn push(&self) -> String {
        let sink = self.sink();
        told(&sink, sink.push(&Token::new(TOKEN.into())).await)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// An error's text, which has no secret in it.
fn told<T: std::fmt::Debug>(sink: &KubernetesSink, result: Result<T, SinkError>) -> String {
    let text = format!("{} {sink:?}", result.unwrap_err());
    no_secret(&text);
    text
}

fn no_secret(text: &str) {
    for secret in [TOKEN, &*encoded(TOKEN), CREDENTIAL] {
        assert!(!text.contains(secret), "a secret in: {text}");
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<String>>, answer: &Answer) -> Option<()> {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8(bytes.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let line = head.lines().next().unwrap().to_owned();
    log.lock().unwrap().push(head);
    let mut words = line.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let body = serde_json::from_str(&body).unwrap_or_default();
    let Some((status, text)) = answer(method, path, &body) else {
        // Until the other side gives up.
        return stream.read(&mut [0]).map(drop).ok();
    };
    let length = text.len();
    let head =
        format!("HTTP/1.1 {status} .\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all((head + &text).as_bytes()).ok()
}

/// What the server has after an apply, which is all that it was given.
fn as_given(body: &Value) -> (u16, Value) {
    (200, body.clone())
}

#[tokio::test]
async fn what_is_sent() {
    let held = json!({ "metadata": {}, "data": { "token": "b2xk", "other": "eA==" } });
    let world = World::with(held, as_given);
    let sink = world.sink();
    sink.preflight().await.unwrap();
    assert_eq!(sink.notes().len(), 1, "which cluster it is");
    sink.push(&Token::new(TOKEN.into())).await.unwrap();
    let requests = world.requests();
    let lines: Vec<_> = requests
        .iter()
        .map(|head| head.lines().next().unwrap())
        .collect();
    let review = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews? HTTP/1.1";
    let secret = "/api/v1/namespaces/scim/secrets/scim-token";
    let apply = "fieldManager=gitpodctl%3Atoken&fieldValidation=Strict";
    assert_eq!(
        lines,
        [
            review,
            review,
            &format!("GET {secret} HTTP/1.1"),
            &format!("PATCH {secret}?&dryRun=All&{apply} HTTP/1.1"),
            &format!("PATCH {secret}?&{apply} HTTP/1.1"),
        ]
    );
    let bearer = format!("authorization: Bearer {CREDENTIAL}");
    assert!(requests.iter().all(|head| head.contains(&bearer)));
    assert!(requests[4].contains("application/apply-patch+yaml"));
}

#[tokio::test]
async fn what_a_server_says_of_the_token_isnt_repeated() {
    let world = World::with(json!({}), |body| {
        let message = format!("a webhook dislikes {body} and {TOKEN}");
        (400, json!({ "kind": "Status", "message": message }))
    });
    let told = world.push().await;
    assert!(
        told.contains("a webhook dislikes") && told.contains("[redacted]"),
        "{told}"
    );
}

#[tokio::test]
async fn a_webhook_that_changes_the_value_is_found() {
    let world = World::with(json!({ "metadata": {} }), |_| {
        (200, json!({ "data": { "token": "eA==" } }))
    });
    for told in [world.preflight().await, world.push().await] {
        assert!(told.contains("another value"), "{told}");
    }
}

/// kube would log it; nothing does.
#[tokio::test]
async fn an_answer_that_isnt_understood_isnt_shown() {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
    let world = World::with(json!({}), |body| (200, json!({ "data": body.to_string() })));
    assert!(world.push().await.contains("can't be understood"));
    let refusing = World::with(json!({}), |body| (400, json!([body])));
    assert!(refusing.push().await.contains("400"));
    drop(guard);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("requesting"), "kube's own are in it: {log}");
    no_secret(&log);
}

#[tokio::test]
async fn a_server_that_says_nothing_or_no_is_no_success() {
    let told = World::new(|_, _, _| None).preflight().await;
    assert!(told.contains("no answer"), "{told}");
    let told = World::new(|_, _, _| Some((401, "{}".into())))
        .preflight()
        .await;
    assert!(told.contains("401"), "{told}");
    let told = World::new(|_, _, _| Some((503, String::new())))
        .preflight()
        .await;
    assert!(told.contains("503"), "{told}");
    let told = World::new(|_, _, _| Some((403, "{}".into())))
        .preflight()
        .await;
    assert!(told.contains("system:basic-user"), "{told}");
    let huge = "x".repeat(5 * 1024 * 1024);
    let told = World::new(move |_, _, _| Some((200, huge.clone())))
        .preflight()
        .await;
    assert!(told.contains("too long"), "{told}");
}

#[tokio::test]
async fn what_is_missing_is_named_with_the_commands() {
    let world = World::new(|_, path, body| {
        let attributes = &body["spec"]["resourceAttributes"];
        let status = if path.contains("selfsubjectreviews") {
            json!({ "userInfo": { "username": "system:serviceaccount:scim:rotation" } })
        } else {
            json!({ "allowed": attributes["verb"] == "get" })
        };
        Some((201, json!({ "spec": {}, "status": status }).to_string()))
    });
    let told = world.preflight().await;
    let whole = "system:serviceaccount:scim:rotation may not patch the Secret scim/scim-token: grant it with kubectl";
    assert!(told.contains(whole), "{told}");
    assert!(
        told.contains("--verb=get,patch ") && told.contains("--serviceaccount=scim:rotation"),
        "{told}"
    );
}

#[tokio::test]
async fn who_took_the_key_meanwhile_is_named() {
    let world = World::with(json!({}), |_| {
        let message =
            r#"Apply failed with 1 conflict: conflict with "thief" using v1: .data.token"#;
        (409, json!({ "kind": "Status", "message": message }))
    });
    let told = world.push().await;
    assert!(
        told.contains("\"thief\"") && told.contains("take it away"),
        "{told}"
    );
}

/// A quota's, say.
#[tokio::test]
async fn not_every_refusal_is_mended_by_a_right() {
    for (status, message) in [
        (403, "exceeded quota"),
        (409, "the object has been modified"),
    ] {
        let world = World::with(json!({}), move |_| {
            (status, json!({ "kind": "Status", "message": message }))
        });
        let told = world.push().await;
        assert!(told.contains(message), "{told}");
        assert!(
            !told.contains("grant it") && !told.contains("take it away"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn what_it_holds() {
    let with = |secret| World::with(secret, as_given);
    let token = Token::new(TOKEN.into());
    let ours = json!({ "data": { "token": &*encoded(TOKEN) } });
    let world = with(ours.clone());
    assert_eq!(
        world.sink().verify(Some(&token)).await.unwrap(),
        Verdict::Works
    );
    assert_eq!(world.sink().verify(None).await.unwrap(), Verdict::CantTell);
    let world = with(
        json!({ "data": { "token": "eA==" }, "metadata": { "managedFields": [
        { "manager": "thief", "operation": "Update", "fieldsV1": { "f:data": { "f:token": {} } } },
    ] } }),
    );
    let sink = world.sink();
    assert_eq!(sink.verify(Some(&token)).await.unwrap(), Verdict::Doesnt);
    assert!(sink.notes()[0].contains("\"thief\""));
    for empty in [json!({}), json!({ "data": { "other": "eA==" } })] {
        let world = with(empty);
        let sink = world.sink();
        assert_eq!(sink.verify(None).await.unwrap(), Verdict::Doesnt);
        assert_eq!(sink.notes(), ["the Secret has no key token"]);
    }
    for (value, expected) in [
        (encoded("very-secret\n").as_str(), Some("very-secret")),
        ("", None),
        ("/w==", None),
    ] {
        let given = with(json!({ "data": { "token": value } }))
            .sink()
            .held()
            .await;
        assert_eq!(given.unwrap().as_ref().map(Token::expose), expected);
    }
    let gone = World::new(|_, _, _| Some((404, "{}".into())));
    let sink = gone.sink();
    assert_eq!(sink.verify(Some(&token)).await.unwrap(), Verdict::Doesnt);
    assert_eq!(sink.notes(), ["the Secret isn't there"]);
}
