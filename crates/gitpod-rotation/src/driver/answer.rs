//! The answer with the token in it.

use gitpod_client::types::TimestampExt;
use gitpod_client::types::v1::RegenerateScimTokenResponse;
use jiff::Timestamp;

use crate::{RawAnswer, Token};

/// An answer that is understood.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) token: Token,
    pub(super) expires_at: Timestamp,
}

/// Reads an answer's body, which is JSON. `None`: it can't be understood. Why isn't said, for serde's
/// words quote what they are about.
pub(super) fn decode(raw: &RawAnswer) -> Option<Answer> {
    let response: RegenerateScimTokenResponse = serde_json::from_slice(raw.expose()).ok()?;
    let expires_at = response.token_expires_at?.to_jiff().ok()?;
    let token = Token::new(response.token);
    (!token.expose().is_empty()).then_some(Answer { token, expires_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_a_token_and_an_expiry() {
        let decode = |text: &str| super::decode(&RawAnswer::new(text.as_bytes().to_vec()));
        let answer =
            decode(r#"{"token":"t","tokenExpiresAt":"2027-01-01T00:00:00.5Z","more":1}"#).unwrap();
        assert_eq!(answer.token.expose(), "t");
        assert_eq!(answer.expires_at.to_string(), "2027-01-01T00:00:00.5Z");
        for broken in [
            "",
            "<html>",
            r#"{"token":"t"}"#,
            r#"{"token":"t","tokenExpiresAt":"soon"}"#,
            r#"{"token":"","tokenExpiresAt":"2027-01-01T00:00:00Z"}"#,
            r#"{"token":"t","tokenExpiresAt":"2027-01-01T00:00:00Z""#,
        ] {
            assert!(decode(broken).is_none(), "{broken}");
        }
    }
}
