//! What a call proves its caller with.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderValue;

use crate::Code;
use crate::error::{BoxError, Error};

/// A bearer token, ready to be sent. It never prints.
#[derive(Clone)]
pub struct Credential {
    authorization: HeaderValue,
    expires_at: Option<Instant>,
}

impl Credential {
    /// A token that is sent as `Authorization: Bearer <token>`, and that doesn't expire.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if the token is empty or has a character outside visible ASCII: a line
    /// break at the end of a file is the usual one. The error doesn't quote it.
    pub fn bearer(token: &str) -> Result<Self, Error> {
        let refuse = |why: &'static str| Err(Error::new(Code::InvalidArgument, why));
        if token.is_empty() {
            return refuse("the token is empty");
        }
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return refuse(
                "the token has a character outside visible ASCII, a space or a line break perhaps",
            );
        }
        let mut authorization = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
            Error::new(Code::InvalidArgument, "the token can't be sent in a header")
        })?;
        authorization.set_sensitive(true);
        Ok(Self {
            authorization,
            expires_at: None,
        })
    }

    /// States how long from now the token may be used before the provider is asked again. Zero:
    /// it is asked for every attempt.
    #[must_use]
    pub fn expires_in(mut self, life: Duration) -> Self {
        self.expires_at = Instant::now().checked_add(life);
        self
    }

    fn is_live(&self) -> bool {
        self.expires_at.is_none_or(|at| at > Instant::now())
    }

    pub(crate) fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("authorization", &"[redacted]")
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

/// What a [`CredentialProvider`] answers, some time later.
pub type CredentialFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Credential, BoxError>> + Send + 'a>>;

/// Gives out a credential when asked.
///
/// It is asked per attempt of a call, unless the last credential it gave is still live
/// ([`Credential::expires_in`]). When the server answers `unauthenticated` (HTTP status
/// 401, or the end of a stream), that one is
/// forgotten, and the call is made once more with a new one where repeating is allowed: for methods
/// without side effects and for idempotent ones.
pub trait CredentialProvider: fmt::Debug + Send + Sync + 'static {
    /// A credential to use from now on.
    ///
    /// An error fails the call with `unauthenticated`, and nothing is sent. Its text reaches the
    /// user, so it must not contain the secret.
    fn credential(&self) -> CredentialFuture<'_>;
}

/// A credential, or who to ask for one.
#[derive(Debug, Clone)]
pub(crate) enum Credentials {
    None,
    Static(Credential),
    Provider(Arc<Cached>),
}

#[derive(Debug)]
pub(crate) struct Cached {
    provider: Box<dyn CredentialProvider>,
    /// Never held across an await: two calls that find nothing both ask.
    last: Mutex<Option<Credential>>,
}

impl Credentials {
    pub(crate) fn provider(provider: impl CredentialProvider) -> Self {
        Self::Provider(Arc::new(Cached {
            provider: Box::new(provider),
            last: Mutex::new(None),
        }))
    }

    pub(crate) fn is_some(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// The credential that is always the same, if there is one.
    pub(crate) fn fixed(&self) -> Option<&Credential> {
        match self {
            Self::Static(credential) => Some(credential),
            Self::None | Self::Provider(_) => None,
        }
    }

    /// Who has to be asked for the credential of an attempt, if somebody has to.
    pub(crate) fn provided(&self) -> Option<&Cached> {
        match self {
            Self::Provider(cached) => Some(cached),
            Self::None | Self::Static(_) => None,
        }
    }

    /// The server refused `used`. Whether asking again may bring another one.
    pub(crate) fn refused(&self, used: &Credential) -> bool {
        let Self::Provider(cached) = self else {
            return false;
        };
        let mut last = cached.lock();
        // Another call may have brought a new one meanwhile.
        if last
            .as_ref()
            .is_some_and(|last| last.authorization == used.authorization)
        {
            *last = None;
        }
        true
    }
}

impl Cached {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Credential>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The credential for an attempt.
    pub(crate) async fn get(&self) -> Result<Credential, Error> {
        let before = self.lock().clone();
        if let Some(live) = before.as_ref().filter(|last| last.is_live()) {
            return Ok(live.clone());
        }
        let new = self.provider.credential().await.map_err(|source| {
            Error::new(
                Code::Unauthenticated,
                format!("no credential could be had: {source}"),
            )
            .with_source(source)
        })?;
        let mut last = self.lock();
        // Of two calls that asked at once, the first answer stays: the second may be older.
        if last.as_ref().map(|last| &last.authorization)
            == before.as_ref().map(|before| &before.authorization)
        {
            *last = Some(new.clone());
        }
        Ok(new)
    }
}
