//! The calls of Ona's API.

use std::time::Duration;

use gitpod_client::types::v1::{
    self, GetScimConfigurationRequest, ListAuditLogsRequest, RegenerateScimTokenRequest,
    ResourceType,
};
use gitpod_client::types::{self, TimestampExt};
use gitpod_client::{
    Client, ClientBuilder, Code, Codec, Error, Execution, Idempotency, RetryPolicy,
};
use jiff::Timestamp;

use super::credential::identity;
use crate::event::{Asked, Audit};
use crate::{Probe, RawAnswer, Reading, Unreadable};

/// What a server decides before it does anything (rule 4).
const REFUSALS: [Code; 7] = [
    Code::Unauthenticated,
    Code::PermissionDenied,
    Code::InvalidArgument,
    Code::NotFound,
    Code::Unimplemented,
    Code::FailedPrecondition,
    Code::ResourceExhausted,
];
/// Audit log and personal access tokens are looked through so far: more isn't anybody's.
pub(super) const PAGES: usize = 20;
const PAGE_SIZE: i32 = 100;

/// Ona, for one SCIM configuration.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) client: Client,
    configuration: String,
}

/// What came of a call, and what there is to say of it.
pub(super) struct Told<T> {
    pub(super) result: T,
    pub(super) error: Option<String>,
}

impl<T> Told<T> {
    pub(super) fn new(result: T) -> Self {
        Self {
            result,
            error: None,
        }
    }

    fn failed(result: T, error: &Error) -> Self {
        Self {
            result,
            error: Some(error.to_string()),
        }
    }
}

impl Service {
    /// The answers are kept as they come, so they have to be what a person can read: JSON, and not
    /// compressed.
    pub(super) fn new(client: ClientBuilder, configuration: &str) -> Result<Self, Error> {
        let client = client
            .codec(Codec::Json)
            .runtime(|runtime| runtime.accept_compression([]))
            .build()?;
        Ok(Self {
            client,
            configuration: configuration.to_owned(),
        })
    }

    /// `GetSCIMConfiguration`, with the client's own retries; and whether the configuration is enabled,
    /// without which no token of it works.
    pub(super) async fn read(&self) -> Told<Result<(Reading, bool), Unreadable>> {
        let request = GetScimConfigurationRequest {
            scim_configuration_id: self.configuration.clone(),
        };
        let call = self.client.organization().get_scim_configuration(request);
        let response = match call.await {
            Ok(response) => response,
            Err(error) if error.code() == Code::NotFound && error.is_from_server() => {
                return Told::failed(Err(Unreadable::NotFound), &error);
            }
            Err(error) => return Told::failed(Err(Unreadable::Failed), &error),
        };
        let date = date(response.headers());
        let configuration = response.scim_configuration.as_ref();
        let expires_at = configuration
            .and_then(|configuration| configuration.token_expires_at.as_ref()?.to_jiff().ok());
        match expires_at {
            Some(expires_at) => {
                let reading = Reading {
                    expires_at,
                    date,
                    probe: Probe::Unknown,
                };
                let enabled = configuration.is_some_and(|configuration| configuration.enabled);
                Told::new(Ok((reading, enabled)))
            }
            None => Told {
                result: Err(Unreadable::Failed),
                error: Some("the answer has no token_expires_at that can be read".into()),
            },
        }
    }

    /// Rule 4: asks once. The answer comes as it is, and is nobody's but the escrow's yet.
    pub(super) async fn ask(
        &self,
        life_seconds: u64,
        deadline: Duration,
    ) -> Told<(Asked, Option<RawAnswer>)> {
        let request = RegenerateScimTokenRequest {
            scim_configuration_id: self.configuration.clone(),
            token_expires_in: Some(types::Duration {
                seconds: crate::time::seconds(life_seconds),
                nanos: 0,
            }),
        };
        let call = self
            .client
            .organization()
            .regenerate_scim_token(request)
            .timeout(deadline)
            .retry(RetryPolicy::none());
        let mut raw = match call.send().await {
            Ok(raw) => raw,
            Err(error) => return Told::failed((outcome(&error), None), &error),
        };
        // Of an error body the status decides if it can't be read, and that is what this error is.
        if let Err(error) = raw.read().await {
            return Told::failed((outcome(&error), None), &error);
        }
        if raw.status() == 200 {
            let date = date(raw.headers());
            let answer = RawAnswer::new(raw.body().to_vec());
            return Told::new((Asked::Answered { date }, Some(answer)));
        }
        match raw.decode() {
            Ok(_) => Told::new((Asked::Ambiguous, None)),
            Err(error) => Told::failed((outcome(&error), None), &error),
        }
    }

    /// Whether someone else is in the audit log.
    pub(super) async fn audit(&self, since: Option<Timestamp>) -> Told<(Audit, bool)> {
        let since = since.and_then(|since| types::Timestamp::from_jiff(since).ok());
        match self.changed_by_another(since).await {
            Ok(true) => Told::new((Audit::SomeoneElse, true)),
            Ok(false) => Told::new((Audit::Nothing, true)),
            Err(error) => Told::failed((Audit::Nothing, false), &error),
        }
    }

    async fn changed_by_another(&self, from: Option<types::Timestamp>) -> Result<bool, Error> {
        let (us, _) = identity(&self.client).await?;
        if us.is_empty() {
            return Err(Error::new(
                Code::FailedPrecondition,
                "it isn't told who we are",
            ));
        }
        let filter = v1::list_audit_logs_request::Filter {
            subject_ids: vec![self.configuration.clone()],
            subject_types: vec![ResourceType::ScimConfiguration.into()],
            from,
            ..Default::default()
        };
        let mut token = String::new();
        for _ in 0..PAGES {
            let request = ListAuditLogsRequest {
                pagination: page(token),
                filter: Some(filter.clone()),
                ..Default::default()
            };
            let response = self.client.event().list_audit_logs(request).await?;
            let response = response.into_inner();
            // That the filter was heeded isn't taken on trust.
            let theirs = |entry: &v1::list_audit_logs_response::AuditLogEntry| {
                entry.subject_id == self.configuration && entry.actor_id != us
            };
            if response.entries.iter().any(theirs) {
                return Ok(true);
            }
            token = response.pagination.unwrap_or_default().next_token;
            if token.is_empty() {
                break;
            }
        }
        Ok(false)
    }
}

pub(super) fn page(token: String) -> Option<v1::PaginationRequest> {
    Some(v1::PaginationRequest {
        token,
        page_size: PAGE_SIZE,
    })
}

/// Rule 4: what is provable of an ask that failed.
fn outcome(error: &Error) -> Asked {
    if !error.may_repeat(Idempotency::Unknown, &REFUSALS) {
        return Asked::Ambiguous;
    }
    match (error.execution(), error.code()) {
        (Execution::NotSent, _) => Asked::NotSent,
        (_, Code::ResourceExhausted) => Asked::Busy,
        (_, Code::NotFound) => Asked::NotFound,
        _ => Asked::Refused,
    }
}

/// The `Date` header of an answer, if there is one that can be read.
pub fn date(headers: &gitpod_client::http::HeaderMap) -> Option<Timestamp> {
    let text = headers.get("date")?.to_str().ok()?;
    Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_date_is_read_or_there_is_none() {
        let date = |text: &'static str| {
            let mut headers = gitpod_client::http::HeaderMap::new();
            headers.insert("date", text.parse().unwrap());
            super::date(&headers)
        };
        let expected = "2026-11-24T08:00:00Z".parse().unwrap();
        assert_eq!(date("Tue, 24 Nov 2026 08:00:00 GMT"), Some(expected));
        assert_eq!(date("yesterday"), None);
        assert_eq!(super::date(&Default::default()), None);
    }
}
