//! The two codecs, and the content types that name them.

use bytes::Bytes;
use connect_hyper::{Code, Message};
use http::HeaderValue;

use super::error::ServerError;
use super::head::Form;

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// Protobuf's JSON, `application/json`.
    Json,
    /// Protobuf's binary form, `application/proto`.
    Binary,
}

impl Codec {
    /// The codec that a content type names; none where it is another type, or another form's.
    ///
    /// Parameters are ignored but for a charset, which must be UTF-8.
    pub(crate) fn from_content_type(form: Form, value: &str) -> Option<Self> {
        let mut parts = value.split(';').map(str::trim);
        let name = parts.next()?.to_ascii_lowercase();
        let codec = [Codec::Json, Codec::Binary]
            .into_iter()
            .find(|codec| codec.content_type(form) == name)?;
        for parameter in parts {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = value.trim().trim_matches('"');
            if name.trim().eq_ignore_ascii_case("charset") && !value.eq_ignore_ascii_case("utf-8") {
                return None;
            }
        }
        Some(codec)
    }

    /// The content type of a message in one form.
    pub(crate) const fn content_type(self, form: Form) -> HeaderValue {
        HeaderValue::from_static(match (form, self) {
            (Form::Unary, Codec::Json) => "application/json",
            (Form::Unary, Codec::Binary) => "application/proto",
            (Form::Streaming, Codec::Json) => "application/connect+json",
            (Form::Streaming, Codec::Binary) => "application/connect+proto",
        })
    }

    /// Reads a message.
    ///
    /// # Errors
    ///
    /// `invalid_argument`. serde's own words quote the value, which may be a secret: only the
    /// kind of the mistake and its place are told.
    pub(crate) fn decode<M: Message>(self, body: &[u8]) -> Result<M, ServerError> {
        match self {
            Codec::Json => serde_json::from_slice(body).map_err(|error| {
                let kind = match error.classify() {
                    serde_json::error::Category::Syntax => "isn't JSON",
                    serde_json::error::Category::Eof => "ends too early",
                    serde_json::error::Category::Data | serde_json::error::Category::Io => {
                        "doesn't fit the request's type"
                    }
                };
                ServerError::new(
                    Code::InvalidArgument,
                    format!(
                        "the message {kind} (line {}, column {})",
                        error.line(),
                        error.column()
                    ),
                )
            }),
            Codec::Binary => M::decode(body).map_err(|_| {
                ServerError::new(
                    Code::InvalidArgument,
                    "the message isn't the request's type in protobuf's binary form",
                )
            }),
        }
    }

    /// Writes a message.
    ///
    /// # Errors
    ///
    /// `internal`: the message can't be said in JSON (a Timestamp out of range, say).
    pub(crate) fn encode<M: Message>(self, message: &M) -> Result<Bytes, ServerError> {
        match self {
            Codec::Json => serde_json::to_vec(message).map(Bytes::from).map_err(|_| {
                ServerError::new(Code::Internal, "the response can't be written as JSON")
            }),
            Codec::Binary => Ok(message.encode_to_vec().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types() {
        for (value, unary, streaming) in [
            ("application/json", Some(Codec::Json), None),
            ("application/json; charset=utf-8", Some(Codec::Json), None),
            (
                "Application/JSON;charset=\"UTF-8\"",
                Some(Codec::Json),
                None,
            ),
            ("application/proto", Some(Codec::Binary), None),
            ("application/json; charset=latin1", None, None),
            ("application/connect+json", None, Some(Codec::Json)),
            ("application/connect+proto", None, Some(Codec::Binary)),
            ("application/connect+xml", None, None),
            ("application/connect", None, None),
            ("application/grpc", None, None),
            ("application/x-protobuf", None, None),
            ("application/jsonp", None, None),
            ("text/plain", None, None),
            ("", None, None),
        ] {
            let found = |form| Codec::from_content_type(form, value);
            assert_eq!(found(Form::Unary), unary, "{value:?}");
            assert_eq!(found(Form::Streaming), streaming, "{value:?}");
        }
    }
}
