//! What generated code says of each RPC.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::kind::Kind;

/// A message that can travel as binary and as JSON.
///
/// Every type that has the listed traits is one; there is nothing to implement.
pub trait Message:
    prost::Message + Default + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

impl<T> Message for T where
    T: prost::Message
        + Default
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// What a second execution of a method does, as `idempotency_level` in the .proto says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Idempotency {
    /// Nothing is known: a second execution may do harm.
    #[default]
    Unknown,
    /// `NO_SIDE_EFFECTS`: the method only reads.
    NoSideEffects,
    /// `IDEMPOTENT`: a second execution changes nothing more.
    Idempotent,
}

/// One RPC, known at compile time. Implemented by a marker type of generated code.
pub trait Method: Send + Sync + Sized + 'static {
    /// What the client sends.
    type Request: Message;
    /// What the server answers.
    type Response: Message;
    /// Which side sends a stream: [`Unary`](crate::Unary),
    /// [`ClientStreaming`](crate::ClientStreaming),
    /// [`ServerStreaming`](crate::ServerStreaming) or [`Bidi`](crate::Bidi).
    type Kind: Kind;

    /// The path behind the base URL: `/package.Service/Method`.
    const PATH: &'static str;
    /// What a second execution does.
    const IDEMPOTENCY: Idempotency = Idempotency::Unknown;

    /// The name of a field without which the response is worthless, if that field is missing.
    ///
    /// Made for secrets that are shown once: an answer without one is an error that says that the
    /// method was executed, never a success with an empty secret.
    #[must_use]
    fn missing_field(_response: &Self::Response) -> Option<&'static str> {
        None
    }

    /// Looks at a request before it is sent, or at each of a stream, unless the client or the call
    /// is told not to ([`ClientBuilder::validate`](crate::ClientBuilder::validate)).
    ///
    /// # Errors
    ///
    /// What is wrong with it, by convention as `invalid_argument`. It isn't sent then. (An error of
    /// [`Error::new`] says so of itself.)
    #[inline]
    fn validate(_request: &Self::Request) -> Result<(), Error> {
        Ok(())
    }
}
