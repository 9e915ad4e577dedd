//! Unary calls by GET, for methods without side effects: the message stands in the query.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use connect_hyper::Code;
use http::HeaderMap;
use percent_encoding::percent_decode;

use super::codec::Codec;
use super::compression::{Compression, accepted};
use super::error::ServerError;
use super::head::{Form, Head, Refusal, unsupported_type};
use super::header::timeout;

/// URL-safe base64, padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads a call from a query: what a POST's head would say, and the message as it was sent,
/// compressed if the head says so.
pub(crate) fn read_query(
    query: &str,
    headers: &HeaderMap,
    require_version: bool,
) -> Result<(Head, Bytes), Refusal> {
    let parameter = |name| find(query, name);
    match parameter("connect")?.as_deref() {
        Some(b"v1") => {}
        None if !require_version => {}
        _ => return Err(invalid("connect", "must be v1").into()),
    }
    let codec = match parameter("encoding")?.as_deref() {
        Some(b"json") => Codec::Json,
        Some(b"proto") => Codec::Binary,
        _ => return Err(unsupported_type(Form::Unary)),
    };
    let compression = parameter("compression")?.unwrap_or_default();
    let accept = Form::Unary.accept_header();
    let compression =
        Compression::from_name(&String::from_utf8_lossy(&compression), accept.clone())?;
    let Some(message) = parameter("message")? else {
        return Err(invalid("message", "is missing").into());
    };
    let message = match parameter("base64")?.as_deref() {
        None | Some(b"0") => message,
        Some(b"1") => BASE64
            .decode(message)
            .map_err(|_| invalid("message", "isn't URL-safe base64"))?,
        Some(_) => return Err(invalid("base64", "must be 1").into()),
    };
    let head = Head {
        codec,
        compression,
        accepted: accepted(headers, &accept),
        timeout: timeout(headers)?,
    };
    Ok((head, message.into()))
}

/// The value of a parameter, which may be there once, with its escapes undone.
fn find(query: &str, name: &str) -> Result<Option<Vec<u8>>, ServerError> {
    let mut values = query.split('&').filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then_some(value)
    });
    let value = values.next();
    if values.next().is_some() {
        return Err(invalid(name, "is there more than once"));
    }
    Ok(value.map(|value| {
        // As in a form: "+" is a space.
        let value = value.replace('+', " ");
        percent_decode(value.as_bytes()).collect()
    }))
}

fn invalid(name: &str, what: &str) -> ServerError {
    ServerError::new(
        Code::InvalidArgument,
        format!("query parameter {name} {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<(Head, Bytes), Refusal> {
        read_query(query, &HeaderMap::new(), false)
    }

    #[test]
    fn a_message_in_each_form() {
        for (query, codec, message) in [
            (
                "connect=v1&encoding=json&message=%7B%22a%22%3A%20%22b+c%2B%22%7D",
                Codec::Json,
                &b"{\"a\": \"b c+\"}"[..],
            ),
            ("encoding=json&message={}", Codec::Json, b"{}"),
            ("message=&encoding=proto", Codec::Binary, b""),
            (
                "base64=1&encoding=proto&message=-_8",
                Codec::Binary,
                b"\xfb\xff",
            ),
            (
                "base64=1&encoding=proto&message=-_8%3D",
                Codec::Binary,
                b"\xfb\xff",
            ),
        ] {
            let (head, found) = read(query).unwrap();
            assert_eq!((head.codec, &found[..]), (codec, message), "{query}");
            assert_eq!(head.compression, None);
        }
        let (head, _) = read("compression=gzip&base64=1&encoding=json&message=").unwrap();
        assert_eq!(head.compression, Some(Compression::Gzip));
    }

    #[test]
    fn queries_that_are_wrong() {
        for (query, status) in [
            ("", 415),
            ("encoding=xml&message=", 415),
            ("message={}", 415),
            ("encoding=json", 400),
            ("encoding=json&message={}&message={}", 400),
            ("connect=v2&encoding=json&message={}", 400),
            ("encoding=json&base64=2&message={}", 400),
            ("encoding=json&base64=1&message=%00", 400),
            ("encoding=proto&base64=1&message=+/8=", 400),
            ("encoding=json&compression=deflate&message={}", 501),
        ] {
            let response = read(query).unwrap_err().into_response();
            assert_eq!(response.status(), status, "{query}");
        }
        let strict = read_query("encoding=json&message={}", &HeaderMap::new(), true);
        assert_eq!(strict.unwrap_err().into_response().status(), 400);
    }
}
