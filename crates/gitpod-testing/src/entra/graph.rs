//! Microsoft Graph v1.0: secrets, jobs, and what can be done with them.

use std::sync::Mutex;
use std::time::SystemTime;

use bytes::Bytes;
use connect_hyper::HttpClient;
use gitpod_types::{Timestamp, TimestampExt as _};
use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Method, Request, StatusCode};
use serde_json::{Value, json};

use super::answer::{Answer, graph_error, nothing, of};
use super::lock;
use super::state::{EntraRight, State};
use crate::credential::bearer;

/// What is to be done with an answer.
pub(super) enum Outcome {
    Answered(Answer),
    /// The connection is closed without one.
    Lost,
}

/// Answers a request to `path`, which is what follows `/v1.0`.
pub(super) async fn answer(
    state: &Mutex<State>,
    scim: &HttpClient,
    parts: &Parts,
    path: &str,
    body: &[u8],
) -> Outcome {
    if let Some(refusal) = refused(&mut lock(state), parts) {
        return Outcome::Answered(refusal);
    }
    let (owner, job_id) = {
        let state = lock(state);
        (
            format!(
                "/servicePrincipals/{}/synchronization",
                state.service_principal_id
            ),
            state.job_id.clone(),
        )
    };
    let applications = format!("/applications(appId='{}')", lock(state).client_id);
    if path == applications && parts.method == Method::GET {
        return Outcome::Answered(application(&lock(state)));
    }
    let Some(rest) = path.strip_prefix(&owner) else {
        return Outcome::Answered(not_found());
    };
    let job = format!("/jobs/{job_id}");
    let answer = match (&parts.method, rest, rest.strip_prefix(&job)) {
        (&Method::GET, "/secrets", _) => read_secrets(&lock(state)),
        (&Method::PUT, "/secrets", _) => return write_secrets(&mut lock(state), parts, body),
        (&Method::GET, "/jobs", _) => jobs(&lock(state)),
        (&Method::POST, _, Some("/validateCredentials")) => validate(state, scim, body).await,
        (&Method::POST, _, Some("/start")) => start(&mut lock(state)),
        _ => not_found(),
    };
    Outcome::Answered(answer)
}

/// What stands in the way of every request.
fn refused(state: &mut State, parts: &Parts) -> Option<Answer> {
    if state.throttled.0 > 0 {
        state.throttled.0 -= 1;
        let mut answer = graph_error(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            "slow down",
        );
        let seconds = HeaderValue::from(state.throttled.1);
        answer.headers_mut().insert(RETRY_AFTER, seconds);
        return Some(answer);
    }
    if state.failing.0 > 0 {
        state.failing.0 -= 1;
        let status = StatusCode::from_u16(state.failing.1);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        return Some(graph_error(status, "generalException", "try again"));
    }
    let is_known = bearer(&parts.headers).is_some_and(|token| state.is_issued(token));
    (!is_known).then(|| {
        let why = "Lifetime validation failed, the token is expired.";
        graph_error(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", why)
    })
}

fn not_found() -> Answer {
    graph_error(
        StatusCode::NOT_FOUND,
        "Request_ResourceNotFound",
        "there is no such resource",
    )
}

fn forbidden(state: &State, right: EntraRight) -> Option<Answer> {
    (!state.may(right)).then(denied)
}

fn denied() -> Answer {
    let why = "Insufficient privileges to complete the operation.";
    graph_error(StatusCode::FORBIDDEN, "Authorization_RequestDenied", why)
}

fn read_secrets(state: &State) -> Answer {
    if let Some(refusal) = forbidden(state, EntraRight::Read) {
        return refusal;
    }
    let value: Vec<_> = state
        .shown()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect();
    of(StatusCode::OK, &json!({ "value": value }))
}

fn write_secrets(state: &mut State, parts: &Parts, body: &[u8]) -> Outcome {
    if let Some(refusal) = forbidden(state, EntraRight::Write) {
        return Outcome::Answered(refusal);
    }
    let content_type = parts.headers.get(http::header::CONTENT_TYPE);
    let is_json =
        content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    let Some(pairs) = is_json.then(|| pairs(body)).flatten() else {
        let why = "expected {\"value\":[{\"key\":…,\"value\":…}]} in JSON";
        return Outcome::Answered(graph_error(StatusCode::BAD_REQUEST, "BadRequest", why));
    };
    state.write(&pairs);
    if std::mem::take(&mut state.loses_answer) {
        return Outcome::Lost;
    }
    Outcome::Answered(nothing())
}

fn pairs(body: &[u8]) -> Option<Vec<(String, String)>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let pairs = body.get("value")?.as_array()?;
    pairs
        .iter()
        .map(|pair| {
            let text = |name| Some(pair.get(name)?.as_str()?.to_owned());
            Some((text("key")?, text("value")?))
        })
        .collect()
}

fn jobs(state: &State) -> Answer {
    if let Some(refusal) = forbidden(state, EntraRight::Read) {
        return refusal;
    }
    let code = match (state.is_paused, &state.quarantine) {
        (true, _) => "Paused",
        (false, Some(_)) => "Quarantine",
        (false, None) => "Active",
    };
    let quarantine = state.quarantine.as_ref().map(|quarantine| {
        json!({
            "reason": quarantine.reason,
            "seriesBegan": rfc3339(quarantine.since),
            "currentBegan": rfc3339(quarantine.since),
            "seriesCount": 1,
        })
    });
    let job = json!({
        "id": state.job_id,
        "templateId": "scim",
        "status": {"code": code, "quarantine": quarantine},
    });
    of(StatusCode::OK, &json!({ "value": [job] }))
}

fn rfc3339(time: SystemTime) -> Option<String> {
    Timestamp::from_system_time(time).ok()?.to_json_text().ok()
}

async fn validate(state: &Mutex<State>, scim: &HttpClient, body: &[u8]) -> Answer {
    if let Some(refusal) = forbidden(&lock(state), EntraRight::Write) {
        return refusal;
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    if body.get("useSavedCredentials") != Some(&Value::Bool(true)) {
        let why = "this server validates saved credentials alone";
        return graph_error(StatusCode::BAD_REQUEST, "BadRequest", why);
    }
    if saved_work(state, scim).await {
        return nothing();
    }
    let why = "The credentials could not be validated against the SCIM endpoint.";
    graph_error(
        StatusCode::BAD_REQUEST,
        "CredentialValidationUnavailable",
        why,
    )
}

/// Calls the SCIM endpoint as Entra's own test does.
pub(super) async fn saved_work(state: &Mutex<State>, scim: &HttpClient) -> bool {
    let saved = {
        let state = lock(state);
        state
            .saved("BaseAddress")
            .zip(state.saved("SecretToken"))
            .map(|(address, token)| (address.to_owned(), format!("Bearer {token}")))
    };
    let Some((address, token)) = saved else {
        return false;
    };
    let (address, _) = address.split_once('?').unwrap_or((&address, ""));
    let filter = "filter=userName%20eq%20%22f7c6ab9d-0f5c-4d5e-9f50-0b1b0d1d5a5e%22&count=1";
    let request = Request::get(format!("{}/Users?{filter}", address.trim_end_matches('/')))
        .header(AUTHORIZATION, token)
        .body(Bytes::new());
    match request {
        Ok(request) => scim
            .send(request)
            .await
            .is_ok_and(|answer| answer.status().is_success()),
        Err(_) => false,
    }
}

fn start(state: &mut State) -> Answer {
    if let Some(refusal) = forbidden(state, EntraRight::Write) {
        return refusal;
    }
    state.starts += 1;
    state.quarantine = None;
    state.is_paused = false;
    nothing()
}

/// The application that rotates, as it may read itself where it owns things.
fn application(state: &State) -> Answer {
    if !state.is_owned {
        return denied();
    }
    let secret = state.client_secret.reveal();
    of(
        StatusCode::OK,
        &json!({
            "appId": state.client_id,
            "passwordCredentials": [{
                "hint": secret.get(..3),
                "endDateTime": "2031-05-20T10:00:00Z",
            }],
        }),
    )
}
