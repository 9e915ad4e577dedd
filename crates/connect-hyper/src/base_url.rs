//! Where a service lives.

use std::sync::OnceLock;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

use crate::Code;
use crate::error::Error;
use crate::redirect::Origin;

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

    /// The host; an IPv6 address without its brackets.
    pub(crate) fn host(&self) -> &str {
        without_brackets(self.authority.host())
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

    pub(crate) fn path_and_query(&self, method: &'static str) -> Result<PathAndQuery, Error> {
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

    pub(crate) fn path(&self, method: &'static str) -> String {
        let mut path = String::with_capacity(self.path.len() + method.len());
        path.push_str(&self.path);
        path.push_str(method);
        path
    }

    pub(crate) fn at(&self, path: PathAndQuery) -> Result<Uri, Error> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        Uri::from_parts(parts)
            .map_err(|error| Error::new(Code::Internal, "not a URL").with_source(error))
    }
}

pub(crate) fn checked(path: String) -> Result<PathAndQuery, Error> {
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

/// What a URL writes an IPv6 address in is no part of it.
fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

/// Whether a URL's host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = without_brackets(host);
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases() {
        for (base, uri) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/a.B/C"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/a.B/C"),
            ("http://[::1]:80/x/y", "http://[::1]:80/x/y/a.B/C"),
        ] {
            let base = BaseUrl::parse(base).unwrap();
            // The second time it is known.
            for _ in 0..2 {
                assert_eq!(base.uri("/a.B/C").unwrap(), uri);
            }
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
    fn hosts() {
        for (base, host, port) in [
            ("http://[::1]:8080/x", "::1", 8080),
            ("http://127.0.0.1", "127.0.0.1", 80),
            ("http://Example.com:1", "Example.com", 1),
        ] {
            let base = BaseUrl::parse(base).unwrap();
            assert_eq!((base.host(), base.port()), (host, port));
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
