//! What the tests speak to the server with: hyper's bare client and sockets, so that nothing of
//! our own client's understanding of the protocol is taken for granted.

#![allow(dead_code)] // Each test file uses a part.

pub(crate) mod streaming;
pub(crate) mod tap;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use gitpod_testing::{Clock, FaultPlan, Server};
use http::{HeaderMap, Request, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than anything here takes; a test that hangs fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// 2024-01-02T03:04:05Z.
pub(crate) fn start_time() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_704_164_645)
}

/// A server whose clock stands.
pub(crate) async fn server() -> Server {
    Server::builder()
        .clock(Clock::fixed(start_time()))
        .start()
        .await
        .unwrap()
}

pub(crate) const BOTH: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

/// A method that has an effect which can be counted.
pub(crate) const METHOD: &str = "RegenerateSCIMToken";

/// A request for it.
pub(crate) fn id(server: &Server) -> Value {
    json!({ "scimConfigurationId": server.scim_configuration_id() })
}

/// Calls Regenerate once with a fault, over a connection of its own. Says what came, and whether
/// the call was executed.
pub(crate) async fn spoil(
    version: Version,
    fault: impl Into<FaultPlan>,
) -> (Result<Reply, Failure>, usize, Peer, Server) {
    let server = server().await;
    let mut peer = Peer::connect(&server, version).await;
    let handle = server.inject(fault);
    let outcome = peer.try_call(METHOD, id(&server)).await;
    assert_eq!(handle.fired(), 1);
    let executions = server.tokens_issued().len() - 1;
    (outcome, executions, peer, server)
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The code of a Connect error, checked for its form.
    pub(crate) fn code(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/json", "{self:?}");
        self.json()["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().unwrap().to_owned()
    }
}

/// Where an exchange failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Headers,
    /// After so many bytes of the body.
    Body(usize),
}

#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) stage: Stage,
    pub(crate) error: hyper::Error,
}

enum Sender {
    Http1(hyper::client::conn::http1::SendRequest<Full<Bytes>>),
    Http2(hyper::client::conn::http2::SendRequest<Full<Bytes>>),
}

/// One connection.
pub(crate) struct Peer {
    sender: Sender,
    api_key: String,
}

impl Peer {
    pub(crate) async fn connect(server: &Server, version: Version) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port()))
            .await
            .unwrap();
        Self::over(stream, version, server.api_key()).await
    }

    /// One connection over any stream of bytes.
    pub(crate) async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        version: Version,
        api_key: &str,
    ) -> Self {
        let io = TokioIo::new(stream);
        let sender = if version == Version::HTTP_2 {
            let (sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
                    .await
                    .unwrap();
            tokio::spawn(connection);
            Sender::Http2(sender)
        } else {
            let (sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
            tokio::spawn(connection);
            Sender::Http1(sender)
        };
        Self {
            sender,
            api_key: api_key.to_owned(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => sender.is_closed(),
            Sender::Http2(sender) => sender.is_closed(),
        }
    }

    pub(crate) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Reply, Failure> {
        let exchange = async {
            let headers = |error| Failure {
                stage: Stage::Headers,
                error,
            };
            match &mut self.sender {
                Sender::Http1(sender) => sender.ready().await.map_err(headers)?,
                Sender::Http2(sender) => sender.ready().await.map_err(headers)?,
            }
            let response = match &mut self.sender {
                Sender::Http1(sender) => {
                    request
                        .headers_mut()
                        .insert("host", "localhost".parse().unwrap());
                    sender.send_request(request).await
                }
                Sender::Http2(sender) => {
                    *request.version_mut() = Version::HTTP_2;
                    let uri = format!("http://localhost{}", request.uri());
                    *request.uri_mut() = uri.parse().unwrap();
                    sender.send_request(request).await
                }
            };
            let response = response.map_err(headers)?;
            let (parts, mut body) = response.into_parts();
            let mut received = Vec::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| Failure {
                    stage: Stage::Body(received.len()),
                    error,
                })?;
                if let Ok(data) = frame.into_data() {
                    received.extend_from_slice(&data);
                }
            }
            Ok(Reply {
                status: parts.status,
                headers: parts.headers,
                body: received.into(),
            })
        };
        tokio::time::timeout(PATIENCE, exchange).await.unwrap()
    }

    /// A request for a method of OrganizationService, in JSON unless headers say otherwise.
    pub(crate) fn request(
        &self,
        method: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Request<Full<Bytes>> {
        let path = if method.starts_with('/') {
            method.to_owned()
        } else {
            format!("/api/gitpod.v1.OrganizationService/{method}")
        };
        let mut request = Request::post(path)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.api_key))
            .body(Full::new(body))
            .unwrap();
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        request
    }

    /// A call in JSON.
    pub(crate) async fn try_call(&mut self, method: &str, body: Value) -> Result<Reply, Failure> {
        let request = self.request(method, &[], body.to_string().into());
        self.send(request).await
    }

    /// A call in JSON that is answered.
    pub(crate) async fn call(&mut self, method: &str, body: Value) -> Reply {
        self.try_call(method, body).await.unwrap()
    }

    /// A call in JSON that succeeds.
    pub(crate) async fn ok(&mut self, method: &str, body: Value) -> Value {
        let reply = self.call(method, body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()
    }

    /// A call in binary.
    pub(crate) async fn binary<Q: prost::Message, R: prost::Message + Default>(
        &mut self,
        method: &str,
        message: &Q,
    ) -> R {
        let headers = [("content-type", "application/proto")];
        let request = self.request(method, &headers, message.encode_to_vec().into());
        let reply = self.send(request).await.unwrap();
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.headers["content-type"], "application/proto");
        R::decode(reply.body).unwrap()
    }

    /// What the SCIM endpoint says to a token.
    pub(crate) async fn scim(&mut self, path: &str, token: Option<&str>) -> Reply {
        let mut request = Request::get(format!("/scim/v2{path}"));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(request.body(Full::default()).unwrap())
            .await
            .unwrap()
    }

    /// Whether a token is alive, by the SCIM endpoint.
    pub(crate) async fn is_live(&mut self, token: &str) -> bool {
        match self
            .scim("/ServiceProviderConfig", Some(token))
            .await
            .status
            .as_u16()
        {
            200 => true,
            401 => false,
            other => panic!("{other}"),
        }
    }
}

/// Writes bytes to a socket and returns what comes back until the server ends it, and how.
pub(crate) async fn raw(server: &Server, request: &[u8]) -> (Vec<u8>, std::io::Result<()>) {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port()))
        .await
        .unwrap();
    let exchange = async {
        let mut received = Vec::new();
        if let Err(error) = stream.write_all(request).await {
            return (received, Err(error));
        }
        let mut buffer = [0; 4096];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) => return (received, Ok(())),
                Ok(length) => received.extend_from_slice(&buffer[..length]),
                Err(error) => return (received, Err(error)),
            }
        }
    };
    tokio::time::timeout(PATIENCE, exchange).await.unwrap()
}

/// The bytes of a call in JSON over HTTP/1.1, after which the connection stays open.
pub(crate) fn raw_call(server: &Server, method: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /api/gitpod.v1.OrganizationService/{method} HTTP/1.1\r\nhost: localhost\r\n\
         authorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        server.api_key(),
        body.len()
    )
    .into_bytes()
}
