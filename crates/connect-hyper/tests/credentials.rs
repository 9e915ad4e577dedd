//! Credential providers: asked per attempt, cached while live, asked again after a refusal.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Look, Say, Server, Step, json, word};
use connect_hyper::{Client, Code, Credential, CredentialFuture, CredentialProvider};

/// Gives out `token-1`, `token-2`, …
#[derive(Debug, Clone)]
struct Counting {
    asked: Arc<AtomicUsize>,
    life: Option<Duration>,
    fails: bool,
}

impl Counting {
    fn new(life: Option<Duration>) -> Self {
        Self {
            asked: Arc::default(),
            life,
            fails: false,
        }
    }
}

impl CredentialProvider for Counting {
    fn credential(&self) -> CredentialFuture<'_> {
        Box::pin(async {
            let n = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            if self.fails {
                return Err("the vault is sealed".into());
            }
            let credential = Credential::bearer(&format!("token-{n}"))?;
            Ok(match self.life {
                Some(life) => credential.expires_in(life),
                None => credential,
            })
        })
    }
}

fn ok() -> Vec<Step> {
    vec![json("200 OK", r#"{"text":"hello"}"#)]
}

fn refused() -> Vec<Step> {
    vec![json("401 Unauthorized", r#"{"code":"unauthenticated"}"#)]
}

async fn start(script: Vec<Vec<Step>>, provider: &Counting) -> (Server, Client) {
    let server = Server::start(script).await;
    let client = Client::builder(&server.base)
        .credential_provider(provider.clone())
        .build()
        .unwrap();
    (server, client)
}

/// The tokens that the server saw.
fn tokens(server: &Server) -> Vec<String> {
    let token = |request: &String| {
        let line = request
            .lines()
            .find(|line| line.starts_with("authorization: "));
        line.unwrap()["authorization: Bearer ".len()..].to_owned()
    };
    server.requests().iter().map(token).collect()
}

#[tokio::test]
async fn cached_while_live() {
    let provider = Counting::new(None);
    let (server, client) = start(vec![ok(), ok()], &provider).await;
    client.call::<Say>(word("")).await.unwrap();
    client.call::<Say>(word("")).await.unwrap();
    assert_eq!(tokens(&server), ["token-1", "token-1"]);

    let provider = Counting::new(Some(Duration::ZERO));
    let (server, client) = start(vec![ok(), ok()], &provider).await;
    client.call::<Say>(word("")).await.unwrap();
    client.call::<Say>(word("")).await.unwrap();
    assert_eq!(tokens(&server), ["token-1", "token-2"]);
}

#[tokio::test]
async fn refreshed_once_where_repeating_is_allowed() {
    let provider = Counting::new(None);
    let (server, client) = start(vec![refused(), ok()], &provider).await;
    client.call::<Look>(word("")).await.unwrap();
    assert_eq!(tokens(&server), ["token-1", "token-2"]);

    let (server, client) = start(vec![refused(), refused(), ok()], &provider).await;
    let error = client.call::<Look>(word("")).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
    assert_eq!(server.requests().len(), 2, "once, not until it works");
}

/// A method with side effects is not sent again, but the refused credential is forgotten.
#[tokio::test]
async fn a_refused_credential_is_forgotten() {
    let provider = Counting::new(None);
    let (server, client) = start(vec![refused(), ok()], &provider).await;
    let error = client.call::<Say>(word("")).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
    assert_eq!(server.requests().len(), 1);
    client.call::<Say>(word("")).await.unwrap();
    assert_eq!(tokens(&server), ["token-1", "token-2"]);
}

#[tokio::test]
async fn a_provider_that_fails_sends_nothing() {
    let mut provider = Counting::new(None);
    provider.fails = true;
    let (server, client) = start(vec![], &provider).await;
    let error = client.call::<Say>(word("")).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated);
    assert!(error.message().contains("the vault is sealed"), "{error}");
    assert!(!error.may_have_executed() && !error.is_from_server());
    assert!(server.requests().is_empty());
}

/// The deadline covers the provider too.
#[tokio::test]
async fn a_provider_that_hangs() {
    #[derive(Debug)]
    struct Hangs;
    impl CredentialProvider for Hangs {
        fn credential(&self) -> CredentialFuture<'_> {
            Box::pin(std::future::pending())
        }
    }
    let client = Client::builder("http://127.0.0.1:1")
        .credential_provider(Hangs)
        .timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    let error = client.call::<Say>(word("")).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_call_may_bring_its_own() {
    let provider = Counting::new(None);
    let (server, client) = start(vec![ok()], &provider).await;
    let call = client
        .call::<Say>(word(""))
        .header("authorization", "Bearer own");
    call.await.unwrap();
    assert_eq!(tokens(&server), ["own"]);
    assert_eq!(provider.asked.load(Ordering::SeqCst), 0);
}
