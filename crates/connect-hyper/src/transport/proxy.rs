//! The proxy that the environment names for https.

use std::ffi::OsString;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tower_service::Service;

use super::connect::BoxStream;
use super::tls::Tls;
use crate::Code;
use crate::error::{BoxError, Error, innermost};

/// Where the proxy's URL is looked for; the first variable that is set counts.
const PROXY: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// A proxy, and which hosts it isn't for.
pub(super) struct Proxy(Matcher);

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
        Ok(Some(Self(Matcher::builder().https(url).no(none).build())))
    }

    /// A tunnel to the origin, unless it is one that the proxy isn't for.
    pub(super) async fn tunnel(
        &self,
        origin: &Uri,
        tcp: &HttpConnector,
        tls: &Tls,
    ) -> Result<Option<BoxStream>, BoxError> {
        let Some(proxy) = self.0.intercept(origin) else {
            return Ok(None);
        };
        let to_proxy = ToProxy {
            tcp: tcp.clone(),
            tls: tls.clone(),
        };
        let mut tunnel = Tunnel::new(proxy.uri().clone(), to_proxy);
        if let Some(authorization) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(authorization.clone());
        }
        let stream = tunnel
            .call(origin.clone())
            .await
            .map_err(|error| format!("the proxy: {}", innermost(&error)))?;
        Ok(Some(stream.into_inner()))
    }
}

/// Connects to the proxy itself, by TLS where its URL says https.
#[derive(Clone)]
struct ToProxy {
    tcp: HttpConnector,
    tls: Tls,
}

impl Service<Uri> for ToProxy {
    type Response = TokioIo<BoxStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<BoxStream>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, proxy: Uri) -> Self::Future {
        let connecting = self.tcp.call(proxy.clone());
        let tls = self.tls.clone();
        Box::pin(async move {
            let stream: BoxStream = Box::new(connecting.await?.into_inner());
            if proxy.scheme() != Some(&Scheme::HTTPS) {
                return Ok(TokioIo::new(stream));
            }
            Ok(TokioIo::new(tls.connect_to_proxy(&proxy, stream).await?))
        })
    }
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
        proxy.is_some_and(|proxy| proxy.0.intercept(&Uri::from_static(origin)).is_some())
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
}
