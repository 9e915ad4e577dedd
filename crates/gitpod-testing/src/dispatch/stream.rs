//! Streaming calls: answered while their requests come, and dropped when their clients leave.

use connect_hyper::Code;
use http::Version;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use hyper::body::Incoming;

use super::{Dispatcher, executions, pause};
use crate::connect::codec::Codec;
use crate::connect::error::ServerError;
use crate::connect::head::{Form, read_codec, read_head};
use crate::fault::{Answer, Executions, Fault};
use crate::handler::{Handler, Received, Run, StreamAnswer};
use crate::route::{Route, is_of_the_api};

/// Who answers a call in the form of streams.
pub(super) enum Served {
    By(Run<Received, StreamAnswer>),
    /// A method of the API that has no handler.
    ByNobody,
}

/// Whether a request is a streaming call, and who answers it.
pub(super) fn served(dispatcher: &Dispatcher, parts: &Parts, route: &Route) -> Option<Served> {
    let Route::Rpc(path) = route else {
        return None;
    };
    match dispatcher.router.find(path) {
        Some(Handler::Streaming(run)) => Some(Served::By(run)),
        Some(Handler::Unary { .. }) => None,
        None => {
            let content_type = parts.headers.get(CONTENT_TYPE)?.to_str().ok()?;
            let streams = Codec::from_content_type(Form::Streaming, content_type).is_some();
            (streams && is_of_the_api(path)).then_some(Served::ByNobody)
        }
    }
}

pub(super) async fn answer(
    dispatcher: &Dispatcher,
    served: Served,
    parts: Parts,
    body: Incoming,
    fault: Option<&Fault>,
) -> Answer {
    let limit = dispatcher.options.max_request_bytes;
    let received = Received::new(body, limit, parts.version != Version::HTTP_2);
    let (before, executions) = executions(fault);
    pause(before).await;
    let codec = match read_codec(Form::Streaming, &parts.method, &parts.headers, false) {
        Ok(codec) => codec,
        Err(refusal) => return Answer::Whole(refusal.into_response()),
    };
    Answer::Stream(if executions == Executions::None {
        // Whoever wants no execution says what goes out in place of the answer.
        StreamAnswer::empty(codec)
    } else {
        run(dispatcher, served, codec, parts, received)
            .await
            .unwrap_or_else(|error| StreamAnswer::failed(codec, error))
    })
}

async fn run(
    dispatcher: &Dispatcher,
    served: Served,
    codec: Codec,
    parts: Parts,
    mut received: Received,
) -> Result<StreamAnswer, ServerError> {
    dispatcher.credentials.check(&parts.headers)?;
    let Served::By(run) = served else {
        return Err(unimplemented(parts.uri.path()));
    };
    let strict = dispatcher.options.require_protocol_version;
    let head = read_head(Form::Streaming, codec, &parts.headers, strict)?;
    received.compressed(head.compression);
    let call = dispatcher.call(&head, parts.headers, parts.uri.query(), received);
    Ok(run(call).await)
}

/// The answer to a call of a method of the API that has no handler.
pub(super) fn unimplemented(path: &str) -> ServerError {
    ServerError::new(
        Code::Unimplemented,
        format!("{path} isn't implemented by this server: register a handler for it"),
    )
}
