//! Methods that stream, for what the API's own unary methods can't show.

use gitpod_client::connect_hyper::{Bidi, ClientStreaming, ServerStreaming};
use gitpod_client::{Code, Error, Method};
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

/// What the methods that take a stream don't take.
pub const UNFIT: &str = "unfit";

fn fit(word: &Word) -> Result<(), Error> {
    if word.text == UNFIT {
        return Err(Error::new(Code::InvalidArgument, "it is unfit"));
    }
    Ok(())
}

/// Takes a stream.
#[derive(Debug)]
pub enum Gather {}

impl Method for Gather {
    type Request = Word;
    type Response = Word;
    type Kind = ClientStreaming;
    const PATH: &'static str = "/toy.v1.Toy/Gather";

    fn validate(request: &Word) -> Result<(), Error> {
        fit(request)
    }
}

/// Takes a stream, and answers with one.
#[derive(Debug)]
pub enum Talk {}

impl Method for Talk {
    type Request = Word;
    type Response = Word;
    type Kind = Bidi;
    const PATH: &'static str = "/toy.v1.Toy/Talk";

    fn validate(request: &Word) -> Result<(), Error> {
        fit(request)
    }
}
