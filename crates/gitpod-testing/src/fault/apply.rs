//! From a response and a fault to what goes over the wire.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::{Delivery, Edit, Fault, Loss, padding};
use crate::connect::codec::Codec;
use crate::net::body::{ScriptedBody, Step};
use crate::net::connection::{Control, Ending};

/// How long what was sent gets to leave before the rest is cut off.
const FLUSH: Duration = Duration::from_millis(30);

/// Puts a response on its way: edited, cut and ended as the fault says.
///
/// # Errors
///
/// The stream is to be reset, with this code and without a response.
pub(crate) async fn deliver(
    mut response: http::Response<Bytes>,
    fault: Option<&Fault>,
    http2: bool,
    control: &Control,
    date: HeaderValue,
) -> Result<http::Response<ScriptedBody>, h2::Error> {
    response
        .headers_mut()
        .entry(http::header::DATE)
        .or_insert(date);
    let mut length_told = false;
    for edit in fault.map_or(&[][..], |fault| &fault.edits) {
        length_told |= apply(edit, &mut response);
    }
    let (mut parts, body) = response.into_parts();
    // hyper would set it for a whole body alone; a body that is cut must have promised more.
    if !length_told && !parts.status.is_informational() && parts.status != 204 {
        parts
            .headers
            .insert(http::header::CONTENT_LENGTH, body.len().into());
    }
    let delivery = fault.map_or(&Delivery::Whole, |fault| &fault.delivery);
    let steps = match delivery {
        Delivery::Whole => vec![Step::Send(body)],
        Delivery::GoAway => {
            control.end(Ending::GoAway);
            vec![Step::Send(body)]
        }
        Delivery::Lost(Loss::Stream(reason)) if http2 => return Err((*reason).into()),
        Delivery::Lost(loss) => {
            control.end(ending(loss));
            std::future::pending().await
        }
        Delivery::Cut(bytes, loss) => {
            let end = match loss {
                Loss::Stream(reason) if http2 => Step::Fail(*reason),
                loss => Step::End(ending(loss)),
            };
            vec![Step::Send(first(&body, *bytes)), Step::Wait(FLUSH), end]
        }
        Delivery::Stall(bytes) => vec![Step::Send(first(&body, *bytes)), Step::Stall],
        Delivery::Trickle(bytes, pause) => (0..body.len())
            .step_by(*bytes)
            .flat_map(|start| {
                let end = (start + bytes).min(body.len());
                [Step::Wait(*pause), Step::Send(body.slice(start..end))]
            })
            .collect(),
    };
    let body = ScriptedBody::new(steps, !length_told, control.clone());
    Ok(http::Response::from_parts(parts, body))
}

fn first(body: &Bytes, bytes: usize) -> Bytes {
    body.slice(..bytes.min(body.len()))
}

fn ending(loss: &Loss) -> Ending {
    match loss {
        Loss::Stream(_) => Ending::Close,
        Loss::Connection(ending) => ending.clone(),
    }
}

/// Does one edit. Returns whether it says what the content length is.
fn apply(edit: &Edit, response: &mut http::Response<Bytes>) -> bool {
    match edit {
        Edit::Replace(other) => {
            let date = response.headers_mut().remove(http::header::DATE);
            *response = (**other).clone();
            if let Some(date) = date {
                response
                    .headers_mut()
                    .entry(http::header::DATE)
                    .or_insert(date);
            }
            return response
                .headers()
                .contains_key(http::header::CONTENT_LENGTH);
        }
        Edit::Body(bytes) => *response.body_mut() = bytes.clone(),
        Edit::Set(name, value) => {
            response.headers_mut().insert(name, value.clone());
            return name == http::header::CONTENT_LENGTH;
        }
        Edit::Append(name, value) => {
            response.headers_mut().append(name, value.clone());
        }
        Edit::Remove(name) => {
            response.headers_mut().remove(name);
            return name == http::header::CONTENT_LENGTH;
        }
        Edit::Pad(length) => {
            let body = padding::padded(codec(response), response.body(), *length);
            *response.body_mut() = body;
        }
        Edit::Bomb(length) => {
            let body = padding::bomb(codec(response), response.body(), *length);
            *response.body_mut() = body;
            response
                .headers_mut()
                .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
    }
    false
}

/// The codec of a response's body; errors are JSON whatever the request was.
fn codec(response: &http::Response<Bytes>) -> Codec {
    response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(Codec::from_unary_content_type)
        .unwrap_or(Codec::Json)
}
