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
            Codec::Json => {
                // From a text, for no string of it has to be checked again; and from nothing else,
                // as what reads a message is compiled for each form of input.
                let text = std::str::from_utf8(&body).map_err(|error| {
                    let (line, column) = position(&body[..error.valid_up_to()]);
                    decode_error(malformed("is not valid JSON", line, column))
                })?;
                serde_json::from_str(text).map_err(|error| decode_error(json_error(&error)))
            }
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
    malformed(what, error.line(), error.column())
}

fn malformed(what: &str, line: usize, column: usize) -> String {
    format!("the response {what}, at line {line} column {column}")
}

/// Line and column of what comes behind this text, as serde_json counts them.
fn position(before: &[u8]) -> (usize, usize) {
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before
        .iter()
        .rev()
        .take_while(|byte| **byte != b'\n')
        .count()
        + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, PartialEq, prost::Message, serde::Serialize, serde::Deserialize)]
    #[serde(default)]
    struct Word {
        #[prost(string, tag = "1")]
        text: String,
    }

    /// serde's own messages quote, and a value may be a secret.
    #[test]
    fn errors_say_where_and_not_what() {
        for (body, says) in [
            (
                &b"{\"text\":\n S3CRET}"[..],
                "not valid JSON, at line 2 column 2",
            ),
            (
                b"{\"text\":\n 4711}",
                "doesn't fit its field, at line 2 column 5",
            ),
            (
                b"{\"text\":\n {\"S3CRET\":1}}",
                "doesn't fit its field, at line 2 column 1",
            ),
            (
                b"{\"text\":\n \"S3CRET",
                "ends too early, at line 2 column 8",
            ),
            (
                b"{\"text\":\n \"S3CRET\xff\"}",
                "not valid JSON, at line 2 column 9",
            ),
            (b"\xffS3CRET", "not valid JSON, at line 1 column 1"),
        ] {
            let error = Codec::Json
                .decode::<Word>(Bytes::from_static(body))
                .unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains(says), "{text}");
            assert!(!text.contains("S3CRET") && !text.contains("4711"), "{text}");
        }
    }
}
