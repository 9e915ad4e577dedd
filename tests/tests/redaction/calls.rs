//! Calls of each message that holds a secret, there and back: what they print when they go well,
//! and when they fail in every way in which an error could quote what was sent.

use std::marker::PhantomData;

use connect_hyper::{Idempotency, Message, ServerStreaming};
use gitpod_client::{Client, Code, Codec, Method, Unary};
use gitpod_testing::{Fault, ResponseStream, Server, ServerError, Tls};
use gitpod_tests::harness::{self, Harness};
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::plant::{self, is_secret};
use crate::spoil;

trait MessageVisitor {
    fn visit<M: Message>(&mut self, full_name: &'static str);
}

include!(concat!(env!("OUT_DIR"), "/holders.rs"));

/// Answers with the request. That it has no side effects lets it be called by GET, which puts the
/// message into the URL.
struct Echo<M>(PhantomData<fn() -> M>);

impl<M: Message> Method for Echo<M> {
    type Request = M;
    type Response = M;
    type Kind = Unary;
    const PATH: &'static str = "/sentinel.v1.SentinelService/Echo";
    const IDEMPOTENCY: Idempotency = Idempotency::NoSideEffects;
}

/// Answers with the request as the only message of a stream.
struct Stream<M>(PhantomData<fn() -> M>);

impl<M: Message> Method for Stream<M> {
    type Request = M;
    type Response = M;
    type Kind = ServerStreaming;
    const PATH: &'static str = "/sentinel.v1.SentinelService/Stream";
}

/// The servers, and the clients that call them.
struct Calls {
    runtime: tokio::runtime::Runtime,
    pool: DescriptorPool,
    plain: Harness,
    tls: Harness,
    /// Both codecs, over HTTP/1.1 and HTTP/2.
    clients: Vec<Client>,
    tls_clients: Vec<Client>,
    secrets: usize,
}

impl MessageVisitor for Calls {
    fn visit<M: Message>(&mut self, full_name: &'static str) {
        let message = self.pool.get_message_by_name(full_name).unwrap();
        let own = plant::plantings(&message).into_iter();
        for planting in own.filter(|planting| planting.fields().any(|(field, _)| is_secret(&field)))
        {
            #[allow(clippy::print_stdout, reason = "shown if the search finds one")]
            {
                println!("{full_name}: {planting}");
            }
            self.runtime.block_on(self.each_way::<M>(&planting));
            self.plain.search();
            self.tls.search();
            self.secrets += 1;
        }
    }
}

impl Calls {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let (plain, tls) = runtime.block_on(async {
            let tls = Server::builder().tls(Tls::new());
            let plain = Harness::start().await.unwrap();
            (plain, Harness::start_as(tls).await.unwrap())
        });
        for form in plant::forms() {
            plain.watch_for(&form);
            tls.watch_for(&form);
        }
        let clients = plain.clients().unwrap().into_iter();
        let tls_clients = [Codec::Json, Codec::Binary].map(|codec| {
            let client = tls.client(codec);
            let root = tls.root_certificate().unwrap();
            let client = client.runtime(|runtime| runtime.root_certificates(root));
            client.build().unwrap()
        });
        Self {
            runtime,
            pool: plant::pool(),
            clients: clients.map(|(_, client)| client).collect(),
            plain,
            tls_clients: tls_clients.into(),
            tls,
            secrets: 0,
        }
    }

    async fn each_way<M: Message>(&self, planting: &DynamicMessage) {
        let message = M::decode(planting.encode_to_vec().as_slice()).unwrap();
        for harness in [&self.plain, &self.tls] {
            harness.handle::<Echo<M>, _, _>(|request| async move { Ok(request.into_message()) });
            harness.handle::<Stream<M>, _, _>(|request| async move {
                Ok(ResponseStream::messages([request.into_message()]))
            });
        }
        for client in &self.clients {
            goes_well(&self.plain, client, &message).await;
        }
        for client in &self.tls_clients {
            goes_well(&self.tls, client, &message).await;
        }
        for (codec, client) in [Codec::Json, Codec::Binary].into_iter().zip(&self.clients) {
            fails(&self.plain, client, &message, planting).await;
            for body in spoil::bodies(planting, codec) {
                cannot_be_read(&self.plain, client, &message, &body).await;
                is_refused(&self.plain, codec, &body).await;
            }
        }
    }
}

#[test]
fn print_no_secret() {
    let mut calls = Calls::new();
    visit_messages(&mut calls);
    let messages = calls.pool.all_messages();
    let fields = messages.flat_map(|message| message.fields().collect::<Vec<_>>());
    assert_eq!(calls.secrets, fields.filter(is_secret).count());
    for text in ["sentinel.v1.SentinelService", "hyper", "h2", "rustls"] {
        assert!(harness::log_contains(text), "nothing of {text} in the log");
    }
}

async fn goes_well<M: Message>(harness: &Harness, client: &Client, message: &M) {
    for use_get in [false, true] {
        let call = client.connect().call::<Echo<M>>(message.clone());
        let call = harness.note(call.use_get(use_get));
        let response = harness.note(call.await.unwrap());
        // That it came there and back, and not only a part of it.
        assert!(response.into_inner().encode_to_vec() == message.encode_to_vec());
    }
    let call = client.connect().call::<Echo<M>>(message.clone());
    let mut raw = harness.note(call.send().await.unwrap());
    raw.read().await.unwrap();
    harness.note(raw);

    let call = harness.note(client.connect().call::<Stream<M>>(message.clone()));
    let mut stream = harness.note(call.await.unwrap());
    while let Some(message) = stream.message().await.unwrap() {
        harness.note(message);
        harness.note(&stream);
    }
    harness.note(harness.calls());
    harness.clear_calls();
}

/// The server says no, and attaches the message to its error.
async fn fails<M: Message>(
    harness: &Harness,
    client: &Client,
    message: &M,
    planting: &DynamicMessage,
) {
    let name = planting.descriptor().full_name().to_owned();
    let error =
        ServerError::new(Code::InvalidArgument, "no").with_detail(name, message.encode_to_vec());
    harness.inject(Fault::error(error));
    let call = client.connect().call::<Echo<M>>(message.clone());
    let error = harness.note_error(call.await.unwrap_err());
    assert_eq!(error.raw_details().len(), 1);
    harness.note(error.raw_details().to_vec());
}

/// The client can't read the answer.
async fn cannot_be_read<M: Message>(harness: &Harness, client: &Client, message: &M, body: &[u8]) {
    harness.inject(Fault::body(body.to_vec()));
    let call = client.connect().call::<Echo<M>>(message.clone());
    // Some of it can be read, with the secret in a field that takes any text.
    if let Err(error) = call.await {
        harness.note_error(error);
    }

    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let envelope = [&[0], length.as_slice(), body].concat();
    harness.inject(Fault::body(envelope));
    let call = client.connect().call::<Stream<M>>(message.clone());
    let mut stream = call.await.unwrap();
    if let Err(error) = stream.message().await {
        harness.note_error(error);
    }
}

/// The server can't read the request, and says so.
async fn is_refused(harness: &Harness, codec: Codec, body: &[u8]) {
    let content_type = match codec {
        Codec::Json => "application/json",
        _ => "application/proto",
    };
    let head = format!(
        "POST /api/sentinel.v1.SentinelService/Echo HTTP/1.1\r\nhost: localhost\r\n\
         content-type: {content_type}\r\ncontent-length: {}\r\nauthorization: Bearer {}\r\n\
         connection: close\r\n\r\n",
        body.len(),
        harness.api_key()
    );
    let mut connection = TcpStream::connect(("127.0.0.1", harness.port()))
        .await
        .unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    // What can be read comes back, the secret in it.
    if !answer.starts_with(b"HTTP/1.1 200 ") {
        harness.note(String::from_utf8_lossy(&answer).into_owned());
    }
}
