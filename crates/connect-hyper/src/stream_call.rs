//! Calls that stream, on either side.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use crate::attempts::{Until, exchange};
use crate::call::{Call, Input, Options, Spec};
use crate::client::{Client, Inner};
use crate::codec::Codec;
use crate::compression::Outgoing;
use crate::deadline::Deadline;
use crate::envelope;
use crate::error::{BoxError, Error};
use crate::kind::{Bidi, ClientStreaming, Requests, ServerStreaming};
use crate::observe::{self, Attempt};
use crate::payload::Payload;
use crate::response::{self, Response};
use crate::stream::{Receiver, Streaming};
use crate::stream_timer::Timer;
use crate::{Message, Method};

pub(crate) async fn server_streaming<M: Method<Kind = ServerStreaming>>(
    call: Call<M>,
) -> Result<Streaming<M::Response>, Error> {
    let inner = call.client.inner();
    call.options.validate::<M>(inner, &call.input)?;
    let message = inner.codec.encode(&call.input)?;
    let payload = Payload::Message(envelope::request(message, inner.outgoing)?);
    open(call, |_, _, _| payload).await
}

pub(crate) async fn bidi<M: Method<Kind = Bidi>>(
    call: Call<M>,
) -> Result<Streaming<M::Response>, Error> {
    open(call, Requests::payload).await
}

pub(crate) async fn client_streaming<M: Method<Kind = ClientStreaming>>(
    call: Call<M>,
) -> Result<Response<M::Response>, Error> {
    let deadline = call.options.deadline(call.client.inner());
    let mut stream = start(call, deadline, deadline, Requests::payload).await?;
    // Checklist 23: one message, and a good end.
    let Some(message) = stream.message().await? else {
        return Err(stream.not_one("no response"));
    };
    if stream.message().await?.is_some() {
        return Err(stream.not_one("more than one response"));
    }
    if let Some(field) = M::missing_field(&message) {
        return Err(response::missing(field));
    }
    Ok(stream.into_response(message))
}

/// One request that is encoded, and a stream of responses.
pub(crate) async fn open_bytes(
    client: &Client,
    options: Options,
    spec: Spec,
    message: Bytes,
) -> Result<Receiver, Error> {
    let inner = client.inner();
    let payload = Payload::Message(envelope::request(message, inner.outgoing)?);
    let (whole, to_head) = (options.stream_deadline(), options.deadline(inner));
    start_with(client, options, spec, whole, to_head, payload).await
}

/// Opens a stream of responses: its start has the client's deadline, the whole has the call's.
async fn open<M: Method>(
    call: Call<M>,
    payload: impl FnOnce(Input<M>, &Inner, Option<Check<M::Request>>) -> Payload,
) -> Result<Streaming<M::Response>, Error> {
    let whole = call.options.stream_deadline();
    let to_head = call.options.deadline(call.client.inner());
    start(call, whole, to_head, payload).await
}

async fn start<M: Method>(
    call: Call<M>,
    whole: Deadline,
    to_head: Deadline,
    payload: impl FnOnce(Input<M>, &Inner, Option<Check<M::Request>>) -> Payload,
) -> Result<Streaming<M::Response>, Error> {
    let Call {
        client,
        input,
        options,
    } = call;
    let inner = client.inner();
    let check = options
        .validates(inner)
        .then_some(M::validate as Check<M::Request>);
    let payload = payload(input, inner, check);
    let spec = Spec::of::<M>();
    let receiver = start_with(&client, options, spec, whole, to_head, payload).await?;
    Ok(Streaming::of(receiver))
}

async fn start_with(
    client: &Client,
    mut options: Options,
    spec: Spec,
    whole: Deadline,
    to_head: Deadline,
    payload: Payload,
) -> Result<Receiver, Error> {
    let inner = client.inner();
    let mut signal = std::mem::take(&mut options.signal);
    let prepared = options.prepare(spec, inner, whole)?;
    let sending = payload.sending();
    let until = Until::Stream;
    let exchanged = exchange(client, &prepared, &payload, until, to_head, &mut signal)
        .await
        .map_err(|error| sending.cause(error))?;
    let attempt = Attempt::last(inner, &prepared, &payload, &exchanged.0);
    observe::last_attempt(inner, &prepared, attempt, None);
    Ok(Receiver::open(
        spec.path,
        exchanged,
        inner,
        Timer::new(whole, inner.stream_idle_timeout),
        signal,
        sending,
        prepared.span().cloned(),
    ))
}

impl<T: Message> Requests<T> {
    fn payload(self, client: &Inner, check: Option<Check<T>>) -> Payload {
        Payload::stream(Box::pin(Envelopes {
            requests: self,
            check,
            codec: client.codec,
            outgoing: client.outgoing,
        }))
    }
}

/// [`Method::validate`].
type Check<T> = fn(&T) -> Result<(), Error>;

/// Requests on their way to the wire.
struct Envelopes<T> {
    requests: Requests<T>,
    check: Option<Check<T>>,
    codec: Codec,
    outgoing: Option<Outgoing>,
}

impl<T: Message> Stream for Envelopes<T> {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(request) = ready!(Pin::new(&mut self.requests).poll_next(cx)) else {
            return Poll::Ready(None);
        };
        let envelope = self
            .check
            .map_or(Ok(()), |check| check(&request))
            .and_then(|()| self.codec.encode(&request))
            .and_then(|message| envelope::request(message, self.outgoing))
            .map_err(BoxError::from);
        Poll::Ready(Some(envelope))
    }
}
