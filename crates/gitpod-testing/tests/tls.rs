//! TLS, with a bare rustls client on the other side.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod support;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use gitpod_testing::{ClientCertificate, ConnectionFault, Fault, Server, Tls};
use http::Version;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use serde_json::json;
use support::streaming::{Count, Text};
use support::{BOTH, METHOD, PATIENCE, Peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

async fn server(tls: Tls) -> Server {
    Server::builder().tls(tls).start().await.unwrap()
}

fn protocols(version: Version) -> &'static [&'static [u8]] {
    match version {
        Version::HTTP_2 => &[b"h2"],
        _ => &[b"http/1.1"],
    }
}

/// Shakes hands with a server, trusting the root of `trusted`.
async fn shake(
    server: &Server,
    trusted: &Server,
    client: Option<&ClientCertificate>,
    name: &'static str,
    protocols: &[&[u8]],
) -> io::Result<TlsStream<TcpStream>> {
    let root = trusted.root_certificate().unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match client {
        None => config.with_no_client_auth(),
        Some(client) => {
            let chain = CertificateDer::pem_slice_iter(client.chain_pem().as_bytes());
            let key = PrivateKeyDer::from_pem_slice(client.key_pem().as_bytes());
            config
                .with_client_auth_cert(chain.map(Result::unwrap).collect(), key.unwrap())
                .unwrap()
        }
    };
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(("127.0.0.1", server.port())).await?;
    let name = ServerName::try_from(name).unwrap();
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    tokio::time::timeout(PATIENCE, connecting).await.unwrap()
}

/// What a client makes of a server's certificate.
fn refusal(error: &io::Error) -> &rustls::Error {
    error
        .get_ref()
        .and_then(|error| error.downcast_ref())
        .unwrap_or_else(|| panic!("{error:?}"))
}

async fn peer(server: &Server, version: Version) -> Peer {
    let stream = shake(server, server, None, "127.0.0.1", protocols(version)).await;
    Peer::over(stream.unwrap(), version, server.api_key()).await
}

#[tokio::test]
async fn calls_over_tls_by_either_name_and_version() {
    let server = server(Tls::new()).await;
    let base = format!("https://127.0.0.1:{}", server.port());
    assert_eq!(server.base_url(), format!("{base}/api"));
    assert_eq!(server.scim_base_url(), format!("{base}/scim/v2"));
    for version in BOTH {
        for name in ["127.0.0.1", "localhost", "::1"] {
            let offered: &[&[u8]] = match version {
                Version::HTTP_2 => &[b"h2", b"http/1.1"],
                _ => &[b"http/1.1"],
            };
            let stream = shake(&server, &server, None, name, offered).await.unwrap();
            let agreed = stream.get_ref().1.alpn_protocol();
            assert_eq!(agreed, Some(protocols(version)[0]));
            let mut peer = Peer::over(stream, version, server.api_key()).await;
            let body = json!({ "organizationId": server.organization_id() });
            peer.ok("GetOrganization", body).await;
            assert_eq!(server.calls().pop().unwrap().version(), version);
        }
    }
}

#[tokio::test]
async fn alpn_offers_what_it_is_told_to() {
    let both: &[&[u8]] = &[b"h2", b"http/1.1"];
    for (tls, agreed) in [
        (Tls::new().http1_only(), Some(&b"http/1.1"[..])),
        (Tls::new().http2_only(), Some(b"h2")),
        (Tls::new().without_alpn(), None),
    ] {
        let server = server(tls).await;
        let stream = shake(&server, &server, None, "localhost", both).await;
        assert_eq!(stream.unwrap().get_ref().1.alpn_protocol(), agreed);
    }
    let server = server(Tls::new().http1_only()).await;
    let stream = shake(&server, &server, None, "localhost", &[b"h2"]).await;
    let error = stream.unwrap_err();
    let expected = rustls::AlertDescription::NoApplicationProtocol;
    assert_eq!(*refusal(&error), rustls::Error::AlertReceived(expected));
}

#[tokio::test]
async fn certificates_that_are_wrong() {
    let right = server(Tls::new()).await;
    let other = server(Tls::new()).await;
    let error = shake(&right, &other, None, "localhost", &[]).await;
    let unknown = rustls::Error::InvalidCertificate(CertificateError::BadSignature);
    let error = error.unwrap_err();
    // The two authorities are of the same name, and told apart by their keys.
    assert_eq!(*refusal(&error), unknown);

    let expired = server(Tls::new().expired()).await;
    let error = shake(&expired, &expired, None, "localhost", &[]).await;
    let error = error.unwrap_err();
    assert!(
        matches!(
            refusal(&error),
            rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { .. })
        ),
        "{error:?}"
    );

    let wrong = server(Tls::new().wrong_name()).await;
    for name in ["localhost", "127.0.0.1"] {
        let error = shake(&wrong, &wrong, None, name, &[]).await.unwrap_err();
        assert!(
            matches!(
                refusal(&error),
                rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. })
            ),
            "{error:?}"
        );
    }
    let fine = shake(&wrong, &wrong, None, "wrong-name.invalid", &[]).await;
    assert!(fine.is_ok());
    // None of them was called.
    for server in [right, other, expired, wrong] {
        assert_eq!(server.call_count(), 0);
    }
}

#[tokio::test]
async fn clients_must_show_a_certificate_where_told() {
    let server = server(Tls::new().require_client_certificate()).await;
    let other = self::server(Tls::new()).await;
    let mine = server.issue_client_certificate().unwrap();
    let foreign = other.issue_client_certificate().unwrap();
    assert_ne!(
        mine.chain_pem(),
        server.issue_client_certificate().unwrap().chain_pem()
    );
    assert!(!format!("{mine:?}").contains("PRIVATE"));
    for version in BOTH {
        let names = protocols(version);
        let stream = shake(&server, &server, Some(&mine), "localhost", names).await;
        let mut peer = Peer::over(stream.unwrap(), version, server.api_key()).await;
        let body = json!({ "organizationId": server.organization_id() });
        peer.ok("GetOrganization", body).await;
    }
    let before = server.call_count();
    for wrong in [None, Some(&foreign)] {
        // In TLS 1.3 the client is done before the server has seen its certificate.
        let stream = shake(&server, &server, wrong, "localhost", &[b"http/1.1"]).await;
        let error = match stream {
            Err(error) => error,
            Ok(mut stream) => {
                let read = stream.read_u8();
                let read = tokio::time::timeout(PATIENCE, read).await.unwrap();
                read.unwrap_err()
            }
        };
        assert!(
            matches!(refusal(&error), rustls::Error::AlertReceived(_)),
            "{error:?}"
        );
    }
    assert_eq!(server.call_count(), before);

    // Roots of others can be trusted as well.
    let root = other.root_certificate().unwrap();
    let trusting = self::server(Tls::new().client_roots(root)).await;
    let own = trusting.issue_client_certificate().unwrap();
    for client in [&own, &foreign] {
        let stream = shake(&trusting, &trusting, Some(client), "localhost", &[]).await;
        let mut peer = Peer::over(stream.unwrap(), Version::HTTP_11, trusting.api_key()).await;
        let body = json!({ "organizationId": trusting.organization_id() });
        peer.ok("GetOrganization", body).await;
    }
}

#[tokio::test]
async fn without_tls_there_are_no_certificates() {
    let plain = Server::start().await.unwrap();
    assert_eq!(plain.root_certificate(), None);
    let error = plain.issue_client_certificate().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    let pem = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    let wrong = Server::builder().tls(Tls::new().client_roots(pem)).start();
    assert!(wrong.await.is_err());
}

#[tokio::test]
async fn streams_go_over_tls() {
    use gitpod_testing::{Method, ResponseStream};

    let server = server(Tls::new()).await;
    server.handle::<Count, _, _>(|request| async move {
        let text = request.text.clone();
        Ok(ResponseStream::messages([
            request.into_message(),
            Text::new(text),
        ]))
    });
    for version in BOTH {
        let mut peer = peer(&server, version).await;
        let request = peer.request(
            &format!("/api{}", Count::PATH),
            &[("content-type", "application/connect+json")],
            support::streaming::envelope(0, br#"{"text":"x"}"#),
        );
        let reply = peer.send(request).await.unwrap();
        let message = support::streaming::envelope(0, br#"{"text":"x"}"#);
        let end = support::streaming::envelope(2, b"{}");
        assert_eq!(reply.body, [message.clone(), message, end].concat());
    }
}

/// What ends or spoils a connection does it to the session inside.
#[tokio::test]
async fn faults_spoil_connections_with_tls_too() {
    let server = server(Tls::new()).await;
    let body = json!({ "scimConfigurationId": server.scim_configuration_id() });
    for version in BOTH {
        for fault in [
            Fault::drop_after(),
            Fault::drop_before().whole_connection(),
            Fault::drop_after().by_reset(),
            Fault::cut_body(10),
        ] {
            let mut peer = peer(&server, version).await;
            server.inject(fault);
            assert!(peer.try_call(METHOD, body.clone()).await.is_err());
        }
        let mut peer = peer(&server, version).await;
        server.inject(Fault::go_away());
        peer.ok(METHOD, body.clone()).await;
        let closed = async {
            while !peer.is_closed() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, closed).await.unwrap();
    }
}

#[tokio::test]
async fn raw_bytes_and_resets_as_the_client_sees_them() {
    let server = server(Tls::new()).await;
    let call = support::raw_call(&server, METHOD, "{}");
    let raw = async |fault: Fault| {
        server.inject(fault);
        let stream = shake(&server, &server, None, "localhost", &[b"http/1.1"]).await;
        let mut stream = stream.unwrap();
        stream.write_all(&call).await.unwrap();
        let mut received = Vec::new();
        let read = stream.read_to_end(&mut received);
        let read = tokio::time::timeout(PATIENCE, read).await.unwrap();
        (received, read)
    };
    let (received, end) = raw(Fault::raw(&b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n"[..])).await;
    assert_eq!(received, b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n");
    // In good order: the end of the session was said.
    end.unwrap();
    let (received, end) = raw(Fault::drop_after().by_reset()).await;
    assert!(received.is_empty());
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn handshakes_fail_where_told() {
    let server = server(Tls::new()).await;
    for (fault, kind) in [
        (ConnectionFault::close(), io::ErrorKind::UnexpectedEof),
        (
            ConnectionFault::raw("no TLS here"),
            io::ErrorKind::InvalidData,
        ),
    ] {
        server.spoil_connections(fault, 1);
        let error = shake(&server, &server, None, "localhost", &[]).await;
        assert_eq!(error.unwrap_err().kind(), kind);
    }
    server.spoil_connections(ConnectionFault::stall(), 1);
    let stalled = shake(&server, &server, None, "localhost", &[]);
    let stalled = tokio::time::timeout(Duration::from_millis(200), stalled);
    assert!(stalled.await.is_err());
    assert!(
        shake(&server, &server, None, "localhost", &[])
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn clients_that_do_not_shake_hands_hold_nothing_up() {
    let server = server(Tls::new()).await;
    let silent = TcpStream::connect(("127.0.0.1", server.port()))
        .await
        .unwrap();
    let mut plain = TcpStream::connect(("127.0.0.1", server.port()))
        .await
        .unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut received = Vec::new();
    let read = tokio::time::timeout(PATIENCE, plain.read_to_end(&mut received)).await;
    // An alert, or a reset behind it.
    drop(read.unwrap());
    assert!(!received.starts_with(b"HTTP"));
    let mut peer = peer(&server, Version::HTTP_2).await;
    let body = json!({ "organizationId": server.organization_id() });
    peer.ok("GetOrganization", body).await;
    drop(peer);
    tokio::time::timeout(PATIENCE, server.stop()).await.unwrap();
    drop(silent);
}
