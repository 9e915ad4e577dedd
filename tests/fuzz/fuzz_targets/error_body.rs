//! The JSON of an error, in a response of each status. Checklist 13 to 16.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use connect_hyper::{Error, Execution};
use fuzz::{Answer, Echo, Raw, client, now, said};
use http::StatusCode;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// Statuses, and the codes that they stand for. Redirects have rules of their own.
const STATUSES: [(u16, &str); 14] = [
    (400, "internal"),
    (401, "unauthenticated"),
    (403, "permission_denied"),
    (404, "unimplemented"),
    (429, "unavailable"),
    (502, "unavailable"),
    (503, "unavailable"),
    (504, "unavailable"),
    (408, "unknown"),
    (409, "unknown"),
    (500, "unknown"),
    (418, "unknown"),
    (204, "unknown"),
    (299, "unknown"),
];

const CODES: [&str; 16] = [
    "canceled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
];

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else {
        return;
    };
    let (status, by_status) = STATUSES[usize::from(*first) % STATUSES.len()];
    let error = call(status, body);
    said(&error);
    assert_eq!(error.http_status().unwrap(), status);
    assert!(!matches!(
        error.execution(),
        Execution::NotSent | Execution::Executed
    ));

    let body: Option<Value> = serde_json::from_slice(body).ok();
    let code = body
        .as_ref()
        .and_then(|body| body.get("code"))
        .and_then(Value::as_str);
    let known = code.filter(|code| CODES.contains(code));
    if error.is_from_server() {
        assert_eq!(Some(error.code().as_str()), known);
    } else {
        assert_eq!(error.code().as_str(), by_status);
        assert!(error.may_have_executed());
    }
    let Some(body) = body.as_ref().filter(|body| is_error(body)) else {
        assert!(!error.is_from_server() && error.raw_details().is_empty());
        return;
    };
    assert_eq!(error.is_from_server(), known.is_some());
    assert_eq!(
        error.message(),
        body["message"].as_str().unwrap_or_default()
    );
    let details = body["details"].as_array().map_or(&[][..], Vec::as_slice);
    assert_eq!(error.raw_details().len(), details.len());
    for (found, told) in error.raw_details().iter().zip(details) {
        // A type URL is a name behind a slash.
        let url = told["type"].as_str().unwrap();
        assert_eq!(Some(found.type_name()), url.rsplit('/').next());
        let value = told["value"].as_str().unwrap().trim_end_matches('=');
        assert_eq!(STANDARD_NO_PAD.encode(found.value()), value);
    }

    // There and back.
    let again = json!({
        "code": code,
        "message": error.message(),
        "details": error.raw_details().iter().map(|detail| json!({
            "type": detail.type_name(),
            "value": STANDARD_NO_PAD.encode(detail.value()),
        })).collect::<Vec<_>>(),
    });
    let again = call(status, again.to_string().as_bytes());
    assert_eq!(said(&error), said(&again));
});

fn call(status: u16, body: &[u8]) -> Error {
    let mut answer = Answer::ok("application/json", Bytes::copy_from_slice(body));
    answer.status = StatusCode::from_u16(status).unwrap();
    let client = client(answer, |builder| builder);
    now(client.call::<Echo>(Raw::default()).into_future()).unwrap_err()
}

/// Whether each field that is there has its type. That base64 is base64 is told by the library.
fn is_error(body: &Value) -> bool {
    let string_or_null = |value: &Value| value.is_null() || value.is_string();
    body.is_object()
        && string_or_null(&body["code"])
        && string_or_null(&body["message"])
        && match &body["details"] {
            Value::Null => true,
            Value::Array(details) => details.iter().all(|detail| {
                detail.is_object()
                    && detail["type"].is_string()
                    && detail["value"].as_str().is_some_and(is_base64)
            }),
            _ => false,
        }
}

fn is_base64(text: &str) -> bool {
    use base64::alphabet::STANDARD;
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&STANDARD, config).decode(text).is_ok()
}
