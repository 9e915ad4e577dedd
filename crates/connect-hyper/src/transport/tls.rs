//! TLS: rustls with the ring provider.

use std::sync::Arc;

use http::Uri;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::connect::{BoxStream, Versions};
use crate::Code;
use crate::error::{BoxError, Error};

/// What a user has set.
#[derive(Clone, Default)]
pub(crate) struct TlsOptions {
    /// Certificates in PEM that are trusted beside the system's.
    pub(crate) roots: Vec<Vec<u8>>,
    /// A chain and its key, in PEM.
    pub(crate) client: Option<(Vec<u8>, Vec<u8>)>,
    /// A configuration in place of all of that.
    #[cfg(feature = "unstable-rustls")]
    pub(crate) config: Option<ClientConfig>,
}

impl TlsOptions {
    /// Whether anything is.
    pub(super) fn is_set(&self) -> bool {
        #[cfg(feature = "unstable-rustls")]
        if self.config.is_some() {
            return true;
        }
        !self.roots.is_empty() || self.client.is_some()
    }
}

/// TLS as it is spoken to every origin.
#[derive(Clone)]
pub(super) struct Tls {
    /// Offers HTTP/2 and HTTP/1.1.
    either: TlsConnector,
    http1: TlsConnector,
    http2: TlsConnector,
    /// HTTP/1.1 without a certificate of the client's, which is for origins.
    proxy: TlsConnector,
}

/// Has no certificate to offer.
#[derive(Debug)]
struct Nothing;

impl ResolvesClientCert for Nothing {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

impl Tls {
    pub(super) fn new(options: &TlsOptions) -> Result<Self, Error> {
        #[cfg(feature = "unstable-rustls")]
        let config = match &options.config {
            Some(config) => config.clone(),
            None => config(options)?,
        };
        #[cfg(not(feature = "unstable-rustls"))]
        let config = config(options)?;
        let mut for_proxy = config.clone();
        for_proxy.client_auth_cert_resolver = Arc::new(Nothing);
        let offering = |config: &ClientConfig, protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            TlsConnector::from(Arc::new(config))
        };
        Ok(Self {
            either: offering(&config, &[b"h2", b"http/1.1"]),
            http1: offering(&config, &[b"http/1.1"]),
            http2: offering(&config, &[b"h2"]),
            proxy: offering(&for_proxy, &[b"http/1.1"]),
        })
    }

    /// Does the handshake. Also says whether HTTP/2 is to be spoken.
    pub(super) async fn connect(
        &self,
        origin: &Uri,
        stream: BoxStream,
        versions: Versions,
    ) -> Result<(BoxStream, bool), BoxError> {
        let connector = match versions {
            Versions::Negotiated => &self.either,
            Versions::Http1 => &self.http1,
            Versions::Http2 => &self.http2,
        };
        let (stream, chosen) = handshake(connector, origin, stream).await?;
        // A server without ALPN gets what it was going to get.
        let is_http2 = chosen.map_or(versions == Versions::Http2, |name| name == b"h2");
        Ok((stream, is_http2))
    }

    /// Does the handshake with a proxy, to which CONNECT is sent: that is HTTP/1.1's.
    pub(super) async fn connect_to_proxy(
        &self,
        proxy: &Uri,
        stream: BoxStream,
    ) -> Result<BoxStream, BoxError> {
        Ok(handshake(&self.proxy, proxy, stream).await?.0)
    }
}

/// The stream, and the protocol that was chosen by ALPN.
async fn handshake(
    connector: &TlsConnector,
    to: &Uri,
    stream: BoxStream,
) -> Result<(BoxStream, Option<Vec<u8>>), BoxError> {
    let host = to.host().unwrap_or_default();
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| "the host's name can't be in a certificate")?;
    let stream = connector.connect(name, stream).await?;
    let chosen = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    Ok((Box::new(stream), chosen))
}

fn config(options: &TlsOptions) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    for pem in &options.roots {
        for certificate in certificates(pem, "the root certificates")? {
            roots
                .add(certificate)
                .map_err(|error| unusable("the root certificates", error))?;
        }
    }
    if roots.is_empty() {
        let error = Error::new(
            Code::FailedPrecondition,
            "the system has no root certificates; SSL_CERT_FILE can name a file of them",
        );
        return Err(match found.errors.into_iter().next() {
            Some(source) => error.with_source(source),
            None => error,
        });
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(Code::Internal, "TLS can't be set up").with_source(error))?
        .with_root_certificates(roots);
    let Some((chain, key)) = &options.client else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(chain, "the client certificate")?;
    let key = PrivateKeyDer::from_pem_slice(key)
        // Its own text could quote the key.
        .map_err(|_| not_pem("the client certificate's key", "a private key"))?;
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| unusable("the client certificate", error))
}

fn certificates(pem: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| not_pem(what, "certificates"))?;
    if certificates.is_empty() {
        return Err(not_pem(what, "certificates"));
    }
    Ok(certificates)
}

fn not_pem(what: &str, expected: &str) -> Error {
    Error::new(
        Code::InvalidArgument,
        format!("{what} can't be read: expected {expected} in PEM"),
    )
}

fn unusable(what: &str, error: rustls::Error) -> Error {
    Error::new(
        Code::InvalidArgument,
        format!("{what} can't be used: {error}"),
    )
    .with_source(error)
}

#[cfg(all(test, feature = "unstable-rustls"))]
mod tests {
    use super::*;

    /// Has a certificate to offer, or says so.
    #[derive(Debug)]
    struct Something;

    impl ResolvesClientCert for Something {
        fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
            None
        }

        fn has_certs(&self) -> bool {
            true
        }
    }

    #[test]
    fn a_proxy_is_shown_no_certificate() {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_client_cert_resolver(Arc::new(Something));
        let options = TlsOptions {
            config: Some(config),
            ..TlsOptions::default()
        };
        let tls = Tls::new(&options).unwrap();
        let shows = |to: &TlsConnector| to.config().client_auth_cert_resolver.has_certs();
        assert!(shows(&tls.either) && shows(&tls.http1) && shows(&tls.http2));
        assert!(!shows(&tls.proxy));
    }
}
