//! The requests to Microsoft Graph.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use gitpod_client::connect_hyper::{Client, HttpClient};
use gitpod_client::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::access::Access;
use super::config::EntraConfig;
use super::jobs::Job;
use crate::sink::SinkError;

/// How long one request may take. Validating has Entra call the SCIM endpoint meanwhile.
const TIMEOUT: Duration = Duration::from_secs(60);
/// No answer here is as large.
const LIMIT: usize = 1 << 20;
/// How often a request that was told to come later comes again, and how long that may take each time. What
/// lasts longer is the rotation's own to repeat.
const PATIENCE: (u32, Duration) = (3, Duration::from_secs(30));

#[derive(Debug)]
pub(super) struct Graph {
    http: HttpClient,
    access: Access,
    base: String,
    service_principal: String,
}

/// What is saved, as far as it is shown.
pub(super) struct Secrets(Vec<Pair>);

#[derive(Deserialize)]
struct Pair {
    key: String,
    value: Option<String>,
}

/// What Entra says of the saved token.
pub(super) enum Validation {
    Works,
    /// It was tried, and doesn't work. Why, by Graph's own code.
    Rejected(String),
}

#[derive(Deserialize)]
struct List<T> {
    value: Vec<T>,
}

impl Secrets {
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|pair| &*pair.key)
    }

    /// A value that isn't asterisks.
    pub(super) fn readable(&self, key: &str) -> Option<&str> {
        let pair = self.0.iter().find(|pair| pair.key == key)?;
        let value = pair.value.as_deref()?;
        (!value.is_empty() && !value.contains('*')).then_some(value)
    }
}

impl Graph {
    pub(super) fn new(config: &EntraConfig) -> Result<Self, SinkError> {
        let base = config.graph_url().trim_end_matches('/').to_owned();
        let http = Client::builder(&base)
            .timeout(TIMEOUT)
            .response_limit(LIMIT)
            .build_http()
            .map_err(|error| SinkError::new(format!("graph-url: {error}")))?;
        Ok(Self {
            access: Access::new(config, http.clone())?,
            http,
            base,
            service_principal: config.service_principal_id.clone(),
        })
    }

    fn synchronization(&self, rest: &str) -> String {
        format!(
            "{}/servicePrincipals/{}/synchronization{rest}",
            self.base, self.service_principal
        )
    }

    /// What is saved.
    pub(super) async fn secrets(&self) -> Result<Secrets, SinkError> {
        let url = self.synchronization("/secrets");
        let answer = self.send(Method::GET, &url, None).await?;
        let list: List<Pair> = answer.decoded("reading what is saved")?;
        Ok(Secrets(list.value))
    }

    /// Saves these pairs.
    pub(super) async fn save(&self, pairs: &[(&str, &str)]) -> Result<(), SinkError> {
        let value: Vec<_> = pairs
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value}))
            .collect();
        let body = Bytes::from(json!({ "value": value }).to_string());
        let url = self.synchronization("/secrets");
        let answer = self.send(Method::PUT, &url, Some(body)).await?;
        answer.succeeded("saving the token")
    }

    /// The jobs, and when this was so by Graph's clock.
    pub(super) async fn jobs(&self) -> Result<(Vec<Job>, Option<Timestamp>), SinkError> {
        let url = self.synchronization("/jobs");
        let answer = self.send(Method::GET, &url, None).await?;
        let date = crate::date(answer.0.headers());
        let list: List<Job> = answer.decoded("reading the provisioning jobs")?;
        Ok((list.value, date))
    }

    /// Has Entra try what is saved.
    pub(super) async fn validate(&self, job: &Job) -> Result<Validation, SinkError> {
        let url = self.synchronization(&format!("/jobs/{}/validateCredentials", job.id));
        let body = Bytes::from_static(br#"{"useSavedCredentials":true}"#);
        let answer = self.send(Method::POST, &url, Some(body)).await?;
        match answer.status() {
            status if status.is_success() => Ok(Validation::Works),
            // Who may not is told so before anything is tried.
            StatusCode::BAD_REQUEST
            | StatusCode::UNPROCESSABLE_ENTITY
            | StatusCode::FAILED_DEPENDENCY => Ok(Validation::Rejected(answer.code())),
            _ => Err(answer.error("having the saved token tried")),
        }
    }

    /// Starts a job, which lifts its quarantine.
    pub(super) async fn start(&self, job: &Job) -> Result<(), SinkError> {
        let url = self.synchronization(&format!("/jobs/{}/start", job.id));
        let answer = self.send(Method::POST, &url, None).await?;
        answer.succeeded("starting the provisioning job")
    }

    /// When our client secret ends, where we have one and may read that.
    pub(super) async fn credential_ends(&self) -> Result<Option<Timestamp>, SinkError> {
        let Some((client_id, secret)) = self.access.secret() else {
            return Ok(None);
        };
        let url = format!(
            "{}/applications(appId='{client_id}')?$select=passwordCredentials",
            self.base
        );
        let answer = self.send(Method::GET, &url, None).await?;
        if answer.status() == StatusCode::FORBIDDEN {
            return Ok(None);
        }
        let application: Application = answer.decoded("reading our own application")?;
        let ends = |password: &Password| password.end.as_ref()?.parse().ok();
        // Graph shows the beginning of each secret.
        let hinted = application.passwords.iter().filter(|password| {
            let hint = password.hint.as_deref().unwrap_or_default();
            !hint.is_empty() && secret.starts_with(hint)
        });
        // Of two that begin alike, the one that ends first.
        Ok(hinted.filter_map(ends).min())
    }

    /// Sends a request, again where it is told to come later or the access token has ended.
    async fn send(
        &self,
        method: Method,
        url: &str,
        body: Option<Bytes>,
    ) -> Result<Answer, SinkError> {
        let mut waits = 0;
        let mut is_renewed = false;
        loop {
            let token = self.access.token().await?;
            let mut bearer = HeaderValue::try_from(format!("Bearer {}", &*token))
                .map_err(|_| SinkError::new("the access token for Graph isn't one"))?;
            bearer.set_sensitive(true);
            let mut request = Request::builder()
                .method(method.clone())
                .uri(url)
                .header(header::AUTHORIZATION, bearer)
                .header(header::ACCEPT, "application/json");
            if body.is_some() {
                request = request.header(header::CONTENT_TYPE, "application/json");
            }
            let request = request
                .body(body.clone().unwrap_or_default())
                .map_err(|_| SinkError::new("graph-url or job-id: not what a URL can have"))?;
            let response = self.http.send(request).await;
            let response =
                response.map_err(|error| SinkError::new(format!("Microsoft Graph: {error}")))?;
            match response.status() {
                StatusCode::UNAUTHORIZED if !is_renewed && self.access.reject() => {
                    is_renewed = true
                }
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
                    if waits < PATIENCE.0 =>
                {
                    waits += 1;
                    match retry_after(response.headers()) {
                        Some(time) if time <= PATIENCE.1 => tokio::time::sleep(time).await,
                        _ => return Ok(Answer(response)),
                    }
                }
                _ => return Ok(Answer(response)),
            }
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys()).finish()
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(seconds.trim().parse().ok()?))
}

#[derive(Deserialize)]
struct Application {
    #[serde(default, rename = "passwordCredentials")]
    passwords: Vec<Password>,
}

#[derive(Deserialize)]
struct Password {
    hint: Option<String>,
    #[serde(rename = "endDateTime")]
    end: Option<String>,
}

/// What Graph answered.
struct Answer(Response<Bytes>);

#[derive(Deserialize, Default)]
struct ErrorBody {
    #[serde(default)]
    error: ErrorPart,
}

#[derive(Deserialize, Default)]
struct ErrorPart {
    #[serde(default)]
    code: String,
}

impl Answer {
    fn status(&self) -> StatusCode {
        self.0.status()
    }

    fn succeeded(self, what: &str) -> Result<(), SinkError> {
        if self.status().is_success() {
            return Ok(());
        }
        Err(self.error(what))
    }

    fn decoded<T: DeserializeOwned>(self, what: &str) -> Result<T, SinkError> {
        if !self.status().is_success() {
            return Err(self.error(what));
        }
        // What serde says may quote a value.
        serde_json::from_slice(self.0.body()).map_err(|_| {
            SinkError::new(format!(
                "Microsoft Graph: {what}: an answer that can't be understood"
            ))
        })
    }

    /// Graph's own code of an error. Its message, a text that it makes from what it was sent, isn't repeated.
    fn code(&self) -> String {
        let body: ErrorBody = serde_json::from_slice(self.0.body()).unwrap_or_default();
        let code = body.error.code;
        let is_plain = code.len() <= 80
            && code
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        match (is_plain, code.is_empty()) {
            (true, false) => format!("{}, {code}", self.status().as_u16()),
            _ => self.status().as_u16().to_string(),
        }
    }

    fn error(&self, what: &str) -> SinkError {
        let advice = match self.status() {
            StatusCode::UNAUTHORIZED => {
                ": the access token isn't valid any more. Get a new one for GRAPH_TOKEN, or sign in \
                 again with `az login`"
            }
            StatusCode::FORBIDDEN => {
                ": the right is missing. Either the rotating application owns the enterprise application \
                 and has Application.ReadWrite.OwnedBy, or it has Synchronization.ReadWrite.All; both need \
                 an administrator's consent. A person needs the role Application Administrator or Cloud \
                 Application Administrator"
            }
            StatusCode::NOT_FOUND => {
                ": there is no such enterprise application, or it has no provisioning: \
                 service-principal-id is the object id of the enterprise application, not of the app registration"
            }
            StatusCode::TOO_MANY_REQUESTS => ": Graph asks to come back later",
            _ => "",
        };
        SinkError::new(format!(
            "Microsoft Graph: {what} failed ({}){advice}",
            self.code()
        ))
    }
}
