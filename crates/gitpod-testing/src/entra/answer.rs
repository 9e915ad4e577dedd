//! Answers, and errors in the form that each of the two services gives them.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

pub(super) type Answer = Response<Bytes>;

pub(super) fn of(status: StatusCode, body: &Value) -> Answer {
    let mut answer = Response::new(Bytes::from(body.to_string()));
    *answer.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    answer
}

pub(super) fn nothing() -> Answer {
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

/// Microsoft Graph's.
pub(super) fn graph_error(status: StatusCode, code: &str, message: &str) -> Answer {
    of(
        status,
        &json!({"error": {"code": code, "message": message}}),
    )
}

/// OAuth's (RFC 6749, section 5.2).
pub(super) fn oauth_error(code: &str, description: &str) -> Answer {
    let status = match code {
        "invalid_client" => StatusCode::UNAUTHORIZED,
        _ => StatusCode::BAD_REQUEST,
    };
    of(
        status,
        &json!({"error": code, "error_description": description}),
    )
}

pub(super) fn dated(mut answer: Answer, now: std::time::SystemTime) -> Answer {
    if let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(now)) {
        answer.headers_mut().insert(DATE, date);
    }
    answer
}
