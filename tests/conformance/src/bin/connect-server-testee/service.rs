//! `ConformanceService`: its methods answer as their requests tell them to. `Unimplemented` has no
//! handler.

use conformance::method::{BidiStream, ClientStream, IdempotentUnary, ServerStream, Unary};
use conformance::proto::conformance_payload::RequestInfo;
use conformance::proto::{
    BidiStreamRequest, BidiStreamResponse, ClientStreamRequest, ClientStreamResponse,
    ConformancePayload, IdempotentUnaryRequest, IdempotentUnaryResponse, ServerStreamRequest,
    ServerStreamResponse, StreamResponseDefinition, UnaryRequest, UnaryResponse,
};
use gitpod_testing::{
    Request, RequestStream, Response, ResponseSender, ResponseStream, Server, ServerError,
};

use crate::answer::{any, delay, error, info, single, with_metadata};

pub(crate) fn serve(server: &Server) {
    server.handle_with_metadata::<Unary, _, _>(unary);
    server.handle_with_metadata::<IdempotentUnary, _, _>(idempotent_unary);
    server.handle_with_metadata::<ServerStream, _, _>(server_stream);
    server.handle_with_metadata::<ClientStream, _, _>(client_stream);
    server.handle_with_metadata::<BidiStream, _, _>(bidi_stream);
}

async fn unary(request: Request<UnaryRequest>) -> Result<Response<UnaryResponse>, ServerError> {
    let mut seen = info(&request);
    seen.requests.push(any(request.message()));
    let answer = single(request.into_message().response_definition, seen).await?;
    Ok(answer.map(UnaryResponse::from))
}

async fn idempotent_unary(
    request: Request<IdempotentUnaryRequest>,
) -> Result<Response<IdempotentUnaryResponse>, ServerError> {
    let mut seen = info(&request);
    seen.requests.push(any(request.message()));
    let answer = single(request.into_message().response_definition, seen).await?;
    Ok(answer.map(IdempotentUnaryResponse::from))
}

async fn client_stream(
    request: Request<RequestStream<ClientStreamRequest>>,
) -> Result<Response<ClientStreamResponse>, ServerError> {
    let mut seen = info(&request);
    let mut requests = request.into_message();
    let mut definition = None;
    while let Some(message) = requests.message().await? {
        seen.requests.push(any(&message));
        if seen.requests.len() == 1 {
            definition = message.response_definition;
        }
    }
    let answer = single(definition, seen).await?;
    Ok(answer.map(ClientStreamResponse::from))
}

async fn server_stream(
    request: Request<ServerStreamRequest>,
) -> Result<Response<ResponseStream<ServerStreamResponse>>, ServerError> {
    let mut seen = info(&request);
    seen.requests.push(any(request.message()));
    let definition = request.into_message().response_definition;
    let definition = definition.unwrap_or_default();
    let (head, end) = (
        definition.response_headers.clone(),
        definition.response_trailers.clone(),
    );
    let stream = ResponseStream::produce(|sender| async move {
        Answers::new(definition, seen, sender).rest().await
    });
    Ok(with_metadata(stream, &head, &end))
}

async fn bidi_stream(
    request: Request<RequestStream<BidiStreamRequest>>,
) -> Result<Response<ResponseStream<BidiStreamResponse>>, ServerError> {
    let mut seen = info(&request);
    let mut requests = request.into_message();
    let first = requests.message().await?;
    seen.requests.extend(first.iter().map(any));
    let first = first.unwrap_or_default();
    if !first.full_duplex {
        while let Some(message) = requests.message().await? {
            seen.requests.push(any(&message));
        }
    }
    let definition = first.response_definition.unwrap_or_default();
    let (head, end) = (
        definition.response_headers.clone(),
        definition.response_trailers.clone(),
    );
    let stream = ResponseStream::produce(move |sender| async move {
        let mut answers = Answers::new(definition, seen, sender);
        if first.full_duplex {
            // One for one, as long as there is something to say.
            while answers.next().await? {
                let Some(message) = requests.message().await? else {
                    break;
                };
                answers.seen.requests.push(any(&message));
            }
        }
        answers.rest().await
    });
    Ok(with_metadata(stream, &head, &end))
}

/// The responses of a stream.
struct Answers<T> {
    definition: StreamResponseDefinition,
    /// What the next response says of the request.
    seen: RequestInfo,
    sent: usize,
    sender: ResponseSender<T>,
}

impl<T: From<ConformancePayload>> Answers<T> {
    fn new(
        definition: StreamResponseDefinition,
        seen: RequestInfo,
        sender: ResponseSender<T>,
    ) -> Self {
        Self {
            definition,
            seen,
            sent: 0,
            sender,
        }
    }

    /// Sends the next response, and says whether there was one.
    async fn next(&mut self) -> Result<bool, ServerError> {
        let Some(data) = self.definition.response_data.get_mut(self.sent) else {
            return Ok(false);
        };
        let data = std::mem::take(data);
        let seen = std::mem::take(&mut self.seen);
        delay(self.definition.response_delay_ms).await;
        let payload = ConformancePayload {
            data,
            request_info: (seen != RequestInfo::default()).then_some(seen),
        };
        self.sender.send(payload.into()).await?;
        self.sent += 1;
        Ok(true)
    }

    /// Sends all that are left, and the error behind them.
    async fn rest(mut self) -> Result<(), ServerError> {
        while self.next().await? {}
        let Some(defined) = self.definition.error.take() else {
            return Ok(());
        };
        let unsaid = (self.sent == 0).then_some(&self.seen);
        Err(error(defined, unsaid))
    }
}
