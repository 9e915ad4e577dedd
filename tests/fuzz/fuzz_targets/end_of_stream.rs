//! The JSON at the end of a stream. Checklist 21, 22 and 24.

#![no_main]

use fuzz::{Answer, Outcome, envelope, read, said};
use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};

fuzz_target!(|end: &[u8]| {
    let found = outcome(end);
    let Some(error) = &found.error else {
        let end: Value = serde_json::from_slice(end).unwrap();
        assert!(end.is_object() && end["error"].is_null());
        check_trailers(&end["metadata"], &found.trailers);
        assert!(outcome(&rebuilt(None, &found.trailers)).trailers == found.trailers);
        return;
    };
    said(error);
    if !error.is_from_server() {
        assert_eq!(error.code().as_str(), "internal");
        return;
    }
    let end: Value = serde_json::from_slice(end).unwrap();
    let told = &end["error"];
    let code = told["code"].as_str();
    // A code that is none is unknown.
    assert!(code == Some(error.code().as_str()) || error.code().as_str() == "unknown");
    assert_eq!(
        error.message(),
        told["message"].as_str().unwrap_or_default()
    );
    check_trailers(&end["metadata"], &found.trailers);
    let mut told = told.clone();
    told["code"] = error.code().as_str().into();
    let again = outcome(&rebuilt(Some(told), &found.trailers));
    let again = (again.error.as_ref().map(said), again.trailers);
    assert_eq!(again, (Some(said(error)), found.trailers));
});

/// A message, and then this end. The message is delivered whatever the end is.
fn outcome(end: &[u8]) -> Outcome {
    let body = [envelope(0, b"message"), envelope(2, end)].concat();
    let found = read(Answer::ok("application/connect+proto", body), 1 << 20);
    assert_eq!(found.messages, ["message"]);
    found
}

/// Every value is there, under its name in lower case.
fn check_trailers(metadata: &Value, trailers: &HeaderMap) {
    let none = Map::new();
    let metadata = metadata.as_object().unwrap_or(&none);
    let mut count = 0;
    for (name, values) in metadata {
        for value in values.as_array().unwrap() {
            count += 1;
            let value = value.as_str().unwrap().as_bytes();
            let mut found = trailers.get_all(name.as_str()).iter();
            assert!(found.any(|found| found.as_bytes() == value));
        }
    }
    assert_eq!(trailers.len(), count);
}

fn rebuilt(error: Option<Value>, trailers: &HeaderMap) -> Vec<u8> {
    let mut metadata = Map::new();
    for (name, value) in trailers {
        let values = metadata.entry(name.as_str()).or_insert_with(|| json!([]));
        // What came as JSON is UTF-8.
        let value = String::from_utf8(value.as_bytes().to_vec()).unwrap();
        values.as_array_mut().unwrap().push(value.into());
    }
    json!({"error": error, "metadata": metadata})
        .to_string()
        .into_bytes()
}
