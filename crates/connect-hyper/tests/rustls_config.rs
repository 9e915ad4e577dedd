//! A configuration of TLS that is the user's own.

#![cfg(feature = "unstable-rustls")]
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::{Say, word};
use connect_hyper::{Client, Code, Execution, RetryPolicy};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A server that answers whoever trusts its certificate, and that certificate.
async fn start() -> (String, RootCertStore) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], PrivateKeyDer::from(key))
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(socket).await else {
                continue;
            };
            let mut request = Vec::new();
            while !request.ends_with(br#"{"text":"hi"}"#) {
                if stream.read_buf(&mut request).await.unwrap() == 0 {
                    break;
                }
            }
            let body = r#"{"text":"hello"}"#;
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json";
            let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
            let _ = stream.shutdown().await;
        }
    });
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    (base, roots)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn client(base: &str, roots: RootCertStore) -> Client {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    // What goes by ALPN is the client's to say.
    config.alpn_protocols = vec![b"nonsense".to_vec()];
    Client::builder(base)
        .rustls_client_config(config)
        .proxy_from_env(false)
        .retry(RetryPolicy::none())
        .build()
        .unwrap()
}

/// Its roots are all there are, so that no system's are needed.
#[tokio::test]
async fn it_is_what_connections_go_by() {
    let (base, roots) = start().await;
    let answer = client(&base, roots).call::<Say>(word("hi")).await.unwrap();
    assert_eq!(answer.text, "hello");

    let stranger = client(&base, RootCertStore::empty());
    let error = stranger.call::<Say>(word("hi")).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    assert_eq!(error.execution(), Execution::NotSent, "{error}");
    assert!(error.message().contains("certificate"), "{error}");
}
