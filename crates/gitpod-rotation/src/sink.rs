//! Where a token goes.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::Token;

/// A future of a [`Sink`]'s.
pub type SinkFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, SinkError>> + Send + 'a>>;

/// What takes the token: an identity provider, a secret store, a file.
///
/// Implement it for your own. Each method may be called again at any time, also after it failed or
/// was cut off midway, and in another process: pushing a token that is there already has to succeed
/// and change nothing.
///
/// ```
/// use std::sync::Mutex;
/// use gitpod_rotation::{Sink, SinkError, SinkFuture, Token, Verdict};
///
/// #[derive(Debug, Default)]
/// struct Memory(Mutex<Option<Token>>);
///
/// impl Sink for Memory {
///     fn name(&self) -> &str {
///         "memory:1"
///     }
///     fn preflight(&self) -> SinkFuture<'_, ()> {
///         Box::pin(async { Ok(()) })
///     }
///     fn push<'a>(&'a self, token: &'a Token) -> SinkFuture<'a, ()> {
///         Box::pin(async move {
///             *self.0.lock().map_err(|_| SinkError::new("poisoned"))? = Some(token.clone());
///             Ok(())
///         })
///     }
///     fn verify<'a>(&'a self, token: Option<&'a Token>) -> SinkFuture<'a, Verdict> {
///         Box::pin(async move {
///             let held = self.0.lock().map_err(|_| SinkError::new("poisoned"))?;
///             Ok(match (token, &*held) {
///                 (Some(token), Some(held)) if token.expose() == held.expose() => Verdict::Works,
///                 (Some(_), _) | (None, None) => Verdict::Doesnt,
///                 (None, Some(_)) => Verdict::CantTell,
///             })
///         })
///     }
/// }
///
/// let sinks: Vec<Box<dyn Sink>> = vec![Box::new(Memory::default())];
/// # assert_eq!(sinks[0].name(), "memory:1");
/// ```
pub trait Sink: fmt::Debug + Send + Sync {
    /// What the sink is called in the journal and in messages: `file:/etc/scim-token`, say. It
    /// names one place and no secret, and has to be the same in every process, for a rotation that
    /// was cut off is resumed with the sinks that its journal names.
    fn name(&self) -> &str;

    /// Proves that a token would be taken now, without changing anything: right, reach, space.
    /// While the old token works nothing is lost by a refusal; later, provisioning is.
    ///
    /// # Errors
    ///
    /// What stands in the way, and how to mend it. Nothing is asked for then.
    fn preflight(&self) -> SinkFuture<'_, ()>;

    /// Puts the token in place of whatever was there, to stay: a success is final.
    ///
    /// # Errors
    ///
    /// Why it may not be in place. It is pushed again later, so that an error for a push that did
    /// take is harmless.
    fn push<'a>(&'a self, token: &'a Token) -> SinkFuture<'a, ()>;

    /// Whether what the sink holds works. With `token`, that is the one which it should hold.
    /// Without, nobody here knows the token, and only a sink that can have it tried says anything
    /// but [`Verdict::CantTell`].
    ///
    /// # Errors
    ///
    /// Why it couldn't be found out this time. It is asked again later.
    fn verify<'a>(&'a self, token: Option<&'a Token>) -> SinkFuture<'a, Verdict>;

    /// What there is to say beyond what the methods return, since this was called last: what was found and
    /// left alone, what was set right. It is told to the person at once. Nothing unless implemented.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// The token that the sink holds, where it can give that back: a file can, an identity provider
    /// hardly. It is tried at the SCIM endpoint, and goes nowhere else. `None`, which it is unless
    /// implemented: it can't give it back, or holds none.
    ///
    /// # Errors
    ///
    /// Why it couldn't be read this time.
    fn held(&self) -> SinkFuture<'_, Option<Token>> {
        Box::pin(async { Ok(None) })
    }

    /// When the credential ends by which the sink is reached. `None`, which it is unless implemented: that
    /// can't be told.
    ///
    /// # Errors
    ///
    /// Why it couldn't be found out this time.
    fn credential_ends(&self) -> SinkFuture<'_, Option<jiff::Timestamp>> {
        Box::pin(async { Ok(None) })
    }
}

/// What a sink says of the token that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// It works.
    Works,
    /// It doesn't work, or isn't the one that it should be.
    Doesnt,
    /// The sink has no way to know. It is reported as not checked, never as well.
    CantTell,
}

/// Why a sink failed, for a person.
///
/// Whoever makes one answers for its text: the token must not be in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkError {
    message: String,
}

impl SinkError {
    /// An error that says so.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }

    /// What happened.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SinkError {}
