//! TLS: certificates made at the start, right or wrong, and what a server asks of its clients.

mod certificates;

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

pub(crate) use certificates::Authority;
pub use certificates::ClientCertificate;

/// How a server speaks TLS, for [`Builder::tls`](crate::Builder::tls). With the cargo feature
/// `tls`.
///
/// An authority of the server's own issues its certificate, anew in each run:
/// [`Server::root_certificate`](crate::Server::root_certificate) is what a client has to trust.
/// To one that trusts another server's, or nothing but the system's roots, the issuer is unknown.
///
/// ```
/// use gitpod_testing::{Server, Tls};
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let server = Server::builder().tls(Tls::new().require_client_certificate()).start().await?;
/// assert!(server.base_url().starts_with("https://127.0.0.1:"));
/// let root = server.root_certificate().unwrap();
/// assert!(root.starts_with("-----BEGIN CERTIFICATE-----"));
/// let mine = server.issue_client_certificate()?;
/// assert!(mine.key_pem().starts_with("-----BEGIN PRIVATE KEY-----"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use = "options do nothing until a server starts with them"]
pub struct Tls {
    flaw: Option<Flaw>,
    requires_client: bool,
    /// In PEM.
    client_roots: Vec<Vec<u8>>,
    protocols: Protocols,
}

/// What is wrong with a server's certificate.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Flaw {
    Expired,
    WrongName,
}

/// What is offered by ALPN.
#[derive(Debug, Clone, Copy, Default)]
enum Protocols {
    #[default]
    Both,
    Http1,
    Http2,
    None,
}

impl Tls {
    /// A right certificate for `localhost`, `127.0.0.1` and `::1`, no certificate asked of
    /// clients, HTTP/2 and HTTP/1.1 offered by ALPN.
    pub fn new() -> Self {
        Self::default()
    }

    /// The server's certificate expired at the end of 2000.
    pub fn expired(mut self) -> Self {
        self.flaw = Some(Flaw::Expired);
        self
    }

    /// The server's certificate is for another name: `wrong-name.invalid`.
    pub fn wrong_name(mut self) -> Self {
        self.flaw = Some(Flaw::WrongName);
        self
    }

    /// A client has to show a certificate that
    /// [`Server::issue_client_certificate`](crate::Server::issue_client_certificate) made.
    pub fn require_client_certificate(mut self) -> Self {
        self.requires_client = true;
        self
    }

    /// A client has to show a certificate, and one that leads to a root among these (PEM) is as
    /// good as one of the server's own. A certificate that signed itself can be such a root.
    pub fn client_roots(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.client_roots.push(pem.into());
        self.require_client_certificate()
    }

    /// ALPN offers HTTP/1.1 and nothing else.
    pub fn http1_only(mut self) -> Self {
        self.protocols = Protocols::Http1;
        self
    }

    /// ALPN offers HTTP/2 and nothing else.
    pub fn http2_only(mut self) -> Self {
        self.protocols = Protocols::Http2;
        self
    }

    /// The server doesn't know of ALPN, as if it was an old one.
    pub fn without_alpn(mut self) -> Self {
        self.protocols = Protocols::None;
        self
    }

    /// What accepts connections so.
    ///
    /// # Errors
    ///
    /// There is no randomness for a key, or a root isn't PEM of a certificate.
    pub(crate) fn acceptor(&self, authority: &Authority) -> io::Result<TlsAcceptor> {
        let provider = Arc::new(ring::default_provider());
        let (chain, key) = authority.server(self.flaw).map_err(io::Error::other)?;
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let config = if self.requires_client {
            let roots = self.roots(authority)?;
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider)
                .build()
                .map_err(io::Error::other)?;
            config.with_client_cert_verifier(verifier)
        } else {
            config.with_no_client_auth()
        };
        let mut config = config
            .with_single_cert(vec![chain], key)
            .map_err(io::Error::other)?;
        let protocols: &[&[u8]] = match self.protocols {
            Protocols::Both => &[b"h2", b"http/1.1"],
            Protocols::Http1 => &[b"http/1.1"],
            Protocols::Http2 => &[b"h2"],
            Protocols::None => &[],
        };
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// The roots that clients' certificates may lead to.
    fn roots(&self, authority: &Authority) -> io::Result<Arc<RootCertStore>> {
        let wrong = |_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "the roots of client certificates must be certificates in PEM",
            )
        };
        let mut roots = RootCertStore::empty();
        roots.add(authority.root()).map_err(io::Error::other)?;
        for pem in &self.client_roots {
            for root in CertificateDer::pem_slice_iter(pem) {
                let root = root.map_err(wrong)?;
                roots.add(root).map_err(io::Error::other)?;
            }
        }
        Ok(Arc::new(roots))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("flaw", &self.flaw)
            .field("requires_client", &self.requires_client)
            .field("client_roots", &self.client_roots.len())
            .field("protocols", &self.protocols)
            .finish()
    }
}
