//! Which redirects are followed, and where to: decided without a socket.

use std::fmt;

use http::StatusCode;
use http::header::{self, HeaderMap};
use http::uri::{Scheme, Uri};

use crate::Code;
use crate::base_url::is_loopback;
use crate::error::{Error, Execution};

/// How many redirects a request may take on its way.
pub(crate) const MAX_HOPS: u32 = 5;

/// Scheme, host and port: where a request goes, without what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    https: bool,
    /// In lower case; an IPv6 address in brackets.
    host: String,
    port: u16,
}

impl Origin {
    /// The origin of an absolute URL. None of another scheme, and none of one with a user's name,
    /// which hides where it leads.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let https = match uri.scheme()? {
            scheme if *scheme == Scheme::HTTPS => true,
            scheme if *scheme == Scheme::HTTP => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return None;
        }
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            // `http` takes any port for none.
            None if authority.as_str() != authority.host() => return None,
            None if https => 443,
            None => 80,
        };
        Some(Self {
            https,
            host: authority.host().to_ascii_lowercase(),
            port,
        })
    }

    /// Reads `https://example.com`, with or without a slash at its end.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        text.parse()
            .ok()
            .filter(|uri: &Uri| matches!(uri.path(), "" | "/") && uri.query().is_none())
            .as_ref()
            .and_then(Self::of)
            .filter(|_| !text.contains('#'))
            .ok_or_else(|| {
                Error::new(
                    Code::InvalidArgument,
                    "a redirect's origin is not usable; expected one like https://example.com",
                )
            })
    }

    pub(crate) fn is_https(&self) -> bool {
        self.https
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        match (self.https, self.port) {
            (true, 443) | (false, 80) => Ok(()),
            (_, port) => write!(f, ":{port}"),
        }
    }
}

/// Where the request goes next. `None` if the response is no redirect that keeps method and body.
///
/// An error says why it goes nowhere, and names the origin alone: the rest of a location may be a
/// secret.
pub(crate) fn target(
    allowed: &[Origin],
    from: &Uri,
    status: StatusCode,
    headers: &HeaderMap,
) -> Option<Result<Uri, Error>> {
    if status != StatusCode::TEMPORARY_REDIRECT && status != StatusCode::PERMANENT_REDIRECT {
        return None;
    }
    let Some((uri, origin)) = location(from, headers) else {
        return Some(Err(refused(status, "a redirect without a usable location")));
    };
    let may = allowed.contains(&origin)
        && (origin.https
            || (is_loopback(&origin.host) && Origin::of(from).as_ref() == Some(&origin)));
    Some(if may {
        Ok(uri)
    } else {
        let why =
            format!("a redirect to {origin}, which is not one of the origins that are allowed");
        Err(refused(status, &why))
    })
}

/// The error of a redirect that isn't followed.
pub(crate) fn refused(status: StatusCode, why: &str) -> Error {
    Error::new(
        Code::from_http_status(status),
        format!("HTTP status {status}: {why}"),
    )
    .with_status(status)
    .with_execution(Execution::Ambiguous)
}

/// The origin that a response points to, if it does.
pub(crate) fn origin(headers: &HeaderMap) -> Option<Origin> {
    Origin::of(&headers.get(header::LOCATION)?.to_str().ok()?.parse().ok()?)
}

/// The absolute URL that a `Location` stands for, and its origin. One that is relative to the path
/// is taken for malformed: no service needs it.
fn location(from: &Uri, headers: &HeaderMap) -> Option<(Uri, Origin)> {
    let mut all = headers.get_all(header::LOCATION).iter();
    let (Some(location), None) = (all.next(), all.next()) else {
        return None;
    };
    let location = location.to_str().ok()?;
    let scheme = from.scheme_str()?;
    let uri: Uri = if location.starts_with("//") {
        format!("{scheme}:{location}").parse()
    } else if location.starts_with('/') {
        format!("{scheme}://{}{location}", from.authority()?).parse()
    } else {
        location.parse()
    }
    .ok()?;
    let origin = Origin::of(&uri)?;
    // An origin is written in one way, however a location has it: its connections are found by that.
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let uri = format!("{origin}{path}").parse().ok()?;
    Some((uri, origin))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn follow(allowed: &[&str], from: &str, location: &'static str) -> Result<String, Error> {
        let allowed: Vec<_> = allowed.iter().map(|o| Origin::parse(o).unwrap()).collect();
        let mut headers = HeaderMap::new();
        headers.insert("location", HeaderValue::from_static(location));
        let status = StatusCode::TEMPORARY_REDIRECT;
        target(&allowed, &from.parse().unwrap(), status, &headers)
            .unwrap()
            .map(|uri| uri.to_string())
    }

    const FROM: &str = "https://a.example/api/s.S/M";

    #[test]
    fn to_an_allowed_origin() {
        let allowed = [
            "https://a.example/",
            "https://b.example:8443",
            "https://[2001:DB8::1]",
        ];
        for (location, expected) in [
            ("https://a.example/x?y=1", "https://a.example/x?y=1"),
            ("https://A.EXAMPLE:443/x", "https://a.example/x"),
            ("https://b.example:8443/", "https://b.example:8443/"),
            ("https://b.example:08443/x", "https://b.example:8443/x"),
            ("https://[2001:db8::1]/x", "https://[2001:db8::1]/x"),
            ("/x?y=1", "https://a.example/x?y=1"),
            ("//b.example:8443/x", "https://b.example:8443/x"),
            ("https://a.example", "https://a.example/"),
            ("HTTPS://a.example/x", "https://a.example/x"),
        ] {
            let found = follow(&allowed, FROM, location).map_err(|error| error.to_string());
            assert_eq!(found.as_deref(), Ok(expected), "{location}");
        }
    }

    #[test]
    fn to_no_other_origin() {
        for location in [
            "https://b.example/secret",
            "https://a.example:444/secret",
            "https://a.example.b.example/secret",
            "https://a.example./secret",
            "https://b.example/https://a.example/secret",
            "http://a.example/secret",
            "http://a.example:443/secret",
            "//b.example/secret",
        ] {
            let error =
                follow(&["https://a.example", "http://a.example"], FROM, location).unwrap_err();
            assert_eq!(error.code(), Code::Unknown, "{location}");
            assert!(error.message().contains("example"), "{location}: {error}");
            assert!(!error.message().contains("secret"), "{location}: {error}");
            assert!(error.may_have_executed());
        }
    }

    #[test]
    fn to_nowhere() {
        for location in [
            "",
            "x",
            "?x=secret",
            "../x",
            "https://user:secret@a.example/",
            "https://@a.example/",
            "https://a.example:secret/",
            "https://a.example:99999/",
            "https:///secret",
            "https:secret",
            "https://a.ex ample/secret",
            "ftp://a.example/secret",
            "javascript:secret",
        ] {
            let error = follow(&["https://a.example"], FROM, location).unwrap_err();
            assert!(
                error.message().contains("without a usable location"),
                "{location}: {error}"
            );
            assert!(!error.message().contains("secret"), "{location}: {error}");
        }
        let status = StatusCode::PERMANENT_REDIRECT;
        let from = FROM.parse().unwrap();
        let allowed = [Origin::parse("https://a.example").unwrap()];
        let missing = target(&allowed, &from, status, &HeaderMap::new()).unwrap();
        assert_eq!(missing.unwrap_err().http_status(), Some(status));
        let mut two = HeaderMap::new();
        two.append("location", HeaderValue::from_static("/a"));
        two.append("location", HeaderValue::from_static("/b"));
        assert!(target(&allowed, &from, status, &two).unwrap().is_err());
    }

    /// Plain http is for a server of this machine that redirects to itself.
    #[test]
    fn plain_http() {
        let own = [
            "http://127.0.0.1:8080",
            "http://127.0.0.1:8081",
            "http://a.example",
        ];
        let from = "http://127.0.0.1:8080/s.S/M";
        assert!(follow(&own, from, "/x").is_ok());
        assert!(follow(&own, from, "http://127.0.0.1:8080/x").is_ok());
        assert!(follow(&own, from, "http://127.0.0.1:8081/x").is_err());
        assert!(follow(&own, from, "http://localhost:8080/x").is_err());
        assert!(follow(&own, "http://a.example/s.S/M", "/x").is_err());
        assert!(
            follow(
                &own,
                "https://127.0.0.1:8080/s.S/M",
                "http://127.0.0.1:8080/x"
            )
            .is_err()
        );
    }

    #[test]
    fn other_statuses_keep_no_method() {
        let headers = HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static("/x"))]);
        let allowed = [Origin::parse("https://a.example").unwrap()];
        for status in [300, 301, 302, 303, 304, 305] {
            let status = StatusCode::from_u16(status).unwrap();
            assert!(target(&allowed, &FROM.parse().unwrap(), status, &headers).is_none());
        }
    }

    #[test]
    fn origins_that_are_none() {
        for wrong in [
            "",
            "a.example",
            "https://",
            "https://a.example/path",
            "https://a.example?x=secret",
            "https://a.example#secret",
            "https://user:secret@a.example",
            "ftp://a.example",
        ] {
            let error = Origin::parse(wrong).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument, "{wrong}");
            assert!(!error.message().contains("secret"), "{error}");
        }
        assert_eq!(
            Origin::parse("HTTPS://A.example:443").unwrap().to_string(),
            "https://a.example"
        );
    }
}
