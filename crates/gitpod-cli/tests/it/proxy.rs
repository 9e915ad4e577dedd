//! https by way of a proxy that the environment names.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use gitpod_testing::{Server, Tls};

use crate::support::{Embedded, Run};

/// A proxy that makes tunnels, for whoever brings this credential.
struct Proxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

const CREDENTIAL: &str = "user:a-proxys-password";
/// The same as HTTP has it.
const BASIC: &str = "Basic dXNlcjphLXByb3h5cy1wYXNzd29yZA==";

impl Proxy {
    fn start() -> Self {
        Self::start_as("HTTP/1.1 200 OK\r\n\r\n")
    }

    /// One that says so when there is a tunnel.
    fn start_as(done: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let seen = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = seen.clone();
                thread::spawn(move || tunnel(stream, &seen, done));
            }
        });
        Self { port, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }
}

fn tunnel(mut client: TcpStream, seen: &Mutex<Vec<String>>, done: &str) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if client.read(&mut byte).expect("a request") == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("UTF-8");
    seen.lock().expect("no panic").push(head.clone());
    if !head
        .to_lowercase()
        .contains(&format!("proxy-authorization: {BASIC}").to_lowercase())
    {
        let realm = "Proxy-Authenticate: Basic realm=\"a-realm-nobody-should-see\"";
        let refusal = format!("HTTP/1.1 407 Proxy Authentication Required\r\n{realm}\r\n\r\n");
        let _ = client.write_all(refusal.as_bytes());
        return;
    }
    let target = head.split(' ').nth(1).expect("a target");
    let Ok(server) = TcpStream::connect(target) else {
        let _ = client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
        return;
    };
    client.write_all(done.as_bytes()).expect("written");
    let mut back = (
        server.try_clone().expect("a handle"),
        client.try_clone().expect("a handle"),
    );
    thread::spawn(move || {
        let _ = std::io::copy(&mut back.0, &mut back.1);
        let _ = back.1.shutdown(Shutdown::Write);
    });
    let mut forth = (client, server);
    let _ = std::io::copy(&mut forth.0, &mut forth.1);
    let _ = forth.1.shutdown(Shutdown::Write);
}

/// A server that speaks TLS, and the file of its root.
struct Secure {
    embedded: Embedded,
    root: tempfile::NamedTempFile,
}

impl Secure {
    fn start() -> Self {
        let embedded = Embedded::start(Server::builder().tls(Tls::new()));
        let mut root = tempfile::NamedTempFile::new().expect("a file");
        let certificate = embedded.server.root_certificate().expect("TLS");
        root.write_all(certificate.as_bytes()).expect("written");
        Self { embedded, root }
    }

    /// Regenerates the seeded configuration's token, with these variables.
    fn regenerate(&self, variables: &[(&str, &str)]) -> Run {
        let run = self.embedded.regenerate_as(|command| {
            command
                .env("SSL_CERT_FILE", self.root.path())
                .envs(variables.iter().copied())
        });
        // What a proxy is told, and what it says.
        for hidden in ["a-proxys-password", "another-password", "a-realm-nobody"] {
            assert!(!run.stderr.contains(hidden), "{run:#?}");
        }
        run
    }
}

#[test]
fn a_tunnel_and_no_credential_of_the_service() {
    let secure = Secure::start();
    for done in [
        "HTTP/1.1 200 OK\r\n\r\n",
        // As old ones say it, and as none should.
        "HTTP/1.0 200 Connection established\r\nProxy-Agent: old\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 7\r\n\r\n",
    ] {
        let proxy = Proxy::start_as(done);
        let url = format!("http://{CREDENTIAL}@127.0.0.1:{}", proxy.port);
        let run = secure.regenerate(&[("HTTPS_PROXY", &url)]).expect(0);
        let issued = secure.embedded.server.tokens_issued();
        assert!(issued.contains(&run.line().to_owned()));
        let asked = proxy.asked();
        assert_eq!(asked.len(), 1);
        let target = format!(
            "CONNECT 127.0.0.1:{} HTTP/1.1",
            secure.embedded.server.port()
        );
        assert!(asked[0].starts_with(&target), "{}", asked[0]);
        assert!(!asked[0].contains(secure.embedded.server.api_key()));
    }
}

#[test]
fn not_for_hosts_that_are_left_out() {
    let (secure, proxy) = (Secure::start(), Proxy::start());
    let url = format!("http://127.0.0.1:{}", proxy.port);
    secure
        .regenerate(&[
            ("https_proxy", &url),
            ("no_proxy", "example.com,127.0.0.0/8"),
        ])
        .expect(0);
    assert!(proxy.asked().is_empty());
}

/// Nothing was sent to the service, and the run says so.
#[test]
fn a_proxy_that_refuses_or_is_not_there() {
    let secure = Secure::start();
    let unasked = secure.embedded.server.call_count();
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}", listener.local_addr().expect("an address"))
    };
    secure
        .regenerate(&[("HTTPS_PROXY", &gone)])
        .expect(6)
        .silent()
        .says("the proxy");
    for (credential, says) in [
        (
            "",
            "the proxy wants a credential, and HTTPS_PROXY has none (407",
        ),
        (
            "user:another-password@",
            "the proxy refuses the credential that HTTPS_PROXY has (407",
        ),
    ] {
        let proxy = Proxy::start();
        let url = format!("http://{credential}127.0.0.1:{}", proxy.port);
        secure
            .regenerate(&[("HTTPS_PROXY", &url)])
            .expect(6)
            .silent()
            .says(says);
        assert_eq!(proxy.asked().len(), 1);
    }
    assert_eq!(secure.embedded.server.call_count(), unasked);
}

/// What is wrong behind a proxy is told apart from what is wrong with it.
#[test]
fn a_proxy_that_finds_nobody() {
    let (secure, proxy) = (Secure::start(), Proxy::start());
    let unasked = secure.embedded.server.call_count();
    let url = format!("http://{CREDENTIAL}@127.0.0.1:{}", proxy.port);
    secure
        .regenerate(&[
            ("HTTPS_PROXY", &url),
            ("ONA_BASE_URL", "https://127.0.0.1:1/api"),
        ])
        .expect(6)
        .silent()
        .says("the proxy makes no tunnel, and answers 502");
    assert!(!proxy.asked().is_empty());
    assert_eq!(secure.embedded.server.call_count(), unasked);
}

/// Nothing was sent to the service, and the time limit holds.
#[test]
fn a_proxy_that_says_nothing() {
    let secure = Secure::start();
    let unasked = secure.embedded.server.call_count();
    // Connections come about and nobody takes them.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let run = secure.embedded.regenerate_as(|command| {
        command
            .env("SSL_CERT_FILE", secure.root.path())
            .env("HTTPS_PROXY", &url)
            .args(["--timeout", "1s"])
    });
    run.expect(6).silent().says("deadline_exceeded");
    assert_eq!(secure.embedded.server.call_count(), unasked);
}

#[test]
fn a_proxy_that_is_none() {
    let secure = Secure::start();
    secure
        .regenerate(&[("HTTPS_PROXY", "socks5://user:a-proxys-password@localhost")])
        .silent()
        .says("HTTPS_PROXY");
}
