//! The proxy that the environment names for https.

use std::ffi::OsString;
use std::fmt;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::uri::Scheme;
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::client::conn::http1;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tower_service::Service as _;

use super::connect::BoxStream;
use super::failure::is_certificate;
use super::tls::Tls;
use crate::Code;
use crate::body::RequestBody;
use crate::error::{BoxError, Error, innermost};

/// Where the proxy's URL is looked for; the first variable that is set counts.
const PROXY: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// A proxy, and which hosts it isn't for.
pub(super) struct Proxy {
    matcher: Matcher,
    /// The variable that names it.
    variable: &'static str,
}

/// Why the proxy made no tunnel.
#[derive(Debug)]
pub(super) struct ProxyError {
    message: String,
    /// The next attempt would find the same.
    stays: bool,
}

impl Proxy {
    pub(super) fn from_env() -> Result<Option<Self>, Error> {
        Self::from_variables(|name| std::env::var_os(name))
    }

    fn from_variables(variable: impl Fn(&str) -> Option<OsString>) -> Result<Option<Self>, Error> {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|&name| {
                let value = variable(name)?;
                Some((name, value.to_string_lossy().into_owned()))
            })
        };
        let Some((name, url)) = first(&PROXY).filter(|(_, url)| !url.is_empty()) else {
            return Ok(None);
        };
        // The URL isn't quoted: it may carry a password.
        let refuse = |why: &str| {
            Error::new(
                Code::InvalidArgument,
                format!("the environment variable {name}: {why}; expected http://host:port"),
            )
        };
        // A matcher leaves out what it can't read, and then no proxy is used.
        let somewhere = Uri::from_static("https://example.com");
        let proxy = Matcher::builder().https(url.clone()).build();
        let proxy = proxy
            .intercept(&somewhere)
            .ok_or_else(|| refuse("not the URL of a proxy"))?;
        if ![Some(&Scheme::HTTP), Some(&Scheme::HTTPS)].contains(&proxy.uri().scheme()) {
            return Err(refuse("its scheme is neither http nor https"));
        }
        let none = first(&NO_PROXY).map_or_else(String::new, |(_, hosts)| hosts);
        Ok(Some(Self {
            matcher: Matcher::builder().https(url).no(none).build(),
            variable: name,
        }))
    }

    /// A tunnel to the origin, unless it is one that the proxy isn't for.
    pub(super) async fn tunnel(
        &self,
        origin: &Uri,
        tcp: &HttpConnector,
        tls: &Tls,
    ) -> Result<Option<BoxStream>, BoxError> {
        let Some(proxy) = self.matcher.intercept(origin) else {
            return Ok(None);
        };
        let made = match ask(&proxy, origin, tcp, tls).await {
            Ok(response) if response.status().is_success() => hyper::upgrade::on(response)
                .await
                .map_err(|error| ProxyError::broken(&error)),
            Ok(response) => Err(self.refused(&proxy, &response)),
            Err(error) => Err(ProxyError::broken(&*error)),
        };
        Ok(Some(Box::new(TokioIo::new(made?))))
    }

    /// The URL isn't quoted, and neither is what the proxy says.
    fn refused<B>(&self, proxy: &Intercept, response: &Response<B>) -> ProxyError {
        let (status, variable) = (response.status(), self.variable);
        let message = if status != StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            format!("the proxy makes no tunnel, and answers {status}")
        } else if !takes_basic(response) {
            format!("the proxy wants a credential of another kind than Basic ({status})")
        } else if proxy.basic_auth().is_some() {
            format!("the proxy refuses the credential that {variable} has ({status})")
        } else {
            format!(
                "the proxy wants a credential, and {variable} has none ({status}); \
                 expected http://user:password@host:port"
            )
        };
        // Of what is the client's fault these alone pass.
        let passes = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
        ProxyError {
            message,
            stays: status.is_client_error() && !passes,
        }
    }
}

/// Whether Basic is among what a 407 offers, or nothing is said of it.
fn takes_basic<B>(response: &Response<B>) -> bool {
    let mut offers = response
        .headers()
        .get_all(header::PROXY_AUTHENTICATE)
        .iter()
        .peekable();
    offers.peek().is_none()
        || offers.any(|offer| {
            let offer = offer.as_bytes().to_ascii_lowercase();
            let mut schemes = offer.split(|byte| *byte == b',');
            schemes.any(|scheme| scheme.trim_ascii_start().starts_with(b"basic"))
        })
}

impl ProxyError {
    fn broken(error: &(dyn std::error::Error + 'static)) -> Self {
        Self {
            message: format!("the proxy: {}", innermost(error)),
            stays: is_certificate(error),
        }
    }

    /// Whether the next attempt would find the same.
    pub(super) fn stays(&self) -> bool {
        self.stays
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ProxyError {}

/// Asks the proxy for a tunnel to the origin.
async fn ask(
    proxy: &Intercept,
    origin: &Uri,
    tcp: &HttpConnector,
    tls: &Tls,
) -> Result<Response<hyper::body::Incoming>, BoxError> {
    let stream = tcp.clone().call(proxy.uri().clone()).await?.into_inner();
    let mut stream: BoxStream = Box::new(stream);
    if proxy.uri().scheme() == Some(&Scheme::HTTPS) {
        stream = tls.connect_to_proxy(proxy.uri(), stream).await?;
    }
    let host = origin.host().unwrap_or_default();
    let target = format!("{host}:{}", origin.port_u16().unwrap_or(443));
    let mut request = Request::new(RequestBody::full(Bytes::new()));
    *request.method_mut() = Method::CONNECT;
    request
        .headers_mut()
        .insert(header::HOST, HeaderValue::from_str(&target)?);
    *request.uri_mut() = target.parse()?;
    if let Some(authorization) = proxy.basic_auth() {
        let mut authorization = authorization.clone();
        authorization.set_sensitive(true);
        request
            .headers_mut()
            .insert(header::PROXY_AUTHORIZATION, authorization);
    }
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the tunnel's beginning, or with whoever waits for that.
    tokio::spawn(connection.with_upgrades());
    Ok(sender.send_request(request).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(variables: &[(&str, &str)]) -> Result<Option<Proxy>, Error> {
        Proxy::from_variables(|name| {
            variables
                .iter()
                .find(|(variable, _)| *variable == name)
                .map(|(_, value)| value.into())
        })
    }

    fn proxied(variables: &[(&str, &str)], origin: &'static str) -> bool {
        let proxy = proxy(variables).unwrap();
        proxy.is_some_and(|proxy| proxy.matcher.intercept(&Uri::from_static(origin)).is_some())
    }

    #[test]
    fn the_first_variable_counts_and_exceptions_do() {
        let origin = "https://app.example.com";
        assert!(!proxied(&[], origin));
        assert!(proxied(&[("HTTPS_PROXY", "http://proxy:3128")], origin));
        assert!(proxied(&[("https_proxy", "proxy:3128")], origin));
        assert!(proxied(&[("ALL_PROXY", "https://u:p@proxy")], origin));
        let empty = [("HTTPS_PROXY", ""), ("ALL_PROXY", "http://proxy")];
        assert!(!proxied(&empty, origin));
        for (exceptions, expected) in [
            ("example.com", false),
            (".example.com,other", false),
            ("app.example.com", false),
            ("*", false),
            ("example.org", true),
        ] {
            let variables = [("HTTPS_PROXY", "http://proxy"), ("NO_PROXY", exceptions)];
            assert_eq!(proxied(&variables, origin), expected, "{exceptions}");
            // The variables' names in small letters are as good; those in large ones come first.
            let small = [("https_proxy", "http://proxy"), ("no_proxy", exceptions)];
            assert_eq!(proxied(&small, origin), expected, "{exceptions}");
        }
        let both = [
            ("HTTPS_PROXY", "http://proxy"),
            ("NO_PROXY", "example.org"),
            ("no_proxy", "example.com"),
        ];
        assert!(proxied(&both, origin));
        for (origin, exceptions, expected) in [
            ("https://10.1.2.3", "10.0.0.0/8", false),
            ("https://10.1.2.3:8443", "192.168.0.0/16, 10.1.2.3", false),
            ("https://11.1.2.3", "10.0.0.0/8", true),
            ("https://[2001:db8::1]", "2001:db8::/32", false),
            ("https://[2001:db8::1]:8443", "2001:db8::1", false),
            ("https://[2001:db9::1]", "2001:db8::/32", true),
            // A network says nothing about names.
            ("https://10.example.com", "10.0.0.0/8", true),
            ("https://notexample.com", "example.com", true),
        ] {
            let variables = [("HTTPS_PROXY", "http://proxy"), ("NO_PROXY", exceptions)];
            assert_eq!(
                proxied(&variables, origin),
                expected,
                "{origin} {exceptions}"
            );
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_that_names_the_variable() {
        for wrong in ["http://", "socks5://u:secret@proxy", "ftp://proxy", "a b"] {
            let error = proxy(&[("https_proxy", wrong)]).err().unwrap();
            assert_eq!(error.code(), Code::InvalidArgument);
            assert!(error.message().contains("https_proxy"), "{error}");
            assert!(!error.message().contains("secret"), "{error}");
        }
    }

    fn refused(url: &str, status: u16, offers: &[&str]) -> ProxyError {
        let proxy = proxy(&[("HTTPS_PROXY", url)]).unwrap().unwrap();
        let origin = Uri::from_static("https://example.com");
        let found = proxy.matcher.intercept(&origin).unwrap();
        let response = offers
            .iter()
            .fold(Response::builder().status(status), |response, offer| {
                response.header(header::PROXY_AUTHENTICATE, *offer)
            });
        proxy.refused(&found, &response.body(()).unwrap())
    }

    /// What is missing is said, and no part of what isn't.
    #[test]
    fn a_proxy_that_wants_another_credential() {
        let (without, with) = ("http://proxy:3128", "http://user:secret@proxy:3128");
        let basic = r#"Basic realm="of the secret service""#;
        for (url, offers, says) in [
            (
                without,
                &[][..],
                "wants a credential, and HTTPS_PROXY has none",
            ),
            (without, &[basic], "expected http://user:password@host:port"),
            (without, &["Negotiate", basic], "HTTPS_PROXY has none"),
            (
                without,
                &["NTLM, Basic realm=\"a\""],
                "HTTPS_PROXY has none",
            ),
            (with, &[], "refuses the credential that HTTPS_PROXY has"),
            (
                with,
                &[basic],
                "refuses the credential that HTTPS_PROXY has",
            ),
            (with, &["Negotiate", "NTLM"], "of another kind than Basic"),
        ] {
            let error = refused(url, 407, offers);
            assert!(error.to_string().contains(says), "{error}");
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
            assert!(error.stays(), "{error}");
        }
    }

    #[test]
    fn a_proxy_that_makes_no_tunnel() {
        for (status, stays) in [
            (400, true),
            (403, true),
            (405, true),
            (408, false),
            (429, false),
            (302, false),
            (500, false),
            (502, false),
            (503, false),
            (504, false),
        ] {
            let error = refused("http://proxy", status, &[]);
            assert!(error.to_string().contains(&status.to_string()), "{error}");
            assert_eq!(error.stays(), stays, "{error}");
        }
    }
}
