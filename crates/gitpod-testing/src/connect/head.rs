//! What a call's headers must say.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::codec::Codec;
use super::compression::{Compression, accepted};
use super::error::ServerError;
use super::header::{protocol_version, single, timeout};

/// The two forms that the protocol has: a bare message, or envelopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Unary,
    /// Every kind of stream.
    Streaming,
}

impl Form {
    /// The content types, as the `Accept-Post` header of a 415 lists them.
    const fn content_types(self) -> &'static str {
        match self {
            Form::Unary => "application/json, application/proto",
            Form::Streaming => "application/connect+json, application/connect+proto",
        }
    }

    /// The header that names how messages are compressed.
    pub(crate) const fn encoding_header(self) -> HeaderName {
        match self {
            Form::Unary => CONTENT_ENCODING,
            Form::Streaming => HeaderName::from_static("connect-content-encoding"),
        }
    }

    /// The header that lists the compressions that may come back.
    pub(crate) const fn accept_header(self) -> HeaderName {
        match self {
            Form::Unary => ACCEPT_ENCODING,
            Form::Streaming => HeaderName::from_static("connect-accept-encoding"),
        }
    }
}

/// What a call's headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) codec: Codec,
    /// How what the client sends is compressed.
    pub(crate) compression: Option<Compression>,
    /// How what goes back may be compressed, in the client's order.
    pub(crate) accepted: Vec<Compression>,
    pub(crate) timeout: Option<Duration>,
}

/// Why a request isn't a call that can be answered in its own terms.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Not a request of this protocol: a bare HTTP status answers it.
    Http(Box<http::Response<Bytes>>),
    /// A call, but a wrong one.
    Call(ServerError),
}

impl From<ServerError> for Refusal {
    fn from(error: ServerError) -> Self {
        Refusal::Call(error)
    }
}

impl Refusal {
    pub(crate) fn into_response(self) -> http::Response<Bytes> {
        match self {
            Refusal::Http(response) => *response,
            Refusal::Call(error) => error.to_unary_response(),
        }
    }
}

/// Which codec a POST is in. Where GET is allowed too, a 405 says so.
pub(crate) fn read_codec(
    form: Form,
    method: &Method,
    headers: &HeaderMap,
    allows_get: bool,
) -> Result<Codec, Refusal> {
    if method != Method::POST {
        return Err(bare(
            StatusCode::METHOD_NOT_ALLOWED,
            ALLOW,
            HeaderValue::from_static(if allows_get { "GET, POST" } else { "POST" }),
        ));
    }
    let content_type = single(headers, CONTENT_TYPE.as_str())?.unwrap_or_default();
    Codec::from_content_type(form, content_type).ok_or_else(|| unsupported_type(form))
}

/// Reads the rest of a POST's head.
pub(crate) fn read_head(
    form: Form,
    codec: Codec,
    headers: &HeaderMap,
    require_version: bool,
) -> Result<Head, ServerError> {
    protocol_version(headers, require_version)?;
    let encoding = single(headers, form.encoding_header().as_str())?.unwrap_or_default();
    Ok(Head {
        codec,
        compression: Compression::from_name(encoding, form.accept_header())?,
        accepted: accepted(headers, &form.accept_header()),
        timeout: timeout(headers)?,
    })
}

/// The answer to a content type, or an encoding of a query, that isn't served.
pub(crate) fn unsupported_type(form: Form) -> Refusal {
    bare(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        HeaderName::from_static("accept-post"),
        HeaderValue::from_static(form.content_types()),
    )
}

fn bare(status: StatusCode, name: HeaderName, value: HeaderValue) -> Refusal {
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = status;
    response.headers_mut().insert(name, value);
    Refusal::Http(Box::new(response))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(entries: &[(&'static str, &'static str)]) -> HeaderMap {
        entries
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    fn read(form: Form, entries: &[(&'static str, &'static str)]) -> Result<Head, Refusal> {
        let headers = headers(entries);
        let codec = read_codec(form, &Method::POST, &headers, false)?;
        Ok(read_head(form, codec, &headers, false)?)
    }

    #[test]
    fn a_full_head_in_either_form() {
        for (form, content_type, encoding, accept) in [
            (
                Form::Unary,
                "application/proto",
                "content-encoding",
                "accept-encoding",
            ),
            (
                Form::Streaming,
                "application/connect+proto",
                "connect-content-encoding",
                "connect-accept-encoding",
            ),
        ] {
            let head = read(
                form,
                &[
                    ("content-type", content_type),
                    ("connect-protocol-version", "1"),
                    ("connect-timeout-ms", "1500"),
                    (encoding, "gzip"),
                    (accept, "gzip"),
                ],
            );
            let expected = Head {
                codec: Codec::Binary,
                compression: Some(Compression::Gzip),
                accepted: vec![Compression::Gzip],
                timeout: Some(Duration::from_millis(1500)),
            };
            assert_eq!(head.unwrap(), expected);
        }
    }

    #[test]
    fn the_least_head() {
        let head = read(Form::Unary, &[("content-type", "application/json")]).unwrap();
        let expected = Head {
            codec: Codec::Json,
            compression: None,
            accepted: Vec::new(),
            timeout: None,
        };
        assert_eq!(head, expected);
    }

    #[test]
    fn a_stream_takes_nothing_from_the_headers_of_a_unary_call() {
        let head = read(
            Form::Streaming,
            &[
                ("content-type", "application/connect+json"),
                ("accept-encoding", "gzip"),
            ],
        );
        assert_eq!(head.unwrap().accepted, []);
    }

    #[test]
    fn another_type_is_415_and_another_method_405() {
        for (form, wrong) in [
            (Form::Unary, ""),
            (Form::Unary, "text/html"),
            (Form::Unary, "application/connect+json"),
            (Form::Streaming, ""),
            (Form::Streaming, "application/json"),
            (Form::Streaming, "application/connect+xml"),
        ] {
            let refusal = read(form, &[("content-type", wrong)]).unwrap_err();
            let response = refusal.into_response();
            assert_eq!(response.status(), 415);
            assert!(response.body().is_empty());
            assert_eq!(response.headers()["accept-post"], form.content_types());
        }
        let none = read(Form::Unary, &[]).unwrap_err();
        assert_eq!(none.into_response().status(), 415);
        let json = headers(&[("content-type", "application/json")]);
        for method in [Method::GET, Method::PUT, Method::OPTIONS] {
            for (allows_get, allow) in [(false, "POST"), (true, "GET, POST")] {
                let refusal = read_codec(Form::Unary, &method, &json, allows_get).unwrap_err();
                let response = refusal.into_response();
                assert_eq!(response.status(), 405);
                assert_eq!(response.headers()["allow"], allow);
            }
        }
    }

    #[test]
    fn a_protocol_header_that_is_there_twice_is_refused() {
        for name in ["content-type", "content-encoding", "connect-timeout-ms"] {
            let value = match name {
                "content-type" => "application/json",
                "content-encoding" => "gzip",
                _ => "5",
            };
            let mut all = vec![(name, value), (name, value)];
            if name != "content-type" {
                all.push(("content-type", "application/json"));
            }
            let response = read(Form::Unary, &all).unwrap_err().into_response();
            assert_eq!(response.status(), 400, "{name}");
        }
    }
}
