//! How many connections are made, how long they are kept, and what becomes of calls when they die.

use std::task::Poll;
use std::time::Duration;

use gitpod_client::types::v1::ListScimConfigurationsRequest;
use gitpod_client::{Client, ClientBuilder, Code, Error, RetryPolicy};
use gitpod_testing::{Server, Tls};
use gitpod_tests::forwarder::Forwarder;

/// What a client's connections speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speak {
    Http1,
    Http2,
    /// TLS, and whatever of the two the server offers.
    TlsHttp1,
    TlsHttp2,
}

const ALL: [Speak; 4] = [Speak::Http1, Speak::Http2, Speak::TlsHttp1, Speak::TlsHttp2];

impl Speak {
    fn is_http2(self) -> bool {
        matches!(self, Speak::Http2 | Speak::TlsHttp2)
    }
}

/// A server behind a middleman, and a client that goes by it and never tries twice.
async fn start(speak: Speak) -> (Server, Forwarder, ClientBuilder) {
    start_as(Server::builder(), speak).await
}

async fn start_as(
    builder: gitpod_testing::Builder,
    speak: Speak,
) -> (Server, Forwarder, ClientBuilder) {
    let builder = match speak {
        Speak::Http1 | Speak::Http2 => builder,
        Speak::TlsHttp1 => builder.tls(Tls::new().http1_only()),
        Speak::TlsHttp2 => builder.tls(Tls::new()),
    };
    let server = builder.start().await.unwrap();
    let forwarder = Forwarder::tcp(server.port()).await.unwrap();
    let base = server
        .base_url()
        .replace(&server.port().to_string(), &forwarder.port().to_string());
    let client = Client::builder()
        .base_url(base)
        .token(server.api_key())
        .retry(RetryPolicy::none())
        .runtime(|runtime| match server.root_certificate() {
            Some(root) => runtime.root_certificates(root),
            None if speak == Speak::Http2 => runtime.http2_only(),
            None => runtime,
        });
    (server, forwarder, client)
}

async fn call(client: &Client) -> Result<(), Error> {
    let request = ListScimConfigurationsRequest::default();
    client
        .organization()
        .list_scim_configurations(request)
        .await?;
    Ok(())
}

/// So many at once.
async fn at_once(client: &Client, calls: usize) {
    let tasks: Vec<_> = (0..calls)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { call(&client).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}

/// Waits until so many connections are open.
async fn until_open(forwarder: &Forwarder, expected: usize) {
    let reached = async {
        while forwarder.open() != expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let reached = tokio::time::timeout(Duration::from_secs(20), reached).await;
    assert!(reached.is_ok(), "{} are open", forwarder.open());
}

/// Over HTTP/2 they share one connection, however many begin before it is there. Over HTTP/1.1 the
/// one by which TLS has told is used too.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_first_calls() {
    for speak in ALL {
        let (server, forwarder, client) = start(speak).await;
        let client = client.build().unwrap();
        at_once(&client, 100).await;
        assert_eq!(server.call_count(), 100, "{speak:?}");
        let made = forwarder.accepted();
        if speak.is_http2() {
            assert_eq!(made, 1, "{speak:?}");
        } else {
            assert!((1..=100).contains(&made), "{speak:?}: {made}");
        }
        // The next ones find them.
        for _ in 0..10 {
            call(&client).await.unwrap();
        }
        assert_eq!(forwarder.accepted(), made, "{speak:?}");
    }
}

/// A server may take one call at a time: over HTTP/2 the others wait, and no connection is made for
/// them. Those that came before it could say so are refused, which is a reason to send them again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_stream_at_a_time() {
    for speak in [Speak::Http2, Speak::TlsHttp2] {
        let builder = Server::builder().max_concurrent_streams(1);
        let (server, forwarder, client) = start_as(builder, speak).await;
        let policy = RetryPolicy::default().max_attempts(100);
        let client = client.retry(policy).build().unwrap();
        at_once(&client, 100).await;
        assert_eq!(server.call_count(), 100, "{speak:?}");
        at_once(&client, 100).await;
        assert_eq!(server.call_count(), 200, "{speak:?}");
        assert_eq!(forwarder.accepted(), 1, "{speak:?}");
    }
}

/// A server that goes between calls says so behind the last answer: the next call goes elsewhere.
#[tokio::test]
async fn a_connection_that_takes_leave_between_calls() {
    for speak in ALL {
        let (server, forwarder, client) = start(speak).await;
        let client = client.build().unwrap();
        for round in 1..=20 {
            server.inject(gitpod_testing::Fault::go_away());
            call(&client).await.unwrap();
            until_open(&forwarder, 0).await;
            assert_eq!(forwarder.accepted() as u64, round, "{speak:?}");
            assert_eq!(server.call_count(), round, "{speak:?}");
        }
    }
}

/// A call that is begun and then held, as by a stream that nobody reads at the moment, keeps no other
/// from its connection: neither the one that makes what all share, nor as many as may connect at once.
#[tokio::test]
async fn calls_that_are_not_polled_are_in_nobodys_way() {
    for speak in ALL {
        let (_server, _forwarder, client) = start(speak).await;
        let client = client.build().unwrap();
        let mut held: Vec<_> = (0..70).map(|_| Box::pin(call(&client))).collect();
        for call in &mut held {
            let begun = std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx)));
            assert!(begun.await.is_pending(), "{speak:?}");
        }
        let other = tokio::time::timeout(Duration::from_secs(20), call(&client)).await;
        other.expect("it waits for those that are held").unwrap();
    }
}

/// What an origin speaks is asked anew when its connections are gone.
#[tokio::test]
async fn a_server_that_learns_http2() {
    let (old, forwarder, client) = start(Speak::TlsHttp1).await;
    let new = Server::builder()
        .tls(Tls::new())
        .api_key(old.api_key())
        .start()
        .await
        .unwrap();
    let client = client
        .runtime(|runtime| {
            let root = new.root_certificate().expect("it speaks TLS");
            let idle = Duration::from_millis(300);
            runtime.root_certificates(root).pool_idle_timeout(idle)
        })
        .build()
        .unwrap();
    call(&client).await.unwrap();
    until_open(&forwarder, 0).await;
    forwarder.lead_to(new.port());
    let learns = async {
        loop {
            call(&client).await.unwrap();
            if new
                .calls()
                .iter()
                .any(|call| format!("{:?}", call.version()) == "HTTP/2.0")
            {
                return;
            }
            until_open(&forwarder, 0).await;
        }
    };
    let learnt = tokio::time::timeout(Duration::from_secs(20), learns).await;
    learnt.expect("it stays with HTTP/1.1");
}

/// A call that was not sent doesn't fail for a connection that has died while nobody used it.
#[tokio::test]
async fn connections_that_die_idle() {
    for speak in ALL {
        let (server, forwarder, client) = start(speak).await;
        let client = client.build().unwrap();
        for round in 1..=20 {
            call(&client).await.unwrap();
            assert_eq!(server.call_count(), round, "{speak:?}");
            assert_eq!(forwarder.accepted() as u64, round, "{speak:?}");
            forwarder.cut();
            until_open(&forwarder, 0).await;
        }
    }
}

#[tokio::test]
async fn a_connection_that_was_idle_for_its_time_is_closed() {
    for speak in ALL {
        let (_server, forwarder, client) = start(speak).await;
        let client = client
            .runtime(|runtime| runtime.pool_idle_timeout(Duration::from_millis(300)))
            .build()
            .unwrap();
        call(&client).await.unwrap();
        until_open(&forwarder, 0).await;
        call(&client).await.unwrap();
        assert_eq!(forwarder.accepted(), 2, "{speak:?}");
        // And all of them with their client.
        drop(client);
        until_open(&forwarder, 0).await;
    }
}

#[tokio::test]
async fn no_more_are_kept_than_asked_for() {
    for (speak, kept) in [(Speak::Http1, 2), (Speak::TlsHttp1, 2), (Speak::Http1, 0)] {
        let (_server, forwarder, client) = start(speak).await;
        let client = client
            .runtime(|runtime| runtime.pool_max_idle(kept))
            .build()
            .unwrap();
        at_once(&client, 20).await;
        until_open(&forwarder, kept).await;
    }
    let (_server, forwarder, client) = start(Speak::Http1).await;
    let client = client
        .runtime(|runtime| runtime.pool_idle_timeout(Duration::ZERO))
        .build()
        .unwrap();
    for made in 1..=3 {
        call(&client).await.unwrap();
        assert_eq!(forwarder.accepted(), made);
    }
    until_open(&forwarder, 0).await;
}

/// A call that is given up takes its connection with it (HTTP/1.1), or its stream alone (HTTP/2).
#[tokio::test]
async fn calls_that_are_given_up() {
    for speak in ALL {
        let (server, forwarder, client) = start(speak).await;
        let client = client.build().unwrap();
        call(&client).await.unwrap();
        server.inject(gitpod_testing::Fault::stall_body(1));
        let request = ListScimConfigurationsRequest::default();
        let error = client
            .organization()
            .list_scim_configurations(request)
            .timeout(Duration::from_millis(300))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::DeadlineExceeded, "{speak:?}");
        if !speak.is_http2() {
            until_open(&forwarder, 0).await;
        }
        call(&client).await.unwrap();
        let expected = if speak.is_http2() { 1 } else { 2 };
        assert_eq!(forwarder.accepted(), expected, "{speak:?}");
    }
}

/// Over HTTP/2 all calls share a connection: one that has gone silent must not take them all with it.
#[tokio::test]
async fn a_connection_that_goes_silent() {
    for speak in [Speak::Http2, Speak::TlsHttp2] {
        let (server, forwarder, client) = start(speak).await;
        let client = client.build().unwrap();
        let waits = async |time| {
            let request = ListScimConfigurationsRequest::default();
            let call = client.organization().list_scim_configurations(request);
            let error = call.timeout(Duration::from_millis(time)).await.unwrap_err();
            assert_eq!(error.code(), Code::DeadlineExceeded, "{speak:?}");
        };
        let never = || gitpod_testing::Fault::delay_answer(Duration::from_secs(600));
        call(&client).await.unwrap();

        // Others are answered meanwhile, so that one call alone is late.
        server.inject(never());
        let others = async {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                call(&client).await.unwrap();
            }
        };
        tokio::join!(waits(400), others);
        // What is given up soon proves nothing.
        server.inject(never());
        waits(50).await;
        call(&client).await.unwrap();
        assert_eq!(forwarder.accepted(), 1, "{speak:?}");

        // Nothing at all is heard: the next call goes elsewhere.
        server.inject(never());
        waits(400).await;
        call(&client).await.unwrap();
        assert_eq!(forwarder.accepted(), 2, "{speak:?}");
    }
}

/// A client in several runtimes, one after the other: connections and timers die with theirs.
#[test]
fn runtimes_that_come_and_go() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
    };
    let servers = runtime();
    for speak in ALL {
        let (server, _forwarder, client) = servers.block_on(start(speak));
        let client = client.build().unwrap();
        for round in 1..=3 {
            runtime().block_on(call(&client)).unwrap();
            assert_eq!(server.call_count(), round, "{speak:?}");
        }
    }
}

/// The socket is this machine's, so a credential goes over it in plain text, to whatever name.
#[cfg(unix)]
#[tokio::test]
async fn over_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    let server = Server::start().await.unwrap();
    let forwarder = Forwarder::unix(&path, server.port()).unwrap();
    for http2 in [false, true] {
        let builder = || {
            Client::builder()
                .base_url("http://api.example.com/api")
                .token(server.api_key())
        };
        let error = builder().build().unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        let client = builder()
            .runtime(|runtime| {
                let runtime = runtime.unix_socket(&path);
                if http2 { runtime.http2_only() } else { runtime }
            })
            .build()
            .unwrap();
        call(&client).await.unwrap();
    }
    assert_eq!(forwarder.accepted(), 2);
}
