//! The two codecs, and the content types that name them.

use bytes::Bytes;
use connect_hyper::{Code, Message};

use super::error::ServerError;

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// Protobuf's JSON, `application/json`.
    Json,
    /// Protobuf's binary form, `application/proto`.
    Binary,
}

/// What the `Accept-Post` header of a 415 lists.
pub(crate) const UNARY_TYPES: &str = "application/json, application/proto";

impl Codec {
    /// The codec that a unary content type names; none where it is another type.
    ///
    /// Parameters are ignored but for a charset, which must be UTF-8.
    pub(crate) fn from_unary_content_type(value: &str) -> Option<Self> {
        let mut parts = value.split(';').map(str::trim);
        let codec = match parts.next()?.to_ascii_lowercase().as_str() {
            "application/json" => Codec::Json,
            "application/proto" => Codec::Binary,
            _ => return None,
        };
        for parameter in parts {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = value.trim().trim_matches('"');
            if name.trim().eq_ignore_ascii_case("charset") && !value.eq_ignore_ascii_case("utf-8") {
                return None;
            }
        }
        Some(codec)
    }

    /// The content type of a unary message.
    pub(crate) const fn unary_content_type(self) -> &'static str {
        match self {
            Codec::Json => "application/json",
            Codec::Binary => "application/proto",
        }
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
                        "the body {kind} (line {}, column {})",
                        error.line(),
                        error.column()
                    ),
                )
            }),
            Codec::Binary => M::decode(body).map_err(|_| {
                ServerError::new(
                    Code::InvalidArgument,
                    "the body isn't the request's type in protobuf's binary form",
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
        for (value, codec) in [
            ("application/json", Some(Codec::Json)),
            ("application/json; charset=utf-8", Some(Codec::Json)),
            ("Application/JSON;charset=\"UTF-8\"", Some(Codec::Json)),
            ("application/proto", Some(Codec::Binary)),
            ("application/json; charset=latin1", None),
            ("application/connect+json", None),
            ("application/connect+proto", None),
            ("application/grpc", None),
            ("application/x-protobuf", None),
            ("application/jsonp", None),
            ("text/plain", None),
            ("", None),
        ] {
            assert_eq!(Codec::from_unary_content_type(value), codec, "{value:?}");
        }
    }
}
