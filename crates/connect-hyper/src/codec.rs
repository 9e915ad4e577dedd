//! How messages become bytes: JSON or binary.

use std::error::Error as _;

use bytes::Bytes;
use http::HeaderValue;

use crate::error::{Error, Execution};
use crate::request::Framing;
use crate::{Code, Message};

/// The form that messages have on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Codec {
    /// Protobuf's JSON mapping: what a proxy's log and a person with curl can read. The default.
    #[default]
    Json,
    /// Protobuf's binary form: smaller and faster.
    Binary,
}

impl Codec {
    /// The name in the query of a GET.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Codec::Json => "json",
            Codec::Binary => "proto",
        }
    }

    /// The content type of a unary message.
    pub(crate) const fn unary_content_type(self) -> &'static str {
        match self {
            Codec::Json => "application/json",
            Codec::Binary => "application/proto",
        }
    }

    /// The content type of a stream of messages (checklist 1).
    pub(crate) const fn streaming_content_type(self) -> &'static str {
        match self {
            Codec::Json => "application/connect+json",
            Codec::Binary => "application/connect+proto",
        }
    }

    pub(crate) const fn content_type(self, framing: Framing) -> HeaderValue {
        HeaderValue::from_static(match framing {
            Framing::Unary => self.unary_content_type(),
            Framing::Streaming => self.streaming_content_type(),
        })
    }

    pub(crate) fn encode<T: Message>(self, message: &T) -> Result<Bytes, Error> {
        match self {
            Codec::Binary => Ok(message.encode_to_vec().into()),
            Codec::Json => serde_json::to_vec(message)
                .map(Bytes::from)
                // What fails here is a value that JSON has no form for, and the text is the
                // mapping's own; nothing of the message is in it.
                .map_err(|error| {
                    Error::new(
                        Code::InvalidArgument,
                        format!("the request has no JSON form: {error}"),
                    )
                }),
        }
    }

    pub(crate) fn decode<T: Message>(self, body: Bytes) -> Result<T, Error> {
        match self {
            // From a slice, which is quicker to read than `Bytes`.
            Codec::Binary => T::decode(&*body).map_err(|error| {
                // prost names message, field and wire type, and quotes no value.
                decode_error(format!("the response is not valid protobuf: {error}"))
            }),
            Codec::Json => match std::str::from_utf8(&body) {
                // The quicker way, for no string of it has to be checked.
                Ok(text) => serde_json::from_str(text),
                Err(_) => serde_json::from_slice(&body),
            }
            .map_err(|error| decode_error(json_error(&error))),
        }
    }
}

fn decode_error(message: String) -> Error {
    Error::new(Code::Internal, message).with_execution(Execution::Executed)
}

/// Kind, line and column: serde's own messages quote values, and a value may be a secret.
fn json_error(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let what = match error.classify() {
        Category::Io => "can't be read",
        Category::Syntax => "is not valid JSON",
        Category::Data => "has a value that doesn't fit its field",
        Category::Eof => "is JSON that ends too early",
    };
    debug_assert!(error.source().is_none());
    format!(
        "the response {what}, at line {} column {}",
        error.line(),
        error.column()
    )
}
