//! From an answer and a fault to what goes over the wire.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE};

use super::envelopes::{Envelopes, MessageEdit, StreamEdit};
use super::{Delivery, Edit, Extent, Fault, Loss};
use crate::connect::codec::Codec;
use crate::connect::compression::{Compression, decompress};
use crate::connect::head::Form;
use crate::handler::StreamAnswer;
use crate::net::body::{ScriptedBody, Source, Step};
use crate::net::connection::{Control, Ending};

/// How long what was sent gets to leave before the rest is cut off.
const FLUSH: Duration = Duration::from_millis(30);

/// What a call came to, before anything goes wrong with it.
pub(crate) enum Answer {
    Whole(http::Response<Bytes>),
    Stream(StreamAnswer),
}

/// Puts an answer on its way: edited, cut and ended as the fault says.
///
/// # Errors
///
/// The stream is to be reset, with this code and without a response.
pub(crate) async fn deliver(
    answer: Answer,
    fault: Option<&Fault>,
    http2: bool,
    control: &Control,
    date: Option<HeaderValue>,
) -> Result<http::Response<ScriptedBody>, h2::Error> {
    let mut response = match answer {
        Answer::Whole(response) => response.map(Source::Whole),
        Answer::Stream(answer) => stream_response(answer),
    };
    if let Some(date) = date {
        response.headers_mut().entry(DATE).or_insert(date);
    }
    let mut length_told = false;
    for edit in fault.map_or(&[][..], |fault| &fault.edits) {
        length_told |= apply(edit, &mut response);
    }
    let (mut parts, mut source) = response.into_parts();
    // hyper would set it for a whole body alone; a body that is cut must have promised more.
    if let Source::Whole(body) = &source
        && !length_told
        && !parts.status.is_informational()
        && parts.status != 204
    {
        parts.headers.insert(CONTENT_LENGTH, body.len().into());
    }
    let delivery = fault.map_or(&Delivery::Whole, |fault| &fault.delivery);
    let steps = match delivery {
        Delivery::Whole => vec![Step::Rest],
        Delivery::GoAway => {
            control.end(Ending::GoAway);
            // The connection may hear of its end only when the headers are gone.
            if !http2 {
                let close = HeaderValue::from_static("close");
                parts.headers.insert(http::header::CONNECTION, close);
            }
            vec![Step::Rest]
        }
        // That it goes away was said when the request came. HTTP/1.1 says it in the headers, which may
        // be gone when the connection hears of it.
        Delivery::GoAwayFirst => {
            if !http2 {
                let close = HeaderValue::from_static("close");
                parts.headers.insert(http::header::CONNECTION, close);
            }
            vec![Step::Rest]
        }
        Delivery::Lost(Loss::Unprocessed) if http2 => {
            control.end_unprocessed();
            std::future::pending().await
        }
        Delivery::Lost(Loss::Stream(reason)) if http2 => return Err((*reason).into()),
        Delivery::Lost(loss) => {
            control.end(ending(loss));
            std::future::pending().await
        }
        Delivery::Cut(extent, loss) => {
            let end = match loss {
                Loss::Stream(reason) if http2 => Step::Fail(*reason),
                loss => Step::End(ending(loss)),
            };
            vec![up_to(*extent, &mut source), Step::Wait(FLUSH), end]
        }
        Delivery::Stall(extent) => vec![up_to(*extent, &mut source), Step::Stall],
        Delivery::Trickle(bytes, pause) => vec![Step::Trickle(*bytes, *pause)],
    };
    let body = ScriptedBody::new(source, steps, !length_told, control.clone());
    Ok(http::Response::from_parts(parts, body))
}

/// The step that sends a body up to some point.
fn up_to(extent: Extent, source: &mut Source) -> Step {
    match (extent, source) {
        (Extent::Bytes(bytes), _) => Step::First(bytes),
        (Extent::Messages(messages), Source::Stream(envelopes)) => {
            envelopes.break_off(messages);
            Step::Rest
        }
        // The one message of a unary call.
        (Extent::Messages(0), Source::Whole(_)) => Step::First(0),
        (Extent::Messages(_), Source::Whole(_)) => Step::Rest,
    }
}

fn ending(loss: &Loss) -> Ending {
    match loss {
        Loss::Stream(_) | Loss::Unprocessed => Ending::Close,
        Loss::Connection(ending) => ending.clone(),
    }
}

/// The response of a stream, for the time being a right one.
fn stream_response(answer: StreamAnswer) -> http::Response<Source> {
    let (codec, compression) = (answer.codec, answer.compression);
    let mut response = http::Response::new(());
    *response.headers_mut() = answer.headers.clone();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, codec.content_type(Form::Streaming));
    let mut response = response.map(|()| Source::Stream(Envelopes::new(answer)));
    if let Some(compression) = compression {
        compress(&mut response, compression);
    }
    response
}

/// Says of a stream that its messages are compressed so, and has them so.
fn compress(response: &mut http::Response<Source>, compression: Compression) {
    if let Source::Stream(envelopes) = response.body_mut() {
        envelopes.compress(compression);
        response.headers_mut().insert(
            Form::Streaming.encoding_header(),
            compression.header_value(),
        );
    }
}

/// Does one edit. Returns whether it says what the content length is.
fn apply(edit: &Edit, response: &mut http::Response<Source>) -> bool {
    match edit {
        Edit::Replace(other) => {
            replace(response, (**other).clone().map(Source::Whole));
            return response.headers().contains_key(CONTENT_LENGTH);
        }
        Edit::Error(error) => {
            let other = match response.body() {
                Source::Whole(_) => error.to_unary_response().map(Source::Whole),
                Source::Stream(envelopes) => {
                    stream_response(StreamAnswer::failed(envelopes.codec(), error.clone()))
                }
            };
            replace(response, other);
        }
        Edit::Body(bytes) => *response.body_mut() = Source::Whole(bytes.clone()),
        Edit::Set(name, value) => {
            response.headers_mut().insert(name, value.clone());
            return name == CONTENT_LENGTH;
        }
        Edit::Append(name, value) => {
            response.headers_mut().append(name, value.clone());
        }
        Edit::Remove(name) => {
            response.headers_mut().remove(name);
            return name == CONTENT_LENGTH;
        }
        Edit::Message(edit) => edit_message(edit, response),
        Edit::Stream(edit) => {
            if matches!(edit, StreamEdit::CompressedEnd)
                && let Source::Stream(envelopes) = response.body()
                && envelopes.compression().is_none()
            {
                compress(response, Compression::Gzip);
            }
            if let Source::Stream(envelopes) = response.body_mut() {
                envelopes.edit(edit.clone());
            }
        }
    }
    false
}

/// Puts another response in the place of this one. The date stays, unless the other has one.
fn replace(response: &mut http::Response<Source>, other: http::Response<Source>) {
    let date = response.headers_mut().remove(DATE);
    *response = other;
    if let Some(date) = date {
        response.headers_mut().entry(DATE).or_insert(date);
    }
}

fn edit_message(edit: &MessageEdit, response: &mut http::Response<Source>) {
    let codec = codec(response);
    plain(response);
    match response.body_mut() {
        Source::Whole(body) => {
            if edit.apply(codec, body) {
                let gzip = Compression::Gzip.header_value();
                response.headers_mut().insert(CONTENT_ENCODING, gzip);
            }
        }
        Source::Stream(envelopes) => {
            envelopes.edit_message(edit.clone());
            if matches!(edit, MessageEdit::Bomb(_)) {
                compress(response, Compression::Gzip);
            }
        }
    }
}

/// Undoes the compression of a unary response: an edited message goes out as it is.
fn plain(response: &mut http::Response<Source>) {
    let Some(encoding) = response.headers().get(CONTENT_ENCODING) else {
        return;
    };
    let encoding = encoding.to_str().unwrap_or_default();
    // A name that means nothing here was set by a fault, over a body that stayed as it was.
    if let Ok(Some(compression)) = Compression::from_name(encoding, ACCEPT_ENCODING)
        && let Source::Whole(body) = response.body_mut()
        && let Ok(message) = decompress(Some(compression), body.clone(), usize::MAX - 1)
    {
        *body = message;
        response.headers_mut().remove(CONTENT_ENCODING);
    }
}

/// The codec of a unary response's body; errors are JSON whatever the request was.
fn codec(response: &http::Response<Source>) -> Codec {
    response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| Codec::from_content_type(Form::Unary, value))
        .unwrap_or(Codec::Json)
}
