//! Makes the calls.

use std::sync::Arc;
use std::time::Duration;

use conformance::headers::headers;
use conformance::method::{
    Answer, BidiStream, ClientStream, IdempotentUnary, ServerStream, Unary, Unimplemented,
};
use conformance::proto::{ClientCompatRequest, ClientResponseResult, StreamType};
use connect_hyper::{Call, Client, Error, Message, Method, Requests, Streaming};
use futures_util::stream;
use prost::Name;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::cancel::Cancel;
use crate::clients::Clients;
use crate::outcome;

const SERVICE: &str = "connectrpc.conformance.v1.ConformanceService";

type Outcome = Result<ClientResponseResult, String>;

/// Makes the call that `request` describes. An error is one of the request's, and means that there
/// was no call.
pub(crate) async fn invoke(clients: Arc<Clients>, request: ClientCompatRequest) -> Outcome {
    let request = Arc::new(request);
    if request.service() != SERVICE {
        return Err(format!("there is no service {:?}", request.service()));
    }
    // Elsewhere: reading the system's root certificates takes its time, and all calls would wait.
    let settings = request.clone();
    let client = tokio::task::spawn_blocking(move || clients.get(&settings))
        .await
        .map_err(|error| error.to_string())??;
    match request.method() {
        "Unary" => unary::<Unary>(&client, &request).await,
        "IdempotentUnary" => unary::<IdempotentUnary>(&client, &request).await,
        "Unimplemented" => unary::<Unimplemented>(&client, &request).await,
        "ServerStream" => server_stream(&client, &request).await,
        "ClientStream" => client_stream(&client, &request).await,
        "BidiStream" => bidi_stream(&client, &request).await,
        other => Err(format!("there is no method {other:?}")),
    }
}

async fn unary<M>(client: &Client, request: &ClientCompatRequest) -> Outcome
where
    M: Method<Kind = connect_hyper::Unary, Request: Name, Response: Answer>,
{
    let (mut cancel, signal) = Cancel::new(request);
    let call = prepare(client.call::<M>(single(request)?), request).cancel_on(signal);
    cancel.sent();
    Ok(outcome::single(call.await))
}

async fn server_stream(client: &Client, request: &ClientCompatRequest) -> Outcome {
    let (cancel, signal) = Cancel::new(request);
    let call = client.call::<ServerStream>(single(request)?);
    let mut responses = Responses::of(prepare(call, request).cancel_on(signal), cancel);
    responses.cancel.sent();
    responses.all().await
}

async fn client_stream(client: &Client, request: &ClientCompatRequest) -> Outcome {
    let messages = messages(request)?;
    let (mut cancel, signal) = Cancel::new(request);
    let (sender, requests) = requests();
    let call = prepare(client.call::<ClientStream>(requests), request).cancel_on(signal);
    let call = tokio::spawn(call.into_future());

    let mut unsent = messages.len();
    for message in messages {
        delay(request).await;
        if sender.send(message).await.is_err() {
            break;
        }
        unsent -= 1;
    }
    let _open = cancel.close(sender);
    let mut result = outcome::single(call.await.map_err(|error| error.to_string())?);
    result.num_unsent_requests = unsent as i32;
    Ok(result)
}

async fn bidi_stream(client: &Client, request: &ClientCompatRequest) -> Outcome {
    let messages = messages(request)?;
    let is_full_duplex = request.stream_type() == StreamType::FullDuplexBidiStream;
    let (cancel, signal) = Cancel::new(request);
    let (sender, requests) = requests();
    let call = client.call::<BidiStream>(requests);
    let mut responses = Responses::of(prepare(call, request).cancel_on(signal), cancel);

    let mut unsent = messages.len();
    for message in messages {
        delay(request).await;
        if sender.send(message).await.is_err() {
            break;
        }
        unsent -= 1;
        if is_full_duplex && !responses.next().await? {
            break;
        }
    }
    let _open = responses.cancel.close(sender);
    let mut result = responses.all().await?;
    result.num_unsent_requests = unsent as i32;
    Ok(result)
}

/// Sets what the suite sets for one call.
fn prepare<M: Method>(mut call: Call<M>, request: &ClientCompatRequest) -> Call<M> {
    for header in &request.request_headers {
        for value in &header.value {
            call = call.header(&header.name, value);
        }
    }
    call.timeout(
        request
            .timeout_ms
            .map(|millis| Duration::from_millis(millis.into())),
    )
}

/// The messages to send.
fn messages<T: Message + Name>(request: &ClientCompatRequest) -> Result<Vec<T>, String> {
    let messages = request.request_messages.iter();
    messages
        .map(|any| any.to_msg::<T>().map_err(|error| error.to_string()))
        .collect()
}

/// The one message to send.
fn single<T: Message + Name>(request: &ClientCompatRequest) -> Result<T, String> {
    let messages = messages(request)?;
    let [message] = <[T; 1]>::try_from(messages)
        .map_err(|messages| format!("{} messages, where one is sent", messages.len()))?;
    Ok(message)
}

/// A stream of requests that is filled from elsewhere.
fn requests<T: Message>() -> (mpsc::Sender<T>, Requests<T>) {
    let (sender, receiver) = mpsc::channel(1);
    let requests = stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|message| (message, receiver))
    });
    (sender, Requests::new(requests))
}

async fn delay(request: &ClientCompatRequest) {
    tokio::time::sleep(Duration::from_millis(request.request_delay_ms.into())).await;
}

/// A stream of responses, from the start of its call on.
struct Responses<T> {
    opening: Option<JoinHandle<Result<Streaming<T>, Error>>>,
    stream: Option<Streaming<T>>,
    result: ClientResponseResult,
    cancel: Cancel,
}

impl<T: Message + Answer> Responses<T> {
    /// Starts the call.
    fn of<M: Method<Response = T>>(call: Call<M>, cancel: Cancel) -> Self
    where
        Call<M>: IntoFuture<Output = Result<Streaming<T>, Error>, IntoFuture: Send + 'static>,
    {
        Self {
            opening: Some(tokio::spawn(call.into_future())),
            stream: None,
            result: ClientResponseResult::default(),
            cancel,
        }
    }

    /// Waits for a response, and says whether one came.
    async fn next(&mut self) -> Result<bool, String> {
        if let Some(opening) = self.opening.take() {
            match opening.await.map_err(|error| error.to_string())? {
                Ok(stream) => self.stream = Some(stream),
                Err(error) => self.result = outcome::failure(&error),
            }
        }
        let Some(stream) = &mut self.stream else {
            return Ok(false);
        };
        match stream.message().await {
            Ok(Some(message)) => {
                self.result.payloads.push(message.payload());
                self.cancel.received(self.result.payloads.len());
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(error) => {
                self.result.error = Some(outcome::error(&error));
                Ok(false)
            }
        }
    }

    /// Waits for all that are still to come, and for the end.
    async fn all(mut self) -> Outcome {
        while self.next().await? {}
        if let Some(stream) = &self.stream {
            self.result.response_headers = headers(stream.headers());
            self.result.response_trailers = headers(stream.trailers());
        }
        Ok(self.result)
    }
}
