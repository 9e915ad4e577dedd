//! A method that streams, for what the API's own unary methods can't show.

use gitpod_client::Method;
use gitpod_client::connect_hyper::ServerStreaming;
use serde::{Deserialize, Serialize};

/// A message with a text.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct Word {
    /// The text.
    #[prost(string, tag = "1")]
    pub text: String,
}

impl Word {
    /// A message with this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}

/// Answers with a stream.
#[derive(Debug)]
pub enum Count {}

impl Method for Count {
    type Request = Word;
    type Response = Word;
    type Kind = ServerStreaming;
    const PATH: &'static str = "/toy.v1.Toy/Count";
}
