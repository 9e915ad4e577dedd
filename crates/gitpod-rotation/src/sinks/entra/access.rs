//! Access tokens for Microsoft Graph.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gitpod_client::connect_hyper::HttpClient;
use gitpod_client::http::{Request, StatusCode, header};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::az;
use super::config::EntraConfig;
use crate::sink::SinkError;

/// An access token isn't used in the last minutes of its life.
const MARGIN: Duration = Duration::from_secs(300);
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Who saves the token in Entra.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EntraCredential {
    /// An access token for Graph, in `GRAPH_TOKEN`. It lasts for an hour or so.
    GraphToken,
    /// An application, by its secret in `AZURE_CLIENT_SECRET`.
    ClientSecret,
    /// An application, by the assertion in `AZURE_FEDERATED_TOKEN_FILE`, read anew each time.
    WorkloadIdentity,
    /// Whoever is signed in to the Azure CLI.
    Az,
}

/// Gets access tokens, and keeps one while it is good.
pub(super) struct Access {
    source: Source,
    http: HttpClient,
    current: Mutex<Option<(Zeroizing<String>, Instant)>>,
}

enum Source {
    Given(Zeroizing<String>),
    /// By secret, or else by what is in this file.
    Application {
        url: String,
        client_id: String,
        scope: &'static str,
        proof: Proof,
    },
    Az {
        tenant: Option<String>,
    },
}

enum Proof {
    Secret(Zeroizing<String>),
    AssertionFile(String),
}

impl Access {
    pub(super) fn new(config: &EntraConfig, http: HttpClient) -> Result<Self, SinkError> {
        let secret = &config.client_secret.0;
        let given = &config.graph_token.0;
        let credential =
            config
                .credential
                .unwrap_or(match (given, secret, &config.federated_token_file) {
                    (Some(_), _, _) => EntraCredential::GraphToken,
                    (None, Some(_), _) => EntraCredential::ClientSecret,
                    (None, None, Some(_)) => EntraCredential::WorkloadIdentity,
                    (None, None, None) => EntraCredential::Az,
                });
        let missing = |what: &str| {
            SinkError::new(format!(
                "the credential {credential} needs {what}, which isn't set"
            ))
        };
        let application = |proof| {
            let tenant = config.tenant_id.as_deref();
            let tenant = tenant.ok_or_else(|| missing("tenant-id (or AZURE_TENANT_ID)"))?;
            let client_id = config.client_id.clone();
            Ok(Source::Application {
                url: format!(
                    "{}/{tenant}/oauth2/v2.0/token",
                    config.authority_host().trim_end_matches('/')
                ),
                client_id: client_id.ok_or_else(|| missing("client-id (or AZURE_CLIENT_ID)"))?,
                scope: config.scope(),
                proof,
            })
        };
        let source = match credential {
            EntraCredential::GraphToken => {
                Source::Given(given.clone().ok_or_else(|| missing("GRAPH_TOKEN"))?)
            }
            EntraCredential::ClientSecret => {
                let secret = secret
                    .clone()
                    .ok_or_else(|| missing("AZURE_CLIENT_SECRET"))?;
                application(Proof::Secret(secret))?
            }
            EntraCredential::WorkloadIdentity => {
                let file = config.federated_token_file.clone();
                let file = file.ok_or_else(|| {
                    missing("federated-token-file (or AZURE_FEDERATED_TOKEN_FILE)")
                })?;
                application(Proof::AssertionFile(file))?
            }
            EntraCredential::Az => Source::Az {
                tenant: config.tenant_id.clone(),
            },
        };
        Ok(Self {
            source,
            http,
            current: Mutex::default(),
        })
    }

    /// The application's id, and the secret that it proves itself with.
    pub(super) fn secret(&self) -> Option<(&str, &str)> {
        match &self.source {
            Source::Application {
                client_id,
                proof: Proof::Secret(secret),
                ..
            } => Some((client_id, secret)),
            _ => None,
        }
    }

    /// An access token.
    pub(super) async fn token(&self) -> Result<Zeroizing<String>, SinkError> {
        let known = self.current.lock().ok().and_then(|current| current.clone());
        if let Some((token, until)) = known
            && Instant::now() < until
        {
            return Ok(token);
        }
        let (token, life) = match &self.source {
            Source::Given(token) => return Ok(token.clone()),
            Source::Az { tenant } => az::token(tenant.as_deref()).await?,
            Source::Application {
                url,
                client_id,
                scope,
                proof,
            } => self.ask(url, client_id, scope, proof).await?,
        };
        let until = Instant::now() + life.saturating_sub(MARGIN);
        if let Ok(mut current) = self.current.lock() {
            *current = Some((token.clone(), until));
        }
        Ok(token)
    }

    /// Graph doesn't take the token. Whether there can be another.
    pub(super) fn reject(&self) -> bool {
        if let Ok(mut current) = self.current.lock() {
            *current = None;
        }
        !matches!(self.source, Source::Given(_))
    }

    async fn ask(
        &self,
        url: &str,
        client_id: &str,
        scope: &str,
        proof: &Proof,
    ) -> Result<(Zeroizing<String>, Duration), SinkError> {
        let mut form = Form::default();
        form.add("grant_type", "client_credentials");
        form.add("client_id", client_id);
        form.add("scope", scope);
        match proof {
            Proof::Secret(secret) => form.add("client_secret", secret),
            Proof::AssertionFile(path) => {
                let assertion = std::fs::read_to_string(path).map(Zeroizing::new);
                let assertion = assertion.map_err(|error| {
                    SinkError::new(format!("federated-token-file: can't read {path}: {error}"))
                })?;
                form.add("client_assertion_type", ASSERTION);
                form.add("client_assertion", assertion.trim());
            }
        }
        let request = Request::post(url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(form.0))
            .map_err(|_| SinkError::new("tenant-id: not one that a URL can have"))?;
        let failed = |why: String| SinkError::new(format!("no access token for Graph: {why}"));
        let response = self.http.send(request).await;
        let response = response.map_err(|error| failed(error.to_string()))?;
        if response.status() != StatusCode::OK {
            let told: Refusal = serde_json::from_slice(response.body()).unwrap_or_default();
            return Err(failed(told.explain(response.status())));
        }
        let granted: Result<Granted, _> = serde_json::from_slice(response.body());
        let granted = granted.map_err(|_| failed("an answer that can't be understood".into()))?;
        let life = Duration::from_secs(granted.expires_in);
        Ok((Zeroizing::new(granted.access_token), life))
    }
}

impl fmt::Display for EntraCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GraphToken => "graph-token",
            Self::ClientSecret => "client-secret",
            Self::WorkloadIdentity => "workload-identity",
            Self::Az => "az",
        })
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match &self.source {
            Source::Given(_) => "graph-token",
            Source::Application {
                proof: Proof::Secret(_),
                ..
            } => "client-secret",
            Source::Application {
                proof: Proof::AssertionFile(_),
                ..
            } => "workload-identity",
            Source::Az { .. } => "az",
        };
        f.debug_struct("Access")
            .field("source", &source)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: u64,
}

/// RFC 6749, section 5.2.
#[derive(Deserialize, Default)]
struct Refusal {
    #[serde(default)]
    error: String,
    /// Microsoft's begins with a code, AADSTS and digits, which says more than the error does.
    #[serde(default)]
    error_description: String,
}

impl Refusal {
    /// The description is the server's own text: nothing of it but its code is repeated.
    fn explain(&self, status: StatusCode) -> String {
        let code = self.error_description.split(':').next().unwrap_or_default();
        let is_code =
            code.starts_with("AADSTS") && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let code = if is_code { code } else { "" };
        let advice = match &*self.error {
            "invalid_client" => {
                "the client secret or the federated credential isn't valid for this application"
            }
            "unauthorized_client" => "client-id isn't known in this tenant",
            "invalid_scope" => "the scope isn't known: is this the right cloud?",
            _ => "",
        };
        let parts = [status.as_str(), &self.error, code, advice];
        let parts: Vec<_> = parts
            .into_iter()
            .filter(|part| !part.is_empty() && part.len() < 100)
            .collect();
        parts.join(", ")
    }
}

/// `application/x-www-form-urlencoded`.
#[derive(Default)]
struct Form(String);

impl Form {
    fn add(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                self.0.push(char::from(byte));
            } else {
                let digit = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble)]);
                self.0.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
}
