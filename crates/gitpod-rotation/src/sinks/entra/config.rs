//! What an Entra sink has to be told.

use std::ffi::OsString;
use std::fmt;

use gitpod_client::connect_hyper::is_private;
use gitpod_client::types;
use serde::Deserialize;

use super::access::EntraCredential;
use crate::sink::SinkError;

/// Where an Entra sink's token goes, and who may save it there. Each field stands in a TOML table, its name
/// with hyphens (`service-principal-id`), or in the environment ([`or_env`](Self::or_env)); secrets stand in the environment or in files alone.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct EntraConfig {
    /// The object id of the enterprise application's service principal, a UUID: "Object ID" on its overview
    /// page. `ENTRA_SERVICE_PRINCIPAL_ID`. Required.
    pub service_principal_id: String,
    /// The provisioning job. `ENTRA_JOB_ID`. Unless set, the application's one job.
    pub job_id: Option<String>,
    /// The SCIM endpoint's URL. `ENTRA_BASE_ADDRESS`. Needed only where Entra doesn't show the one that it has.
    pub base_address: Option<String>,
    /// The directory. `AZURE_TENANT_ID`. Needed with a client secret or a workload identity.
    pub tenant_id: Option<String>,
    /// The application that rotates. `AZURE_CLIENT_ID`. Needed with a client secret or a workload identity.
    pub client_id: Option<String>,
    /// The file with a workload identity's assertion. `AZURE_FEDERATED_TOKEN_FILE`.
    pub federated_token_file: Option<String>,
    /// Where access tokens are issued: `https://login.microsoftonline.com/` unless set, or what fits the cloud.
    /// `AZURE_AUTHORITY_HOST`.
    pub authority_host: Option<String>,
    /// Microsoft Graph's base URL: what fits the cloud unless set. `ENTRA_GRAPH_URL`.
    pub graph_url: Option<String>,
    /// The cloud. `ENTRA_CLOUD`.
    pub cloud: Cloud,
    /// Which credential is used. `ENTRA_CREDENTIAL`. Unless set, the first that is there: `graph-token`
    /// (`GRAPH_TOKEN`), `client-secret` (`AZURE_CLIENT_SECRET`), `workload-identity`, `az` (the Azure
    /// CLI's session).
    pub credential: Option<EntraCredential>,
    #[serde(skip)]
    pub(super) client_secret: Secret,
    #[serde(skip)]
    pub(super) graph_token: Secret,
}

/// A cloud of Microsoft's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Cloud {
    /// The worldwide one.
    #[default]
    Global,
    /// The United States government's, level 4.
    UsGovernment,
    /// The United States government's, level 5 (DoD).
    UsGovernmentDod,
}

/// A text that doesn't print. It is there or it isn't.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Secret(pub(super) Option<zeroize::Zeroizing<String>>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "[redacted]"
        } else {
            "None"
        })
    }
}

impl EntraConfig {
    /// Takes what isn't set from the environment, which `variable` looks up.
    ///
    /// # Errors
    ///
    /// A variable that can't be used, by its name.
    pub fn or_env(
        mut self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, SinkError> {
        let text = |name: &str| match variable(name).filter(|value| !value.is_empty()) {
            None => Ok(None),
            Some(value) => match value.into_string() {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(SinkError::new(format!("{name} isn't Unicode"))),
            },
        };
        if self.service_principal_id.is_empty() {
            self.service_principal_id = text("ENTRA_SERVICE_PRINCIPAL_ID")?.unwrap_or_default();
        }
        for (field, name) in [
            (&mut self.job_id, "ENTRA_JOB_ID"),
            (&mut self.base_address, "ENTRA_BASE_ADDRESS"),
            (&mut self.tenant_id, "AZURE_TENANT_ID"),
            (&mut self.client_id, "AZURE_CLIENT_ID"),
            (&mut self.federated_token_file, "AZURE_FEDERATED_TOKEN_FILE"),
            (&mut self.authority_host, "AZURE_AUTHORITY_HOST"),
            (&mut self.graph_url, "ENTRA_GRAPH_URL"),
        ] {
            if field.is_none() {
                *field = text(name)?;
            }
        }
        if let (Cloud::Global, Some(cloud)) = (self.cloud, text("ENTRA_CLOUD")?) {
            self.cloud = word(&cloud).ok_or_else(|| {
                SinkError::new("ENTRA_CLOUD: expected global, us-government or us-government-dod")
            })?;
        }
        if let (None, Some(credential)) = (self.credential, text("ENTRA_CREDENTIAL")?) {
            self.credential = Some(word(&credential).ok_or_else(|| {
                SinkError::new(
                    "ENTRA_CREDENTIAL: expected graph-token, client-secret, workload-identity or az",
                )
            })?);
        }
        self.client_secret = Secret(text("AZURE_CLIENT_SECRET")?.map(Into::into));
        self.graph_token = Secret(text("GRAPH_TOKEN")?.map(Into::into));
        Ok(self)
    }

    /// What can be seen to be wrong before anything is called.
    pub(super) fn check(&self) -> Result<(), SinkError> {
        let id = &self.service_principal_id;
        if id.is_empty() {
            return Err(SinkError::new(
                "service-principal-id (or ENTRA_SERVICE_PRINCIPAL_ID) is missing: the object id of the \
                 enterprise application, from its overview page",
            ));
        }
        if !types::is_uuid(id) {
            return Err(SinkError::new(
                "service-principal-id: expected a UUID, the enterprise application's object id",
            ));
        }
        for (field, url) in [
            ("authority-host", self.authority_host()),
            ("graph-url", self.graph_url()),
        ] {
            if !url.parse().is_ok_and(|uri| is_private(&uri)) {
                return Err(SinkError::new(format!(
                    "{field}: expected an https URL (http is for this machine alone)"
                )));
            }
        }
        Ok(())
    }

    /// With a slash at its end, or without.
    pub(super) fn authority_host(&self) -> &str {
        self.authority_host.as_deref().unwrap_or(match self.cloud {
            Cloud::Global => "https://login.microsoftonline.com",
            Cloud::UsGovernment | Cloud::UsGovernmentDod => "https://login.microsoftonline.us",
        })
    }

    pub(super) fn graph_url(&self) -> &str {
        self.graph_url.as_deref().unwrap_or(match self.cloud {
            Cloud::Global => "https://graph.microsoft.com/v1.0",
            Cloud::UsGovernment => "https://graph.microsoft.us/v1.0",
            Cloud::UsGovernmentDod => "https://dod-graph.microsoft.us/v1.0",
        })
    }

    /// What access tokens are asked for: Graph itself, in its cloud.
    pub(super) fn scope(&self) -> &'static str {
        match self.cloud {
            Cloud::Global => "https://graph.microsoft.com/.default",
            Cloud::UsGovernment => "https://graph.microsoft.us/.default",
            Cloud::UsGovernmentDod => "https://dod-graph.microsoft.us/.default",
        }
    }
}

fn word<T: for<'de> Deserialize<'de>>(text: &str) -> Option<T> {
    let text: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
        serde::de::IntoDeserializer::into_deserializer(text);
    T::deserialize(text).ok()
}
