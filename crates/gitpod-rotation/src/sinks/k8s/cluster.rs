//! Which cluster, by whose right, and one call of its API.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use gitpod_client::connect_hyper::is_private;
use gitpod_client::http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper_util::client::proxy::matcher::Matcher;
use kube::client::{AuthError, Body};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::driver::without;
use crate::sink::SinkError;
use crate::token::Token;

/// How long a call may take, its connection included.
const CALL: Duration = Duration::from_secs(if cfg!(test) { 4 } else { 15 });
/// How long it may take to get a credential, which a command that the kubeconfig names may be asked for. Some
/// wait for a person.
const CREDENTIAL: Duration = Duration::from_secs(if cfg!(test) { 4 } else { 60 });
/// A Secret has a megabyte at most, a third more in base64, and as much of metadata.
const LARGEST: usize = 4 * 1024 * 1024;

/// Where the settings are.
#[derive(Debug, Clone, Default)]
pub(super) struct Source {
    /// In place of `KUBECONFIG` and `~/.kube/config`.
    pub(super) kubeconfig: Option<PathBuf>,
    pub(super) context: Option<String>,
}

/// A connection to the API server.
pub(super) struct Cluster {
    client: Client,
    /// For messages.
    url: Uri,
}

/// An answer that isn't a success.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// The server's own words, the token taken out.
    pub(super) message: String,
}

impl Cluster {
    /// Reads the settings anew each time: tokens of service accounts are replaced while we run.
    pub(super) async fn connect(source: &Source) -> Result<Self, SinkError> {
        let mut config = source.config().await?;
        let url = config.cluster_url.clone();
        if !is_private(&url) {
            return Err(SinkError::new(format!(
                "the API server's URL, {url}, has to be https (http is for this machine alone)"
            )));
        }
        if config.accept_invalid_certs {
            return Err(SinkError::new(format!(
                "the kubeconfig has insecure-skip-tls-verify for {url}, and a token isn't sent to who knows \
                 whom: put the cluster's certificate-authority there"
            )));
        }
        // A refusal is tried again later, by the rotation.
        config.default_retry = false;
        config.connect_timeout = Some(CALL);
        leave_out_the_proxy(&mut config);
        Ok(Self {
            client: client(config).await?,
            url,
        })
    }

    pub(super) fn url(&self) -> &Uri {
        &self.url
    }

    /// What the server answers, with the status of its success. (kube's own methods would log an answer that
    /// they don't understand, a Secret's too.)
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        request: Result<Request<Vec<u8>>, kube::core::request::Error>,
        token: Option<&Token>,
    ) -> Result<Result<(StatusCode, T), Refusal>, SinkError> {
        let failed =
            |why: String| SinkError::new(format!("the Kubernetes API at {}: {why}", self.url));
        // The names in it were checked, and the rest is ours.
        let request = request.map_err(|_| failed("no request could be made".into()))?;
        let answer = async {
            let response = self.client.send(request.map(Body::from)).await;
            let response = response.map_err(|error| of_transport(&error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, LARGEST).collect().await;
            let body = body.map_err(|_| "the answer was cut off, or is too long".to_owned())?;
            Ok((head.status, body.to_bytes()))
        };
        let answer = timeout(CALL, answer).await;
        let answer = answer.map_err(|_| failed(format!("no answer in {} s", CALL.as_secs())))?;
        let (status, body) = answer.map_err(failed)?;
        if status.is_success() {
            let read = serde_json::from_slice(&body);
            let read = read.map_err(|_| failed("an answer that can't be understood".into()))?;
            return Ok(Ok((status, read)));
        }
        let told = serde_json::from_slice::<kube::core::Status>(&body).unwrap_or_default();
        let refusal = Refusal {
            status,
            message: shown(&told.message, token),
        };
        match status {
            StatusCode::UNAUTHORIZED => Err(failed(
                "it doesn't take the credential (401): it has expired, or is another cluster's"
                    .into(),
            )),
            _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(failed(refusal.to_string()))
            }
            _ => Ok(Err(refusal)),
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.status)?;
        match &*self.message {
            "" => Ok(()),
            message => write!(f, ": {message}"),
        }
    }
}

/// A text of the server's, or of one that it asks: the token isn't in it, nor as a Secret has it.
fn shown(message: &str, token: Option<&Token>) -> String {
    let plain = token.map(Token::expose);
    let encoded = plain.map(super::encoded);
    let text = without(
        &without(message, plain),
        encoded.as_deref().map(String::as_str),
    );
    text.chars().take(1000).collect()
}

impl Source {
    /// Whether it is the pod's own cluster, as its service account.
    pub(super) fn is_pod(&self) -> bool {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_named = self.kubeconfig.is_some() || self.context.is_some() || is_set("KUBECONFIG");
        !is_named && is_set("KUBERNETES_SERVICE_HOST")
    }

    /// As kubectl looks for it: what is named, then KUBECONFIG, then the pod's own, then `~/.kube/config`.
    async fn config(&self) -> Result<Config, SinkError> {
        if self.is_pod() {
            return Config::incluster_env().map_err(|error| {
                SinkError::new(format!("the pod's service account can't be used: {error}"))
            });
        }
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        let config = match &self.kubeconfig {
            None => Config::from_kubeconfig(&options).await,
            Some(path) => match Kubeconfig::read_from(path) {
                Ok(read) => Config::from_custom_kubeconfig(read, &options).await,
                Err(error) => Err(error),
            },
        };
        config.map_err(|error| {
            SinkError::new(format!(
                "the kubeconfig can't be used: {}",
                of_kubeconfig(&error)
            ))
        })
    }
}

/// kube takes HTTPS_PROXY from the environment, and knows of no exceptions from it.
fn leave_out_the_proxy(config: &mut Config) {
    let variables = ["HTTPS_PROXY", "https_proxy"];
    let from_environment = variables.into_iter().any(|name| {
        let value = std::env::var(name)
            .ok()
            .and_then(|value| value.parse().ok());
        value.is_some() && value == config.proxy_url
    });
    if from_environment && Matcher::from_env().intercept(&config.cluster_url).is_none() {
        config.proxy_url = None;
    }
}

/// Makes the client, on a thread that may hang: the kubeconfig's command is run here.
async fn client(config: Config) -> Result<Client, SinkError> {
    let (send, made) = tokio::sync::oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    std::thread::spawn(move || {
        let _entered = runtime.enter();
        // Nobody may be waiting any more.
        let _ = send.send(Client::try_from(config));
    });
    let failed = |why: &str| SinkError::new(format!("no credential for the Kubernetes API: {why}"));
    match timeout(CREDENTIAL, made).await {
        Err(_) => Err(failed("the command that the kubeconfig names doesn't end")),
        // kube panics at a token that no header can have.
        Ok(Err(_)) => Err(failed("what the settings say of the user can't be used")),
        Ok(Ok(Ok(client))) => Ok(client),
        Ok(Ok(Err(kube::Error::Auth(error)))) => Err(failed(&of_credential(&error))),
        Ok(Ok(Err(error))) => Err(failed(&of_transport(&error))),
    }
}

/// Of a kubeconfig nothing is shown but names: it holds credentials.
fn of_kubeconfig(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(_) => "it isn't one, or not YAML".into(),
        KubeconfigError::CurrentContextNotSet => {
            "there is none, or it has no current context: see `kubectl config get-contexts`".into()
        }
        KubeconfigError::LoadContext(name) => format!("it has no context {name:?}"),
        KubeconfigError::LoadClusterOfContext(name) => format!("it has no cluster {name:?}"),
        KubeconfigError::ReadConfig(why, path) => format!("{}: {why}", path.display()),
        KubeconfigError::FindPath => "there is none".into(),
        KubeconfigError::MissingClusterUrl => "its cluster has no server".into(),
        KubeconfigError::LoadCertificateAuthority(_) | KubeconfigError::ParseCertificates(_) => {
            "its certificate authority can't be read".into()
        }
        _ => "something in it has another form than expected".into(),
    }
}

/// What a command has printed isn't shown: a credential may be in it.
fn of_credential(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecStart(why) => {
            format!("the command that the kubeconfig names can't be run: {why}")
        }
        AuthError::AuthExecRun { status, .. } => {
            format!("the command that the kubeconfig names has failed ({status})")
        }
        AuthError::ReadTokenFile(why, path) => format!("{}: {why}", path.display()),
        _ => "what the settings say of the user can't be used".into(),
    }
}

/// Of all that lies below, what the system or TLS says.
fn of_transport(error: &kube::Error) -> String {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    let mut said = None;
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<AuthError>() {
            return of_credential(error);
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            said = Some(error.to_string());
        }
        cause = error.source();
    }
    said.map_or_else(
        || "it can't be reached".into(),
        |said| format!("it can't be reached: {said}"),
    )
}
