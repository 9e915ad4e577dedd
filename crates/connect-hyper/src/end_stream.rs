//! The end of a stream: `{"error": {…}, "metadata": {"name": ["value", …]}}`.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::Code;
use crate::error_body::{self, ErrorBody};

/// How a stream ended.
#[derive(Debug)]
pub(crate) struct EndStream {
    pub(crate) error: Option<ErrorBody>,
    pub(crate) trailers: HeaderMap,
}

/// Reads the end of a stream. `None` if it isn't one (checklist 21).
pub(crate) fn parse(message: &[u8]) -> Option<EndStream> {
    if message.len() > error_body::MAX_BYTES {
        return None;
    }
    let Value::Object(mut fields) = serde_json::from_slice(message).ok()? else {
        return None;
    };
    let error = match fields.remove("error") {
        // Checklist 22: null is success.
        None | Some(Value::Null) => None,
        Some(error) => Some(error_body::from_value(error)?),
    };
    let trailers = match fields.remove("metadata") {
        None | Some(Value::Null) => HeaderMap::new(),
        Some(metadata) => trailers(metadata)?,
    };
    Some(EndStream { error, trailers })
}

impl EndStream {
    /// Checklist 22: a code that is missing or unknown is `unknown`.
    pub(crate) fn code(error: &ErrorBody) -> Code {
        error.code.unwrap_or(Code::Unknown)
    }
}

fn trailers(metadata: Value) -> Option<HeaderMap> {
    let Value::Object(metadata) = metadata else {
        return None;
    };
    let mut trailers = HeaderMap::new();
    for (name, values) in metadata {
        // HeaderName takes any case and keeps it low.
        let name = HeaderName::try_from(name).ok()?;
        let Value::Array(values) = values else {
            return None;
        };
        for value in values {
            let Value::String(value) = value else {
                return None;
            };
            trailers
                .try_append(&name, HeaderValue::try_from(value).ok()?)
                .ok()?;
        }
    }
    Some(trailers)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checklist 22.
    #[test]
    fn ends() {
        for success in ["{}", r#"{"error":null}"#, r#"{"metadata":null,"more":[1]}"#] {
            let end = parse(success.as_bytes()).unwrap();
            assert!(end.error.is_none() && end.trailers.is_empty(), "{success}");
        }
        let end = parse(br#"{"metadata":{"X-A":["1","2"],"x-a":["3"],"b":[]}}"#).unwrap();
        let mut values: Vec<_> = end.trailers.get_all("x-a").iter().collect();
        values.sort();
        assert_eq!(values, ["1", "2", "3"]);

        for (error, code) in [
            (r#"{"code":"aborted","message":"m"}"#, Code::Aborted),
            (r#"{"code":"nonsense","message":"m"}"#, Code::Unknown),
            (r#"{"message":"m"}"#, Code::Unknown),
        ] {
            let end = parse(format!(r#"{{"error":{error}}}"#).as_bytes()).unwrap();
            let error = end.error.unwrap();
            assert_eq!(EndStream::code(&error), code);
            assert_eq!(error.message, "m");
        }
    }

    /// Checklist 21.
    #[test]
    fn malformed_ends() {
        for text in [
            "",
            "null",
            "[]",
            "{",
            r#"{"error":1}"#,
            r#"{"error":{"code":1}}"#,
            r#"{"metadata":[]}"#,
            r#"{"metadata":{"a":"1"}}"#,
            r#"{"metadata":{"a":[1]}}"#,
            r#"{"metadata":{"a b":["1"]}}"#,
            r#"{"metadata":{"a":["1\n"]}}"#,
        ] {
            assert!(parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}
