//! An authority that lives as long as its server, and what it issues.

use std::fmt;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, Error, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::Flaw;
use crate::secret::Secret;

/// The authority of one server.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// # Errors
    ///
    /// There is no randomness for a key.
    pub(crate) fn new() -> Result<Self, Error> {
        let mut params = params("gitpod-testing root", &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        CertifiedIssuer::self_signed(params, KeyPair::generate()?).map(Self)
    }

    pub(crate) fn root(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub(crate) fn root_pem(&self) -> String {
        self.0.pem()
    }

    /// A server's certificate and its key.
    pub(super) fn server(
        &self,
        flaw: Option<Flaw>,
    ) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), Error> {
        let names: &[&str] = match flaw {
            Some(Flaw::WrongName) => &["wrong-name.invalid"],
            _ => &["localhost", "127.0.0.1", "::1"],
        };
        let mut params = params("gitpod-testing server", names)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        if matches!(flaw, Some(Flaw::Expired)) {
            params.not_before = date_time_ymd(2000, 1, 1);
            params.not_after = date_time_ymd(2000, 12, 31);
        }
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.0)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok((certificate.der().clone(), key.into()))
    }

    /// A client's certificate and its key.
    ///
    /// # Errors
    ///
    /// There is no randomness for a key.
    pub(crate) fn client(&self) -> Result<ClientCertificate, Error> {
        let mut params = params("gitpod-testing client", &["client.invalid"])?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate()?;
        Ok(ClientCertificate {
            chain: params.signed_by(&key, &self.0)?.pem(),
            key: Secret::new(key.serialize_pem()),
        })
    }
}

fn params(name: &str, names: &[&str]) -> Result<CertificateParams, Error> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// A client's certificate, from
/// [`Server::issue_client_certificate`](crate::Server::issue_client_certificate).
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    chain: String,
    key: Secret,
}

impl ClientCertificate {
    /// The certificate, in PEM.
    #[must_use]
    pub fn chain_pem(&self) -> &str {
        &self.chain
    }

    /// Its private key, in PEM (PKCS#8).
    #[must_use]
    pub fn key_pem(&self) -> &str {
        self.key.reveal()
    }
}
