//! The JSON body of an error: `{"code": …, "message": …, "details": [{"type": …, "value": …}]}`.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use crate::Code;
use crate::error::ErrorDetail;

/// What an error body says. `code` is none where it is missing, null, or no code of the protocol.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    pub(crate) code: Option<Code>,
    pub(crate) message: String,
    pub(crate) details: Vec<ErrorDetail>,
}

/// Checklist 16: either padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How long an error body may be: 1 MiB. Parsed, it takes many times as much.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// Reads an error body. None if it isn't one (checklist 14): `null`, malformed, or a field of the
/// wrong type.
pub(crate) fn parse(body: &[u8]) -> Option<ErrorBody> {
    if body.len() > MAX_BYTES {
        return None;
    }
    from_value(serde_json::from_slice(body).ok()?)
}

/// The same for JSON that is parsed: the error in the end of a stream.
pub(crate) fn from_value(body: Value) -> Option<ErrorBody> {
    let Value::Object(mut fields) = body else {
        return None;
    };
    let code = match fields.remove("code") {
        None | Some(Value::Null) => None,
        Some(Value::String(code)) => code.parse().ok(),
        Some(_) => return None,
    };
    let message = match fields.remove("message") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(message)) => message,
        Some(_) => return None,
    };
    let details = match fields.remove("details") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(details)) => details.into_iter().map(detail).collect::<Option<_>>()?,
        Some(_) => return None,
    };
    Some(ErrorBody {
        code,
        message,
        details,
    })
}

fn detail(value: Value) -> Option<ErrorDetail> {
    let Value::Object(mut fields) = value else {
        return None;
    };
    let Some(Value::String(type_name)) = fields.remove("type") else {
        return None;
    };
    let Some(Value::String(value)) = fields.remove("value") else {
        return None;
    };
    let value = BASE64.decode(value).ok()?;
    Some(ErrorDetail::new(type_name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Option<ErrorBody> {
        parse(text.as_bytes())
    }

    /// Checklist 16.
    #[test]
    fn whole() {
        let parsed = body(
            r#"{"code":"not_found","message":"no such thing","details":[
                {"type":"google.rpc.RetryInfo","value":"CgIIAQ","debug":{"x":[1]}},
                {"type":"a.B","value":"CgIIAQ==","more":1}],"extra":null}"#,
        )
        .unwrap();
        assert_eq!(parsed.code, Some(Code::NotFound));
        assert_eq!(parsed.message, "no such thing");
        let [first, second] = &parsed.details[..] else {
            panic!("two details");
        };
        assert_eq!(first.type_url(), "type.googleapis.com/google.rpc.RetryInfo");
        assert_eq!(first.value(), second.value());
        assert_eq!(&first.value()[..], [10, 2, 8, 1]);
    }

    /// Checklist 14: message and details are kept where the code is no use.
    #[test]
    fn code_missing_null_or_unknown() {
        for text in [
            r#"{"message":"m","details":[{"type":"a.B","value":""}]}"#,
            r#"{"code":null,"message":"m","details":[{"type":"a.B","value":""}]}"#,
            r#"{"code":"nonsense","message":"m","details":[{"type":"a.B","value":""}]}"#,
        ] {
            let parsed = body(text).unwrap();
            assert_eq!(parsed.code, None);
            assert_eq!(parsed.message, "m");
            assert_eq!(parsed.details.len(), 1);
        }
    }

    /// Checklist 14: then the status decides.
    #[test]
    fn not_an_error_body() {
        for text in [
            "",
            "null",
            "[]",
            "1",
            "\"x\"",
            "{",
            "<html>",
            r#"{"code":1}"#,
            r#"{"code":"not_found","message":1}"#,
            r#"{"code":"not_found","details":{}}"#,
            r#"{"code":"not_found","details":[1]}"#,
            r#"{"code":"not_found","details":[{"type":"a.B"}]}"#,
            r#"{"code":"not_found","details":[{"type":"a.B","value":"!"}]}"#,
            r#"{"code":"not_found","details":[{"type":1,"value":""}]}"#,
        ] {
            assert_eq!(body(text), None, "{text}");
        }
    }
}
