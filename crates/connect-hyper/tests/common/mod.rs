//! A method of our own, and a server that says on a socket what a test tells it to.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, dead_code)]

pub mod http2;
pub mod mock;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use connect_hyper::{Client, ClientStreaming, Idempotency, Method, ServerStreaming, Unary};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone, PartialEq, prost::Message, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Word {
    #[prost(string, tag = "1")]
    pub text: String,
}

pub fn word(text: &str) -> Word {
    Word {
        text: text.to_owned(),
    }
}

/// Has side effects, and an answer without a text is worthless.
#[derive(Debug)]
pub enum Say {}

impl Method for Say {
    type Request = Word;
    type Response = Word;
    type Kind = Unary;
    const PATH: &'static str = "/toy.v1.Toy/Say";

    fn missing_field(response: &Word) -> Option<&'static str> {
        response.text.is_empty().then_some("text")
    }
}

/// Has no side effects.
#[derive(Debug)]
pub enum Look {}

impl Method for Look {
    type Request = Word;
    type Response = Word;
    type Kind = Unary;
    const PATH: &'static str = "/toy.v1.Toy/Look";
    const IDEMPOTENCY: Idempotency = Idempotency::NoSideEffects;
}

/// Answers with a stream.
#[derive(Debug)]
pub enum Count {}

impl Method for Count {
    type Request = Word;
    type Response = Word;
    type Kind = ServerStreaming;
    const PATH: &'static str = "/toy.v1.Toy/Count";
}

/// Takes a stream and answers once.
#[derive(Debug)]
pub enum Gather {}

impl Method for Gather {
    type Request = Word;
    type Response = Word;
    type Kind = ClientStreaming;
    const PATH: &'static str = "/toy.v1.Toy/Gather";
}

/// An envelope.
pub fn envelope(flags: u8, message: impl AsRef<[u8]>) -> Vec<u8> {
    let message = message.as_ref();
    let mut envelope = vec![flags];
    envelope.extend((message.len() as u32).to_be_bytes());
    envelope.extend_from_slice(message);
    envelope
}

/// A response whose body is these envelopes.
pub fn stream(envelopes: &[Vec<u8>]) -> Step {
    response(
        "200 OK",
        "content-type: application/connect+json\r\n",
        envelopes.concat(),
    )
}

/// A message of a stream.
pub fn said(text: &str) -> Vec<u8> {
    envelope(0, format!(r#"{{"text":"{text}"}}"#))
}

/// A client with the usual settings.
pub fn client(server: &Server) -> Client {
    Client::builder(&server.base).build().unwrap()
}

/// What the server does once it has read a request.
#[derive(Debug, Clone)]
pub enum Step {
    Write(Vec<u8>),
    Wait(Duration),
    /// Waits until the client closes the connection.
    AwaitClose,
    Close,
    Reset,
}

pub fn write(text: impl AsRef<[u8]>) -> Step {
    Step::Write(text.as_ref().to_vec())
}

/// A response with a length.
pub fn response(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Step {
    let body = body.as_ref();
    let mut text = format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    text.extend_from_slice(body);
    Step::Write(text)
}

pub fn json(status: &str, body: &str) -> Step {
    response(status, "content-type: application/json\r\n", body)
}

/// Answers each request by the next list of steps. Any request beyond them is a failure of the test.
pub struct Server {
    pub base: String,
    seen: Arc<Mutex<Vec<String>>>,
    asked: Arc<tokio::sync::Notify>,
    closed: Arc<tokio::sync::Notify>,
}

impl Server {
    pub async fn start(script: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            seen: Arc::default(),
            asked: Arc::default(),
            closed: Arc::default(),
        };
        let script = Arc::new(Mutex::new(script.into_iter()));
        let (seen, closed) = (server.seen.clone(), server.closed.clone());
        let asked = server.asked.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (script, seen, closed) = (script.clone(), seen.clone(), closed.clone());
                let asked = asked.clone();
                tokio::spawn(async move {
                    let mut socket = socket;
                    while let Some(request) = read_request(&mut socket).await {
                        seen.lock().unwrap().push(request);
                        asked.notify_one();
                        let steps = script.lock().unwrap().next().unwrap_or_default();
                        if !play(&mut socket, steps, &closed).await {
                            break;
                        }
                    }
                });
            }
        });
        server
    }

    /// The requests so far, each as text.
    pub fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until the server has read a request.
    pub fn asked(&self) -> impl Future<Output = ()> + Send + 'static {
        let asked = self.asked.clone();
        async move { asked.notified().await }
    }

    /// Waits until a [`Step::AwaitClose`] saw the client close its connection.
    pub async fn client_closed(&self) {
        tokio::time::timeout(Duration::from_secs(10), self.closed.notified())
            .await
            .expect("the client keeps its connection open");
    }
}

async fn play(socket: &mut TcpStream, steps: Vec<Step>, closed: &tokio::sync::Notify) -> bool {
    for step in steps {
        match step {
            Step::Write(bytes) => {
                if socket.write_all(&bytes).await.is_err() {
                    return false;
                }
            }
            Step::Wait(time) => tokio::time::sleep(time).await,
            Step::AwaitClose => {
                let mut rest = [0; 64];
                while matches!(socket.read(&mut rest).await, Ok(n) if n > 0) {}
                closed.notify_one();
                return false;
            }
            Step::Close => return false,
            Step::Reset => {
                socket.set_zero_linger().unwrap();
                return false;
            }
        }
    }
    true
}

async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |length| length.parse().unwrap());
            let is_whole = if head.contains("transfer-encoding: chunked") {
                body.ends_with("0\r\n\r\n")
            } else {
                body.len() >= length
            };
            if is_whole {
                return Some(text);
            }
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
