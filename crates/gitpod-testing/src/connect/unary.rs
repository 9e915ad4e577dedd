//! Unary calls: what a request's head must say, and how a response is put together.

use std::time::Duration;

use bytes::Bytes;
use connect_hyper::Code;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::codec::{Codec, UNARY_TYPES};
use super::compression::{Encoding, accepts_gzip};
use super::error::ServerError;
use super::header::{protocol_version, single, timeout};

/// What a unary request's head says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) codec: Codec,
    /// How the request's body is compressed.
    pub(crate) encoding: Encoding,
    /// Whether the response may be gzip.
    pub(crate) accepts_gzip: bool,
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

/// Reads the head of a POST for a unary method. Where GET is allowed too, a 405 says so.
pub(crate) fn read_head(
    method: &Method,
    headers: &HeaderMap,
    allows_get: bool,
    require_version: bool,
) -> Result<Head, Refusal> {
    if method != Method::POST {
        return Err(bare(
            StatusCode::METHOD_NOT_ALLOWED,
            ALLOW,
            HeaderValue::from_static(if allows_get { "GET, POST" } else { "POST" }),
        ));
    }
    let content_type = single(headers, CONTENT_TYPE.as_str())?.unwrap_or_default();
    let Some(codec) = Codec::from_unary_content_type(content_type) else {
        return Err(unsupported_type());
    };
    protocol_version(headers, require_version)?;
    let encoding = single(headers, CONTENT_ENCODING.as_str())?;
    Ok(Head {
        codec,
        encoding: Encoding::from_name(encoding.unwrap_or_default())?,
        accepts_gzip: accepts_gzip(headers),
        timeout: timeout(headers)?,
    })
}

/// The answer to a content type, or an encoding of a query, that isn't served.
pub(crate) fn unsupported_type() -> Refusal {
    bare(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        HeaderName::from_static("accept-post"),
        HeaderValue::from_static(UNARY_TYPES),
    )
}

fn bare(status: StatusCode, name: HeaderName, value: HeaderValue) -> Refusal {
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = status;
    response.headers_mut().insert(name, value);
    Refusal::Http(Box::new(response))
}

/// Puts together the response to a call that succeeded.
pub(crate) fn respond(
    head: &Head,
    message: Bytes,
    headers: HeaderMap,
    trailers: &HeaderMap,
    compress: bool,
) -> http::Response<Bytes> {
    let encoding = if compress && head.accepts_gzip {
        Encoding::Gzip
    } else {
        Encoding::Identity
    };
    let Ok(body) = encoding.compress(message) else {
        let error = ServerError::new(Code::Internal, "the response can't be compressed");
        return error.to_unary_response();
    };
    let mut response = http::Response::new(body);
    *response.headers_mut() = headers;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static(head.codec.unary_content_type()),
    );
    if encoding == Encoding::Gzip {
        response
            .headers_mut()
            .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    add_trailers(response.headers_mut(), trailers);
    response
}

/// Writes trailers as the headers of a unary response: with the prefix `trailer-`.
///
/// A name too long to take the prefix is left out: HTTP can't say it.
pub(crate) fn add_trailers(headers: &mut HeaderMap, trailers: &HeaderMap) {
    for (name, value) in trailers {
        if let Ok(name) = HeaderName::try_from(format!("trailer-{name}")) {
            headers.append(name, value.clone());
        }
    }
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

    fn read(entries: &[(&'static str, &'static str)]) -> Result<Head, Refusal> {
        read_head(&Method::POST, &headers(entries), false, false)
    }

    #[test]
    fn a_full_head() {
        let head = read(&[
            ("content-type", "application/proto"),
            ("connect-protocol-version", "1"),
            ("connect-timeout-ms", "1500"),
            ("content-encoding", "gzip"),
            ("accept-encoding", "gzip"),
        ]);
        let expected = Head {
            codec: Codec::Binary,
            encoding: Encoding::Gzip,
            accepts_gzip: true,
            timeout: Some(Duration::from_millis(1500)),
        };
        assert_eq!(head.unwrap(), expected);
    }

    #[test]
    fn the_least_head() {
        let head = read(&[("content-type", "application/json")]).unwrap();
        assert_eq!(head.encoding, Encoding::Identity);
        assert!(!head.accepts_gzip);
        assert_eq!(head.timeout, None);
    }

    #[test]
    fn another_type_is_415_and_another_method_405() {
        for wrong in ["", "text/html", "application/connect+json"] {
            let response = read(&[("content-type", wrong)])
                .unwrap_err()
                .into_response();
            assert_eq!(response.status(), 415);
            assert!(response.body().is_empty());
            assert_eq!(response.headers()["accept-post"], UNARY_TYPES);
        }
        assert_eq!(read(&[]).unwrap_err().into_response().status(), 415);
        let json = headers(&[("content-type", "application/json")]);
        for method in [Method::GET, Method::PUT, Method::OPTIONS] {
            for (allows_get, allow) in [(false, "POST"), (true, "GET, POST")] {
                let refusal = read_head(&method, &json, allows_get, false).unwrap_err();
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
            let response = read(&all).unwrap_err().into_response();
            assert_eq!(response.status(), 400, "{name}");
        }
    }

    #[test]
    fn responses_carry_headers_trailers_and_compression_as_told() {
        let mut head = read(&[
            ("content-type", "application/json"),
            ("accept-encoding", "gzip"),
        ])
        .unwrap();
        let message = Bytes::from_static(b"{}");
        let trailers = headers(&[("x-t", "1")]);
        let plain = respond(
            &head,
            message.clone(),
            headers(&[("x-h", "2")]),
            &trailers,
            false,
        );
        assert_eq!(plain.body(), "{}");
        assert_eq!(plain.headers()["x-h"], "2");
        assert_eq!(plain.headers()["trailer-x-t"], "1");
        assert!(!plain.headers().contains_key("content-encoding"));
        let packed = respond(&head, message.clone(), HeaderMap::new(), &trailers, true);
        assert_eq!(packed.headers()["content-encoding"], "gzip");
        assert_eq!(
            Encoding::Gzip
                .decompress(packed.body().clone(), 10)
                .unwrap(),
            "{}"
        );
        head.accepts_gzip = false;
        let plain = respond(&head, message, HeaderMap::new(), &trailers, true);
        assert_eq!(plain.body(), "{}");
    }
}
