//! A call's HTTP request, made without a socket.

use std::sync::OnceLock;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Uri};

use crate::body::RequestBody;
use crate::codec::Codec;
use crate::compression::Compression;
use crate::error::Error;
use crate::redirect::Origin;
use crate::{Code, StreamKind, metadata, query};

const CONNECT_PROTOCOL_VERSION: HeaderName = HeaderName::from_static("connect-protocol-version");
const CONNECT_CONTENT_ENCODING: HeaderName = HeaderName::from_static("connect-content-encoding");
const CONNECT_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("connect-accept-encoding");
const CONNECT_TIMEOUT_MS: HeaderName = HeaderName::from_static("connect-timeout-ms");

/// Where a service lives: an origin, and a path that every method's path is appended to.
#[derive(Debug)]
pub(crate) struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    /// Without a slash at its end; empty for the origin's root.
    path: String,
    /// The paths of the methods that were called first, for checking one costs more than the rest
    /// of a URL. Most users call a few methods.
    known: [OnceLock<(&'static str, PathAndQuery)>; 32],
}

impl BaseUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        // The text isn't quoted: a URL may carry a password.
        let refuse = |why: &str| {
            Error::new(
                Code::InvalidArgument,
                format!(
                    "the base URL is not usable: {why}; expected one like https://example.com/api"
                ),
            )
        };
        let uri: Uri = text.parse().map_err(|_| refuse("it is not a URL"))?;
        let parts = uri.into_parts();
        let scheme = parts.scheme.ok_or_else(|| refuse("it has no scheme"))?;
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(refuse("its scheme is neither http nor https"));
        }
        if scheme == Scheme::HTTPS && !cfg!(feature = "tls") {
            return Err(refuse(
                "it is https, and this build has no TLS (feature `tls`)",
            ));
        }
        let authority = parts.authority.ok_or_else(|| refuse("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("it has a user name or a password"));
        }
        if authority.host().is_empty() {
            return Err(refuse("it has no host"));
        }
        // `http` takes any port for none, and none is the scheme's own.
        if authority.port().is_none() && authority.as_str() != authority.host() {
            return Err(refuse("its port is not one"));
        }
        let path_and_query = parts
            .path_and_query
            .unwrap_or(PathAndQuery::from_static("/"));
        if path_and_query.query().is_some() || text.contains('#') {
            return Err(refuse("it has a query or a fragment"));
        }
        Ok(Self {
            scheme,
            authority,
            path: path_and_query.path().trim_end_matches('/').to_owned(),
            known: [const { OnceLock::new() }; 32],
        })
    }

    /// The value of HTTP/1.1's `host`.
    pub(crate) fn host_header(&self) -> Option<HeaderValue> {
        HeaderValue::try_from(self.authority.as_str()).ok()
    }

    pub(crate) fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    pub(crate) fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Whether the host is this machine, so that plain http exposes nothing.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(self.authority.host())
    }

    pub(crate) fn host(&self) -> &str {
        self.authority.host()
    }

    /// The scheme's own unless the URL has one.
    pub(crate) fn port(&self) -> u16 {
        let default = if self.is_https() { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(default)
    }

    /// Where it lives, without the path.
    pub(crate) fn origin(&self) -> Option<Origin> {
        Origin::of(&self.uri("/").ok()?)
    }

    pub(crate) fn uri(&self, method: &'static str) -> Result<Uri, Error> {
        self.at(self.path_and_query(method)?)
    }

    fn path_and_query(&self, method: &'static str) -> Result<PathAndQuery, Error> {
        if self.path.is_empty() {
            return PathAndQuery::try_from(method).map_err(not_a_path);
        }
        for slot in &self.known {
            match slot.get() {
                Some((known, path)) if std::ptr::eq(*known, method) => return Ok(path.clone()),
                Some(_) => {}
                None => {
                    let path = checked(self.path(method))?;
                    // Another call may have been faster, and then this one isn't kept yet.
                    let _ = slot.set((method, path.clone()));
                    return Ok(path);
                }
            }
        }
        checked(self.path(method))
    }

    fn path(&self, method: &'static str) -> String {
        let mut path = String::with_capacity(self.path.len() + method.len());
        path.push_str(&self.path);
        path.push_str(method);
        path
    }

    fn at(&self, path: PathAndQuery) -> Result<Uri, Error> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        Uri::from_parts(parts)
            .map_err(|error| Error::new(Code::Internal, "not a URL").with_source(error))
    }
}

fn checked(path: String) -> Result<PathAndQuery, Error> {
    PathAndQuery::from_maybe_shared(Bytes::from(path)).map_err(not_a_path)
}

fn not_a_path(error: http::uri::InvalidUri) -> Error {
    Error::new(Code::Internal, "not a path").with_source(error)
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.path)
    }
}

/// Whether a URL's host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

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
        // What has another value in each request has its place here.
        let empty = HeaderValue::from_static("");
        let mut shared = HeaderMap::new();
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
    let origin = base.scheme.as_str().len() + "://".len() + base.authority.as_str().len();
    let path = query::append(
        base.path(parts.path),
        parts.codec,
        parts.encoding,
        message,
        limit.saturating_sub(origin),
    );
    path.map(|path| located(parts, checked(path)?)).transpose()
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

    #[test]
    fn bases() {
        let heads = heads();
        for (base, uri) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/a.B/C"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/a.B/C"),
            ("http://[::1]:80/x/y", "http://[::1]:80/x/y/a.B/C"),
        ] {
            let base = BaseUrl::parse(base).unwrap();
            assert_eq!(attempt(parts(&base, &heads), false).uri(), uri);
        }
        for wrong in [
            "",
            "example.com",
            "/api",
            "ftp://example.com",
            "http://",
            "http://user:secret@example.com",
            "http://example.com/api?x=secret",
            "http://example.com/api#secret",
            "http://exa mple.com",
        ] {
            let error = BaseUrl::parse(wrong).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument, "{wrong}");
            assert!(!error.message().contains("secret"), "{error}");
        }
    }

    #[test]
    fn loopback() {
        for (base, expected) in [
            ("http://localhost", true),
            ("http://LOCALHOST:1", true),
            ("http://127.0.0.1", true),
            ("http://127.9.9.9:8080", true),
            ("http://[::1]", true),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://10.0.0.1", false),
            ("http://0.0.0.0", false),
            ("http://[::2]", false),
        ] {
            assert_eq!(
                BaseUrl::parse(base).unwrap().is_loopback(),
                expected,
                "{base}"
            );
        }
    }
}
