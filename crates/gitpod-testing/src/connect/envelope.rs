//! Envelopes, in which streams carry their messages.

use bytes::{BufMut, Bytes, BytesMut};
use connect_hyper::Code;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use super::error::ServerError;

/// The flag of the last envelope, which holds JSON and no message.
const END_OF_STREAM: u8 = 2;

/// What the content types of all streams begin with.
const STREAM_PREFIX: &str = "application/connect+";

/// The response to a stream that fails before its first message; none where the request's
/// content type is no stream's.
///
/// The status is 200: a stream tells its errors in its last envelope.
pub(crate) fn failed_stream(
    content_type: &str,
    error: &ServerError,
) -> Option<http::Response<Bytes>> {
    let codec = content_type.strip_prefix(STREAM_PREFIX)?;
    let content_type = match codec {
        "json" => "application/connect+json",
        "proto" => "application/connect+proto",
        _ => return None,
    };
    let end = serde_json::json!({ "error": error.to_json() }).to_string();
    let mut body = BytesMut::with_capacity(5 + end.len());
    body.put_u8(END_OF_STREAM);
    // An error of ours is far below 4 GiB.
    body.put_u32(u32::try_from(end.len()).unwrap_or(u32::MAX));
    body.extend_from_slice(end.as_bytes());
    let mut response = http::Response::new(body.freeze());
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    Some(response)
}

/// The answer to a method that isn't there, in the form that the request asks for.
pub(crate) fn unimplemented(content_type: &str, path: &str) -> http::Response<Bytes> {
    let error = ServerError::new(
        Code::Unimplemented,
        format!("{path} isn't implemented by this server: register a handler for it"),
    );
    failed_stream(content_type, &error).unwrap_or_else(|| error.to_unary_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_told_in_its_last_envelope() {
        let response = unimplemented("application/connect+proto", "/a.B/C");
        assert_eq!(response.status(), 200);
        assert_eq!(
            response.headers()["content-type"],
            "application/connect+proto"
        );
        let body = response.body();
        assert_eq!(body[0], END_OF_STREAM);
        let length = u32::from_be_bytes(body[1..5].try_into().unwrap());
        assert_eq!(length as usize, body.len() - 5);
        let end: serde_json::Value = serde_json::from_slice(&body[5..]).unwrap();
        assert_eq!(end["error"]["code"], "unimplemented");
    }

    #[test]
    fn a_unary_call_is_told_by_status() {
        for content_type in ["application/json", "", "application/connect+xml"] {
            let response = unimplemented(content_type, "/a.B/C");
            assert_eq!(response.status(), 501);
            assert_eq!(response.headers()["content-type"], "application/json");
        }
    }
}
