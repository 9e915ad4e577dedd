//! The protocol's rules and users' own handlers, seen from the wire.

#![allow(clippy::unwrap_used)] // A test fails by panicking.

mod support;

use std::io::Read;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::read::GzDecoder;
use gitpod_client::organization::{GetOrganization, ListMembers, RegenerateScimToken};
use gitpod_testing::{Code, Compression, Method, Request, Response, Server, ServerError};
use gitpod_types::v1::{GetOrganizationResponse, ListMembersResponse, Organization};
use http::{HeaderName, HeaderValue, Version};
use http_body_util::Full;
use serde_json::json;
use support::{BOTH, PATIENCE, Peer, raw, raw_call, server};

/// A method of no API that the server knows.
enum Echo {}

#[derive(Clone, PartialEq, prost::Message, serde::Serialize, serde::Deserialize)]
#[serde(default)]
struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

impl Method for Echo {
    type Request = Text;
    type Response = Text;
    type Kind = connect_hyper::Unary;
    const PATH: &'static str = "/toy.v1.Toy/Echo";
}

const ECHO: &str = "/api/toy.v1.Toy/Echo";

async fn echo_server() -> Server {
    let server = server().await;
    server.handle::<Echo, _, _>(|request: Request<Text>| async move { Ok(request.into_message()) });
    server
}

#[tokio::test]
async fn a_users_own_method_in_both_codecs_over_both_versions() {
    for version in BOTH {
        let server = echo_server().await;
        let mut peer = Peer::connect(&server, version).await;
        let answer = peer.ok(ECHO, json!({"text": "hello"})).await;
        assert_eq!(answer, json!({"text": "hello"}));
        let message = Text {
            text: "hello".into(),
        };
        let answer: Text = peer.binary(ECHO, &message).await;
        assert_eq!(answer, message);
        let calls = server.calls();
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[0].path(), Echo::PATH);
        assert_eq!(calls[0].method(), http::Method::POST);
        assert_eq!(calls[0].version(), version);
        assert_eq!(calls[0].content_type(), Some("application/json"));
        assert_eq!(calls[1].content_type(), Some("application/proto"));
        assert!(calls[0].header_names().any(|name| name == "authorization"));
    }
}

#[tokio::test]
async fn a_handler_replaces_a_built_in_one_and_an_unimplemented_one() {
    let server = server().await;
    let mut peer = Peer::connect(&server, Version::HTTP_11).await;
    let reply = peer.call("ListMembers", json!({})).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code()),
        (501, "unimplemented".into())
    );
    server.handle::<ListMembers, _, _>(|_| async { Ok(ListMembersResponse::default()) });
    server.handle::<GetOrganization, _, _>(|request| async move {
        let organization = Organization {
            name: request.organization_id.clone(),
            ..Default::default()
        };
        Ok(GetOrganizationResponse {
            organization: Some(organization),
        })
    });
    server.handle::<RegenerateScimToken, _, _>(|_| async {
        Err(ServerError::new(Code::PermissionDenied, "not you"))
    });
    peer.ok("ListMembers", json!({})).await;
    let answer = peer
        .ok("GetOrganization", json!({"organizationId": "x"}))
        .await;
    assert_eq!(answer["organization"]["name"], "x");
    let reply = peer.call("RegenerateSCIMToken", json!({})).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code()),
        (403, "permission_denied".into())
    );
    assert_eq!(reply.message(), "not you");
}

#[tokio::test]
async fn handlers_read_headers_and_set_headers_and_trailers() {
    for version in BOTH {
        let server = server().await;
        server.handle_with_metadata::<Echo, _, _>(|request| async move {
            let given = request.headers()["x-given"].clone();
            if request.text == "fail" {
                return Err(ServerError::new(Code::Aborted, "told to")
                    .with_detail("toy.v1.Text", vec![10, 1, b'x'])
                    .with_header(HeaderName::from_static("x-given"), given.clone())
                    .with_trailer(HeaderName::from_static("x-end"), given));
            }
            Ok(Response::new(request.message().clone())
                .with_header(HeaderName::from_static("x-many"), given)
                .with_header(
                    HeaderName::from_static("x-many"),
                    HeaderValue::from_static("2"),
                )
                .with_trailer(
                    HeaderName::from_static("x-end"),
                    HeaderValue::from_static("3"),
                ))
        });
        let mut peer = Peer::connect(&server, version).await;
        let request = peer.request(ECHO, &[("x-given", "1")], "{}".into());
        let reply = peer.send(request).await.unwrap();
        let many: Vec<_> = reply.headers.get_all("x-many").iter().collect();
        assert_eq!(many, ["1", "2"]);
        assert_eq!(reply.headers["trailer-x-end"], "3");
        assert!(!reply.headers.contains_key("x-end"));

        let request = peer.request(ECHO, &[("x-given", "1")], "{\"text\":\"fail\"}".into());
        let reply = peer.send(request).await.unwrap();
        assert_eq!(reply.status, 409);
        assert_eq!(reply.headers["x-given"], "1");
        assert_eq!(reply.headers["trailer-x-end"], "1");
        assert_eq!(
            reply.json()["details"],
            json!([{"type": "toy.v1.Text", "value": "CgF4"}])
        );
    }
}

#[tokio::test]
async fn the_clients_deadline_bounds_the_handler() {
    for version in BOTH {
        let server = server().await;
        let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
        server.handle::<Echo, _, _>(move |request| {
            sender.send(request.deadline()).unwrap();
            async {
                tokio::time::sleep(PATIENCE * 2).await;
                Ok(Text::default())
            }
        });
        let mut peer = Peer::connect(&server, version).await;
        let start = Instant::now();
        let request = peer.request(ECHO, &[("connect-timeout-ms", "200")], "{}".into());
        let reply = peer.send(request).await.unwrap();
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (504, "deadline_exceeded".into())
        );
        assert!(start.elapsed() >= Duration::from_millis(200));
        let deadline = seen.recv().await.unwrap().unwrap();
        assert!(deadline > start && deadline < start + Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_handler_that_panics_is_an_internal_error_and_no_more() {
    let server = server().await;
    server.handle::<Echo, _, _>(|request: Request<Text>| async move {
        assert!(request.text != "panic", "as told");
        Ok(request.into_message())
    });
    for version in BOTH {
        let mut peer = Peer::connect(&server, version).await;
        let reply = peer.call(ECHO, json!({"text": "panic"})).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (500, "internal".into())
        );
        peer.ok(ECHO, json!({"text": "fine"})).await;
    }
}

#[tokio::test]
async fn requests_that_break_the_protocol_are_refused() {
    let server = echo_server().await;
    for version in BOTH {
        let mut peer = Peer::connect(&server, version).await;
        for (headers, status, code) in [
            (&[("content-type", "text/plain")][..], 415, None),
            (&[("content-type", "application/connect+json")], 415, None),
            (&[("content-type", "application/grpc")], 415, None),
            (
                &[("connect-protocol-version", "2")],
                400,
                Some("invalid_argument"),
            ),
            (
                &[("connect-timeout-ms", "0")],
                400,
                Some("invalid_argument"),
            ),
            (
                &[("connect-timeout-ms", "soon")],
                400,
                Some("invalid_argument"),
            ),
            (
                &[("connect-timeout-ms", "12345678901")],
                400,
                Some("invalid_argument"),
            ),
            (
                &[("content-encoding", "deflate")],
                501,
                Some("unimplemented"),
            ),
            (
                &[("content-encoding", "gzip")],
                400,
                Some("invalid_argument"),
            ),
        ] {
            let request = peer.request(ECHO, headers, "{}".into());
            let reply = peer.send(request).await.unwrap();
            assert_eq!(reply.status, status, "{headers:?}");
            match code {
                Some(code) => assert_eq!(reply.code(), code, "{headers:?}"),
                None => {
                    assert!(reply.body.is_empty());
                    assert!(reply.headers.contains_key("accept-post"));
                }
            }
        }
        for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
            let mut request = peer.request(ECHO, &[], Bytes::new());
            *request.method_mut() = method.parse().unwrap();
            let reply = peer.send(request).await.unwrap();
            assert_eq!(reply.status, 405, "{method}");
            assert_eq!(reply.headers["allow"], "POST");
        }
        // The version may be left out, and is taken where it is right.
        let request = peer.request(ECHO, &[("connect-protocol-version", "1")], "{}".into());
        assert_eq!(peer.send(request).await.unwrap().status, 200);
    }
    let strict = Server::builder()
        .require_protocol_version(true)
        .start()
        .await
        .unwrap();
    let mut peer = Peer::connect(&strict, Version::HTTP_11).await;
    let reply = peer.call("GetOrganization", json!({})).await;
    assert_eq!(reply.code(), "invalid_argument");
    assert!(reply.message().contains("connect-protocol-version"));
}

#[tokio::test]
async fn every_other_rpc_is_unimplemented_and_every_other_path_not_found() {
    let server = server().await;
    for version in BOTH {
        let mut peer = Peer::connect(&server, version).await;
        for path in [
            "/api/gitpod.v1.UserService/GetAuthenticatedUser",
            "/api/gitpod.v1.OrganizationService/CreateOrganization",
        ] {
            for content_type in ["application/json", "application/proto"] {
                let request = peer.request(path, &[("content-type", content_type)], Bytes::new());
                let reply = peer.send(request).await.unwrap();
                assert_eq!(
                    (reply.status.as_u16(), reply.code()),
                    (501, "unimplemented".into())
                );
            }
        }
        let stream = "/api/gitpod.v1.EventService/WatchEvents";
        let headers = [("content-type", "application/connect+json")];
        let request = peer.request(stream, &headers, Bytes::from_static(b"\0\0\0\0\x02{}"));
        let reply = peer.send(request).await.unwrap();
        assert_eq!(reply.status, 200);
        assert_eq!(reply.headers["content-type"], "application/connect+json");
        assert_eq!(reply.body[0], 2);
        let end: serde_json::Value = serde_json::from_slice(&reply.body[5..]).unwrap();
        assert_eq!(end["error"]["code"], "unimplemented");

        for path in [
            "/",
            "/api",
            "/api/",
            "/api/gitpod.v1.UserService",
            "/api/gitpod.v1.UserService/",
            "/api/other.v1.UserService/GetUser",
            "/gitpod.v1.OrganizationService/GetOrganization",
            "/scim/v1/Users",
        ] {
            let request = peer.request(path, &[], "{}".into());
            let reply = peer.send(request).await.unwrap();
            assert_eq!(reply.status, 404, "{path}");
        }
    }
}

#[tokio::test]
async fn gzip_goes_in_and_out_where_both_sides_want_it() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(br#"{"text":"packed"}"#).unwrap();
    let packed = Bytes::from(encoder.finish().unwrap());
    for (compress, accept, gzip) in [
        (&[][..], Some("gzip"), false),
        (&[Compression::Gzip], Some("deflate, gzip"), true),
        (&[Compression::Gzip], Some("identity"), false),
        (&[Compression::Gzip], None, false),
    ] {
        let server = Server::builder()
            .compress_responses(compress.iter().copied())
            .start()
            .await
            .unwrap();
        server.handle::<Echo, _, _>(
            |request: Request<Text>| async move { Ok(request.into_message()) },
        );
        let mut peer = Peer::connect(&server, Version::HTTP_11).await;
        let mut request = peer.request(ECHO, &[("content-encoding", "gzip")], packed.clone());
        if let Some(accept) = accept {
            let value = HeaderValue::from_static(accept);
            request.headers_mut().insert("accept-encoding", value);
        }
        let reply = peer.send(request).await.unwrap();
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.headers.contains_key("content-encoding"), gzip);
        let mut body = reply.body.to_vec();
        if gzip {
            assert_eq!(reply.headers["content-encoding"], "gzip");
            body.clear();
            GzDecoder::new(&reply.body[..])
                .read_to_end(&mut body)
                .unwrap();
        }
        assert_eq!(body, br#"{"text":"packed"}"#);
    }
}

#[tokio::test]
async fn methods_without_side_effects_can_be_called_by_get() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use prost::Message as _;

    let server = server().await;
    let id = server.organization_id();
    let message = gitpod_types::v1::GetOrganizationRequest {
        organization_id: id.into(),
    };
    let binary = URL_SAFE_NO_PAD.encode(message.encode_to_vec());
    let json = format!("%7B%22organizationId%22:%22{id}%22%7D");
    for version in BOTH {
        let mut peer = Peer::connect(&server, version).await;
        let mut get = async |method: &str, query: &str| {
            let path = format!("/api/gitpod.v1.OrganizationService/{method}?{query}");
            let mut request = peer.request(&path, &[], Bytes::new());
            *request.method_mut() = http::Method::GET;
            request.headers_mut().remove("content-type");
            peer.send(request).await.unwrap()
        };
        let query = format!("connect=v1&encoding=json&message={json}");
        let reply = get("GetOrganization", &query).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.json()["organization"]["id"], id);
        let query = format!("connect=v1&base64=1&encoding=proto&message={binary}");
        let reply = get("GetOrganization", &query).await;
        assert_eq!(reply.headers["content-type"], "application/proto");
        let answer = GetOrganizationResponse::decode(reply.body).unwrap();
        assert_eq!(answer.organization.unwrap().id, id);

        let reply = get("GetOrganization", "encoding=json&message=%7B").await;
        assert_eq!(reply.code(), "invalid_argument");
        let reply = get("GetOrganization", "").await;
        assert_eq!(reply.status, 415);
        // What changes something can't be called so.
        let reply = get("RegenerateSCIMToken", &query).await;
        assert_eq!(reply.status, 405);
        assert_eq!(reply.headers["allow"], "POST");
    }
    assert_eq!(server.tokens_issued().len(), 1);
    // No credential, no answer.
    let mut peer = Peer::connect(&server, Version::HTTP_11).await;
    let path = "/api/gitpod.v1.OrganizationService/GetOrganization?encoding=json&message=%7B%7D";
    let request = http::Request::get(path).body(Full::default()).unwrap();
    assert_eq!(peer.send(request).await.unwrap().code(), "unauthenticated");
}

#[tokio::test]
async fn keys_can_be_added_revoked_and_not_needed() {
    let server = server().await;
    let mut peer = Peer::connect(&server, Version::HTTP_11).await;
    let body = json!({"organizationId": server.organization_id()});
    peer.ok("GetOrganization", body.clone()).await;
    server.accept_api_key("second");
    server.revoke_api_key(server.api_key());
    assert_eq!(
        peer.call("GetOrganization", body.clone()).await.code(),
        "unauthenticated"
    );
    let second = [("authorization", "Bearer second")];
    let request = peer.request("GetOrganization", &second, body.to_string().into());
    assert_eq!(peer.send(request).await.unwrap().status, 200);

    let open = Server::builder()
        .require_credential(false)
        .start()
        .await
        .unwrap();
    let mut peer = Peer::connect(&open, Version::HTTP_2).await;
    let mut request = peer.request("ListSCIMConfigurations", &[], "{}".into());
    request.headers_mut().remove("authorization");
    assert_eq!(peer.send(request).await.unwrap().status, 200);

    for wrong in ["", "two words", "new\nline", "ümlaut"] {
        let error = Server::builder().api_key(wrong).start().await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(wrong.is_empty() || !error.to_string().contains(wrong));
    }
}

#[tokio::test]
async fn bytes_on_the_wire_are_plain() {
    let server = server().await;
    let body = format!(r#"{{"organizationId":"{}"}}"#, server.organization_id());
    let mut request = raw_call(&server, "GetOrganization", &body);
    let end = request.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    request.splice(end..end, *b"\r\nconnection: close");
    let (received, end) = raw(&server, &request).await;
    end.unwrap();
    let text = String::from_utf8(received).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains(&format!("content-length: {}", body.len())),
        "{head}"
    );
    assert!(body.starts_with("{\"organization\":{\"id\":\""), "{body}");
}

#[tokio::test]
async fn a_port_can_be_chosen_and_is_free_again_after_the_stop() {
    let first = Server::start().await.unwrap();
    let port = first.port();
    let error = Server::builder().port(port).start().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    let mut peer = Peer::connect(&first, Version::HTTP_11).await;
    peer.call("GetOrganization", json!({})).await;
    tokio::time::timeout(PATIENCE, first.stop()).await.unwrap();
    assert!(peer.try_call("GetOrganization", json!({})).await.is_err());
    let second = Server::builder().port(port).start().await.unwrap();
    assert_eq!(second.port(), port);
    let mut peer = Peer::connect(&second, Version::HTTP_2).await;
    peer.call("GetOrganization", json!({})).await;
    drop(second);
    // The port closes in the background.
    for _ in 0..200 {
        if tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the port is open though the server was dropped");
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way_and_a_kill_does_not() {
    for version in BOTH {
        for kill in [false, true] {
            let server = server().await;
            server.handle::<Echo, _, _>(|request: Request<Text>| async move {
                tokio::time::sleep(Duration::from_millis(300)).await;
                Ok(request.into_message())
            });
            let mut peer = Peer::connect(&server, version).await;
            let call = tokio::spawn(async move { peer.try_call(ECHO, json!({})).await });
            while server.call_count() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if kill {
                server.kill();
            }
            tokio::time::timeout(PATIENCE, server.stop()).await.unwrap();
            let outcome = call.await.unwrap();
            assert_eq!(outcome.is_err(), kill, "{version:?} {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_dropped_server_finishes_what_is_under_way() {
    for version in BOTH {
        let server = server().await;
        server.handle::<Echo, _, _>(|request: Request<Text>| async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok(request.into_message())
        });
        let mut peer = Peer::connect(&server, version).await;
        let call = tokio::spawn(async move {
            let first = peer.try_call(ECHO, json!({})).await;
            (first, peer.try_call(ECHO, json!({})).await)
        });
        while server.call_count() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(server.clone());
        drop(server);
        let (first, second) = call.await.unwrap();
        assert_eq!(first.unwrap().status, 200);
        assert!(second.is_err(), "{version:?} {second:?}");
    }
}

#[test]
fn everything_goes_between_threads() {
    fn check<T: Send + Sync + Clone + std::fmt::Debug + 'static>() {}
    check::<Server>();
    check::<gitpod_testing::Builder>();
    check::<gitpod_testing::CallRecord>();
    check::<gitpod_testing::Clock>();
    check::<gitpod_testing::Fault>();
    check::<gitpod_testing::FaultHandle>();
    check::<gitpod_testing::FaultPlan>();
    check::<Request<Text>>();
    check::<Response<Text>>();
    check::<ServerError>();
}

#[test]
fn no_value_of_a_header_is_shown() {
    let hush = || {
        (
            HeaderName::from_static("x-name"),
            HeaderValue::from_static("hush"),
        )
    };
    let ((h, v), (t, w)) = (hush(), hush());
    let response = Response::new(()).with_header(h, v).with_trailer(t, w);
    let ((h, v), (t, w)) = (hush(), hush());
    let error = ServerError::new(Code::Internal, "")
        .with_header(h, v)
        .with_trailer(t, w)
        .with_detail("a.Detail", "hush");
    let shown = format!("{response:?} {error:?} {error}");
    assert!(shown.contains("x-name") && shown.contains("a.Detail"));
    assert!(!shown.contains("hush"), "{shown}");
}

#[tokio::test]
async fn the_call_log_counts_requests_and_forgets_when_told() {
    let server = echo_server().await;
    let mut peer = Peer::connect(&server, Version::HTTP_11).await;
    peer.ok(ECHO, json!({})).await;
    let request = http::Request::get("/nowhere?x=1").body(Full::default());
    peer.send(request.unwrap()).await.unwrap();
    assert_eq!(server.call_count(), 2);
    let calls = server.calls();
    assert_eq!(
        (calls[1].path(), calls[1].query()),
        ("/nowhere", Some("x=1"))
    );
    assert_eq!(calls[0].received_at(), server.clock().now());
    server.clear_calls();
    assert_eq!((server.call_count(), server.calls().len()), (0, 0));
}
