//! Streaming calls by hand: envelopes over hyper's bare client, each side moving on its own.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::StreamExt;
use gitpod_testing::{Method, ResponseStream, Server};
use http::{HeaderMap, HeaderName, Request, StatusCode, Version};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{PATIENCE, server};

/// The toy message of the toy service.
#[derive(Clone, PartialEq, prost::Message, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Text {
    #[prost(string, tag = "1")]
    pub(crate) text: String,
}

impl Text {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}

macro_rules! method {
    ($name:ident, $kind:ident) => {
        pub(crate) enum $name {}

        impl Method for $name {
            type Request = Text;
            type Response = Text;
            type Kind = connect_hyper::$kind;
            const PATH: &'static str = concat!("/toy.v1.Toy/", stringify!($name));
        }
    };
}

method!(Count, ServerStreaming);
method!(Collect, ClientStreaming);
method!(Converse, Bidi);

/// Answers `text` with its letters, one a message.
pub(crate) fn letters(text: &str) -> ResponseStream<Text> {
    let letters: Vec<_> = text.chars().map(Text::new).collect();
    ResponseStream::messages(letters)
}

/// A server with a right handler of each kind.
pub(crate) async fn toy_server() -> Server {
    let server = server().await;
    serve_toys(&server);
    server
}

/// Gives a server a right handler of each kind.
pub(crate) fn serve_toys(server: &Server) {
    server.handle::<Count, _, _>(|request| async move { Ok(letters(&request.text)) });
    server.handle::<Collect, _, _>(|request| async move {
        let mut requests = request.into_message();
        let mut all = String::new();
        while let Some(message) = requests.message().await? {
            all += &message.text;
        }
        Ok(Text::new(all))
    });
    server.handle::<Converse, _, _>(|request| async move {
        let requests = request.into_message();
        Ok(ResponseStream::new(requests.map(|message| {
            message.map(|message| Text::new(message.text.to_uppercase()))
        })))
    });
}

/// The two codecs, by the names that content types have for them.
pub(crate) const CODECS: [&str; 2] = ["json", "proto"];

/// A toy message, encoded.
pub(crate) fn encode(codec: &str, text: &str) -> Bytes {
    match codec {
        "json" => serde_json::to_vec(&Text::new(text)).unwrap().into(),
        _ => prost::Message::encode_to_vec(&Text::new(text)).into(),
    }
}

pub(crate) fn decode(codec: &str, message: &[u8]) -> String {
    match codec {
        "json" => serde_json::from_slice::<Text>(message).unwrap().text,
        _ => <Text as prost::Message>::decode(message).unwrap().text,
    }
}

pub(crate) fn envelope(flags: u8, content: &[u8]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(flags);
    bytes.put_u32(content.len().try_into().unwrap());
    bytes.put_slice(content);
    bytes.freeze()
}

/// A body that is sent piece by piece. It ends when the sender is dropped.
pub(crate) struct Pieces(mpsc::UnboundedReceiver<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(cx)
            .map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

/// A streaming call under way.
pub(crate) struct Calling {
    requests: Option<mpsc::UnboundedSender<Bytes>>,
    answer: Option<JoinHandle<Result<http::Response<Incoming>, hyper::Error>>>,
    /// The socket, beside hyper's.
    socket: std::net::TcpStream,
    pub(crate) codec: &'static str,
}

/// A stream of responses, of which the headers are there.
pub(crate) struct Answering {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    buffer: BytesMut,
    codec: &'static str,
}

/// What a stream came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) messages: Vec<String>,
    /// The JSON of the last envelope.
    pub(crate) end: Value,
}

impl Outcome {
    /// The code that the stream ended with; none for a good end.
    pub(crate) fn code(&self) -> Option<&str> {
        self.end["error"]["code"].as_str()
    }
}

impl Calling {
    /// Opens a call over a connection of its own. Nothing but the headers is sent.
    pub(crate) async fn open(
        server: &Server,
        version: Version,
        path: &str,
        codec: &'static str,
        headers: &[(&str, &str)],
    ) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port()))
            .await
            .unwrap()
            .into_std()
            .unwrap();
        let socket = stream.try_clone().unwrap();
        let io = TokioIo::new(TcpStream::from_std(stream).unwrap());
        let (requests, pieces) = mpsc::unbounded_channel();
        let mut request = Request::post(format!("http://localhost/api{path}"))
            .version(version)
            .header("content-type", format!("application/connect+{codec}"))
            .header("authorization", format!("Bearer {}", server.api_key()))
            .body(Pieces(pieces))
            .unwrap();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let answer = if version == Version::HTTP_2 {
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
                    .await
                    .unwrap();
            tokio::spawn(async { drop(connection.await) });
            tokio::spawn(async move { sender.send_request(request).await })
        } else {
            request
                .headers_mut()
                .insert("host", "localhost".parse().unwrap());
            *request.uri_mut() = format!("/api{path}").parse().unwrap();
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
            tokio::spawn(async { drop(connection.await) });
            tokio::spawn(async move { sender.send_request(request).await })
        };
        Self {
            requests: Some(requests),
            answer: Some(answer),
            socket,
            codec,
        }
    }

    /// Sends bytes of the body. That the server doesn't want them any more is fine.
    pub(crate) fn send_bytes(&self, bytes: Bytes) {
        let _ = self.requests.as_ref().unwrap().send(bytes);
    }

    pub(crate) fn send(&self, text: &str) {
        self.send_bytes(envelope(0, &encode(self.codec, text)));
    }

    /// Ends the body.
    pub(crate) fn finish(&mut self) {
        self.requests = None;
    }

    /// Waits for the headers of the response.
    pub(crate) async fn answer(&mut self) -> Answering {
        let answer = self.answer.take().unwrap();
        let answer = tokio::time::timeout(PATIENCE, answer).await.unwrap();
        let (parts, body) = answer.unwrap().unwrap().into_parts();
        Answering {
            status: parts.status,
            headers: parts.headers,
            body,
            buffer: BytesMut::new(),
            codec: self.codec,
        }
    }

    /// Ends the body, and reads the response to its end.
    pub(crate) async fn outcome(mut self) -> Outcome {
        self.finish();
        let mut answering = self.answer().await;
        let mut messages = Vec::new();
        loop {
            match answering.next().await {
                Ok(text) => messages.push(text),
                Err(end) => {
                    return Outcome {
                        status: answering.status,
                        headers: answering.headers,
                        messages,
                        end,
                    };
                }
            }
        }
    }

    /// Leaves: the whole connection goes, with whatever is under way.
    pub(crate) fn leave(self) {
        self.socket.shutdown(std::net::Shutdown::Both).unwrap();
    }
}

impl Answering {
    /// The next envelope as it is; none when the body has ended.
    pub(crate) async fn envelope(&mut self) -> Result<Option<(u8, Bytes)>, hyper::Error> {
        loop {
            if let Some((head, rest)) = self.buffer.split_at_checked(5) {
                let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
                if rest.len() >= length {
                    let flags = head[0];
                    let _ = self.buffer.split_to(5);
                    return Ok(Some((flags, self.buffer.split_to(length).freeze())));
                }
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame());
            match frame.await.unwrap() {
                Some(frame) => {
                    let data = frame?.into_data().unwrap();
                    self.buffer.extend_from_slice(&data);
                }
                None => {
                    assert!(self.buffer.is_empty(), "{:?}", self.buffer);
                    return Ok(None);
                }
            }
        }
    }

    /// The next message, or the JSON of the end, behind which there is nothing.
    pub(crate) async fn next(&mut self) -> Result<String, Value> {
        match self.envelope().await.unwrap() {
            Some((0, message)) => Ok(decode(self.codec, &message)),
            Some((2, end)) => {
                assert_eq!(self.envelope().await.unwrap(), None);
                Err(serde_json::from_slice(&end).unwrap())
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A whole call of one request.
pub(crate) async fn call(
    server: &Server,
    version: Version,
    path: &str,
    codec: &'static str,
    headers: &[(&str, &str)],
    text: &str,
) -> Outcome {
    let calling = Calling::open(server, version, path, codec, headers).await;
    calling.send(text);
    calling.outcome().await
}
