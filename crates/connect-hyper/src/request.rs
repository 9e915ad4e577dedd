//! A call's HTTP request, made without a socket.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, Uri};

use crate::base_url::{self, BaseUrl};
use crate::body::RequestBody;
use crate::codec::Codec;
use crate::compression::Compression;
use crate::error::Error;
use crate::{StreamKind, metadata, query};

const CONNECT_PROTOCOL_VERSION: HeaderName = HeaderName::from_static("connect-protocol-version");
const CONNECT_CONTENT_ENCODING: HeaderName = HeaderName::from_static("connect-content-encoding");
const CONNECT_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("connect-accept-encoding");
const CONNECT_TIMEOUT_MS: HeaderName = HeaderName::from_static("connect-timeout-ms");

/// What one attempt's request is made of.
pub(crate) struct Parts<'a> {
    pub(crate) base: &'a BaseUrl,
    pub(crate) path: &'static str,
    /// Whether the URI says where the request goes, and not only the path there.
    pub(crate) is_absolute: bool,
    pub(crate) codec: Codec,
    pub(crate) framing: Framing,
    /// What the message, or some of a stream's, is compressed with.
    pub(crate) encoding: Option<Compression>,
    /// The client's headers.
    pub(crate) heads: &'a Heads,
    /// How long a URL may be for the call to be made by GET. None: it is made by POST.
    pub(crate) get_url_limit: Option<usize>,
    /// The call's headers; a name that stands here replaces the client's.
    pub(crate) headers: Option<&'a HeaderMap>,
}

/// How messages lie in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// One message, and nothing else.
    Unary,
    /// Envelopes.
    Streaming,
}

impl Framing {
    pub(crate) fn of(kind: StreamKind) -> Self {
        match kind {
            StreamKind::Unary => Framing::Unary,
            _ => Framing::Streaming,
        }
    }
}

/// The headers that all requests of a client have. They are put together once, for copying them
/// costs much less than hashing their names anew.
#[derive(Debug)]
pub(crate) struct Heads {
    unary: HeaderMap,
    streaming: HeaderMap,
}

/// What the headers of a client's requests follow from.
pub(crate) struct Common<'a> {
    pub(crate) codec: Codec,
    pub(crate) accept_encoding: HeaderValue,
    pub(crate) defaults: &'a [(HeaderName, HeaderValue)],
    /// Whether requests have a credential, unless they bring their own.
    pub(crate) has_credential: bool,
    /// HTTP/1.1's name for where most requests go.
    pub(crate) host: Option<HeaderValue>,
}

impl Heads {
    pub(crate) fn new(common: Common<'_>) -> Self {
        // Checklist 6: what a map is told by `insert` goes out once. What has another value in each
        // request has its place here.
        let empty = HeaderValue::from_static("");
        let mut shared = HeaderMap::new();
        // Checklist 2.
        shared.insert(CONNECT_PROTOCOL_VERSION, HeaderValue::from_static("1"));
        shared.insert(CONNECT_TIMEOUT_MS, empty.clone());
        if common.has_credential {
            shared.insert(header::AUTHORIZATION, empty.clone());
        }
        if let Some(host) = common.host {
            shared.insert(header::HOST, host);
        }
        for (name, value) in common.defaults {
            shared.insert(name, value.clone());
        }
        let mut unary = shared.clone();
        // Checklist 1.
        unary.insert(
            header::CONTENT_TYPE,
            common.codec.content_type(Framing::Unary),
        );
        unary.insert(header::CONTENT_LENGTH, empty);
        // Checklist 4.
        unary.insert(header::ACCEPT_ENCODING, common.accept_encoding.clone());
        let mut streaming = shared;
        streaming.insert(
            header::CONTENT_TYPE,
            common.codec.content_type(Framing::Streaming),
        );
        streaming.insert(CONNECT_ACCEPT_ENCODING, common.accept_encoding);
        streaming.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        );
        Self { unary, streaming }
    }

    fn of(&self, framing: Framing) -> HeaderMap {
        match framing {
            Framing::Unary => self.unary.clone(),
            Framing::Streaming => self.streaming.clone(),
        }
    }
}

/// The request of a call.
pub(crate) fn make(
    parts: &Parts<'_>,
    body: RequestBody,
    authorization: Option<HeaderValue>,
    timeout: Option<HeaderValue>,
) -> Result<Request<RequestBody>, Error> {
    let mut headers = parts.heads.of(parts.framing);
    let mut request = match get_uri(parts, &body)? {
        Some(uri) => {
            // Checklist 7: all this is a POST's alone.
            for name in [
                header::CONTENT_TYPE,
                header::CONTENT_LENGTH,
                CONNECT_PROTOCOL_VERSION,
            ] {
                headers.remove(name);
            }
            let mut request = Request::new(RequestBody::full(Bytes::new()));
            *request.uri_mut() = uri;
            request
        }
        None => {
            if let Some(compression) = parts.encoding {
                let name = match parts.framing {
                    Framing::Unary => header::CONTENT_ENCODING,
                    Framing::Streaming => CONNECT_CONTENT_ENCODING,
                };
                headers.insert(name, HeaderValue::from_static(compression.name()));
            }
            if parts.framing == Framing::Unary {
                let length = body.whole().map(|message| message.len() as u64);
                set(
                    &mut headers,
                    header::CONTENT_LENGTH,
                    length.and_then(metadata::number),
                );
            }
            let uri = located(parts, parts.base.path_and_query(parts.path)?)?;
            let mut request = Request::new(body);
            *request.method_mut() = Method::POST;
            *request.uri_mut() = uri;
            request
        }
    };
    set(&mut headers, header::AUTHORIZATION, authorization);
    set(&mut headers, CONNECT_TIMEOUT_MS, timeout);
    if let Some(own) = parts.headers {
        for name in own.keys() {
            headers.remove(name);
        }
        for (name, value) in own {
            headers.append(name, value.clone());
        }
    }
    *request.headers_mut() = headers;
    Ok(request)
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    match value {
        Some(value) => match headers.get_mut(&name) {
            // The place that the client's headers have for it.
            Some(place) => *place = value,
            None => {
                headers.insert(name, value);
            }
        },
        None => {
            headers.remove(name);
        }
    }
}

/// Adds what each attempt has of its own to a request without it.
pub(crate) fn add(
    headers: &mut HeaderMap,
    authorization: Option<HeaderValue>,
    timeout: Option<HeaderValue>,
) {
    if let Some(timeout) = timeout {
        headers.insert(CONNECT_TIMEOUT_MS, timeout);
    }
    if let Some(authorization) = authorization {
        headers.insert(header::AUTHORIZATION, authorization);
    }
}

/// The URL of a call by GET: if that is asked for, and no longer than may be.
fn get_uri(parts: &Parts<'_>, body: &RequestBody) -> Result<Option<Uri>, Error> {
    let (Some(limit), Some(message)) = (parts.get_url_limit, body.whole()) else {
        return Ok(None);
    };
    let base = parts.base;
    let origin = base.scheme().as_str().len() + "://".len() + base.authority().as_str().len();
    let path = query::append(
        base.path(parts.path),
        parts.codec,
        parts.encoding,
        message,
        limit.saturating_sub(origin),
    );
    path.map(|path| located(parts, base_url::checked(path)?))
        .transpose()
}

fn located(parts: &Parts<'_>, path: PathAndQuery) -> Result<Uri, Error> {
    if parts.is_absolute {
        parts.base.at(path)
    } else {
        Ok(Uri::from(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads() -> Heads {
        Heads::new(Common {
            codec: Codec::Json,
            accept_encoding: HeaderValue::from_static("gzip"),
            defaults: &[(header::USER_AGENT, HeaderValue::from_static("default"))],
            has_credential: true,
            host: None,
        })
    }

    fn parts<'a>(base: &'a BaseUrl, heads: &'a Heads) -> Parts<'a> {
        Parts {
            base,
            heads,
            path: "/a.B/C",
            is_absolute: true,
            codec: Codec::Json,
            framing: Framing::Unary,
            encoding: None,
            get_url_limit: None,
            headers: None,
        }
    }

    /// An attempt of this message, with a credential and a deadline if `is_complete`.
    fn attempt(parts: Parts<'_>, is_complete: bool) -> Request<RequestBody> {
        let value = |text| is_complete.then(|| HeaderValue::from_static(text));
        let body = RequestBody::full(Bytes::from_static(b"{}"));
        make(&parts, body, value("Bearer t"), value("5000")).unwrap()
    }

    /// Checklist 1, 2 and 6.
    #[test]
    fn protocol_headers_once() {
        let heads = heads();
        let base = BaseUrl::parse("https://example.com/api/").unwrap();
        let mut own = HeaderMap::new();
        own.append("user-agent", HeaderValue::from_static("own"));
        own.append("x-a", HeaderValue::from_static("1"));
        own.append("x-a", HeaderValue::from_static("2"));
        let own = Parts {
            headers: Some(&own),
            ..parts(&base, &heads)
        };
        let request = attempt(own, true);
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri(), "https://example.com/api/a.B/C");
        assert_eq!(
            headers(&request),
            [
                "accept-encoding: gzip",
                "authorization: Bearer t",
                "connect-protocol-version: 1",
                "connect-timeout-ms: 5000",
                "content-length: 2",
                "content-type: application/json",
                "user-agent: own",
                "x-a: 1",
                "x-a: 2",
            ]
        );
    }

    fn headers(request: &Request<RequestBody>) -> Vec<String> {
        let mut headers: Vec<_> = request
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        headers.sort();
        headers
    }

    /// Checklist 7: no body and nothing about one, and the deadline in its header.
    #[test]
    fn a_get() {
        let heads = heads();
        let base = BaseUrl::parse("https://example.com/api/").unwrap();
        let url = "https://example.com/api/a.B/C?connect=v1&encoding=json&message=%7B%7D";
        let limited = |limit| {
            let parts = Parts {
                get_url_limit: Some(limit),
                ..parts(&base, &heads)
            };
            attempt(parts, true)
        };
        let request = limited(url.len());
        assert_eq!(
            (request.method(), request.uri()),
            (&Method::GET, &url.parse().unwrap())
        );
        assert!(request.body().whole().unwrap().is_empty());
        assert_eq!(
            headers(&request),
            [
                "accept-encoding: gzip",
                "authorization: Bearer t",
                "connect-timeout-ms: 5000",
                "user-agent: default",
            ]
        );
        // One byte more than the limit: the same call by POST.
        let request = limited(url.len() - 1);
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri(), "https://example.com/api/a.B/C");
        assert_eq!(request.body().whole().unwrap(), b"{}");
        assert!(request.headers().contains_key("content-type"));
    }

    /// Checklist 4.
    #[cfg(feature = "gzip")]
    #[test]
    fn the_encoding_of_a_request() {
        let heads = heads();
        let base = BaseUrl::parse("https://example.com").unwrap();
        for (framing, get_url_limit, expected) in [
            (Framing::Unary, None, Some("content-encoding")),
            (Framing::Streaming, None, Some("connect-content-encoding")),
            (Framing::Unary, Some(8000), None),
        ] {
            let compressed = Parts {
                framing,
                get_url_limit,
                encoding: Some(Compression::Gzip),
                ..parts(&base, &heads)
            };
            let request = attempt(compressed, false);
            let names: Vec<_> = request.headers().keys().map(HeaderName::as_str).collect();
            for name in ["content-encoding", "connect-content-encoding"] {
                assert_eq!(names.contains(&name), Some(name) == expected, "{names:?}");
            }
        }
    }
}
