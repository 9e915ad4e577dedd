//! What a call is answered with, as its request defines it.

use std::time::{Duration, Instant};

use conformance::headers::headers;
use conformance::proto::conformance_payload::{ConnectGetInfo, RequestInfo};
use conformance::proto::unary_response_definition::Response as Defined;
use conformance::proto::{self, ConformancePayload, Header, UnaryResponseDefinition};
use gitpod_testing::http::{HeaderName, HeaderValue};
use gitpod_testing::{Code, Request, Response, ServerError};
use percent_encoding::percent_decode_str;
use prost::Name;
use prost_types::Any;

/// What is seen of a call beside its messages.
pub(crate) fn info<T>(request: &Request<T>) -> RequestInfo {
    let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
    RequestInfo {
        request_headers: headers(request.headers()),
        timeout_ms: request
            .deadline()
            .and_then(|deadline| left(deadline).as_millis().try_into().ok()),
        requests: Vec::new(),
        connect_get_info: request.query().map(|query| ConnectGetInfo {
            query_params: parameters(query),
        }),
    }
}

fn parameters(query: &str) -> Vec<Header> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let decoded = |text: &str| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    pairs
        .map(|(name, value)| Header {
            name: decoded(name),
            value: vec![decoded(value)],
        })
        .collect()
}

pub(crate) fn any<T: Name>(message: &T) -> Any {
    Any {
        type_url: format!("type.googleapis.com/{}", T::full_name()),
        value: message.encode_to_vec(),
    }
}

/// The error that is asked for, with what was seen of the request in its details.
pub(crate) fn error(defined: proto::Error, seen: Option<&RequestInfo>) -> ServerError {
    let name = defined.code().as_str_name();
    let name = name.trim_start_matches("CODE_").to_lowercase();
    let code: Code = name.parse().unwrap_or(Code::Unknown);
    let error = ServerError::new(code, defined.message.unwrap_or_default());
    let details = defined.details.into_iter().chain(seen.map(any));
    details.fold(error, |error, detail| {
        let name = detail.type_url.rsplit('/').next().unwrap_or_default();
        error.with_detail(name, detail.value)
    })
}

/// The answer of a method that has one response.
pub(crate) async fn single(
    definition: Option<UnaryResponseDefinition>,
    seen: RequestInfo,
) -> Result<Response<ConformancePayload>, ServerError> {
    let definition = definition.unwrap_or_default();
    let (head, end) = (definition.response_headers, definition.response_trailers);
    delay(definition.response_delay_ms).await;
    let data = match definition.response {
        Some(Defined::Error(defined)) => {
            let error = entries(&head).fold(error(defined, Some(&seen)), |error, (name, value)| {
                error.with_header(name, value)
            });
            return Err(entries(&end).fold(error, |error, (name, value)| {
                error.with_trailer(name, value)
            }));
        }
        Some(Defined::ResponseData(data)) => data,
        None => Vec::new(),
    };
    let payload = ConformancePayload {
        data,
        request_info: Some(seen),
    };
    Ok(with_metadata(payload, &head, &end))
}

pub(crate) fn with_metadata<T>(message: T, head: &[Header], end: &[Header]) -> Response<T> {
    let response = entries(head).fold(Response::new(message), |response, (name, value)| {
        response.with_header(name, value)
    });
    entries(end).fold(response, |response, (name, value)| {
        response.with_trailer(name, value)
    })
}

fn entries(headers: &[Header]) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    headers.iter().flat_map(|header| {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let values = header.value.iter().map(HeaderValue::try_from);
        // What HTTP can't say the suite doesn't ask for.
        values.filter_map(move |value| Some((name.as_ref().ok()?.clone(), value.ok()?)))
    })
}

pub(crate) async fn delay(milliseconds: u32) {
    tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
}
