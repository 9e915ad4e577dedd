//! Who may call.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use connect_hyper::Code;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::connect::error::ServerError;
use crate::secret::{Ids, Secret};

/// The API keys that the server takes.
#[derive(Debug)]
pub(crate) struct Credentials {
    required: bool,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    keys: Vec<Key>,
    users: Ids,
}

#[derive(Debug)]
struct Key {
    key: Secret,
    caller: Caller,
}

/// Whose an API key is: each one's owner is another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Empty: nobody known, where no credential is required.
    pub(crate) id: String,
    /// The key is a user's personal access token, and this is known of it. Otherwise it is a
    /// service account's.
    pub(crate) token: Option<PersonalToken>,
}

impl Caller {
    pub(crate) fn is_read_only(&self) -> bool {
        self.token.as_ref().is_some_and(|token| token.read_only)
    }
}

/// What a list of personal access tokens says of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PersonalToken {
    pub(crate) id: String,
    pub(crate) created_at: SystemTime,
    pub(crate) expires_at: SystemTime,
    pub(crate) read_only: bool,
}

impl Credentials {
    pub(crate) fn new(key: Secret, required: bool, users: Ids) -> Self {
        let credentials = Self {
            required,
            known: Mutex::new(Known {
                keys: Vec::new(),
                users,
            }),
        };
        credentials.accept(key);
        credentials
    }

    pub(crate) fn accept(&self, key: Secret) {
        let mut known = self.known();
        let caller = Caller {
            id: known.users.next(),
            token: None,
        };
        known.keys.push(Key { key, caller });
    }

    /// A key is a personal access token from now on.
    pub(crate) fn describe(&self, key: &str, now: SystemTime, life: Duration, read_only: bool) {
        let mut known = self.known();
        let id = known.users.next();
        let key = known
            .keys
            .iter_mut()
            .find(|known| known.key.reveal() == key);
        if let Some(key) = key {
            key.caller.token = Some(PersonalToken {
                id,
                created_at: now,
                expires_at: now.checked_add(life).unwrap_or(now),
                read_only,
            });
        }
    }

    pub(crate) fn revoke(&self, key: &str) {
        self.known().keys.retain(|known| known.key.reveal() != key);
    }

    /// Who calls, by the credential.
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Caller {
        let given = bearer(headers).unwrap_or_default();
        let known = self.known();
        let key = known.keys.iter().find(|known| known.key.reveal() == given);
        key.map(|key| key.caller.clone()).unwrap_or_default()
    }

    /// Checks a call's credential.
    ///
    /// # Errors
    ///
    /// `unauthenticated`, in the same words whatever is wrong.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), ServerError> {
        if !self.required {
            return Ok(());
        }
        match bearer(headers) {
            Some(given)
                if self
                    .known()
                    .keys
                    .iter()
                    .any(|known| known.key.reveal() == given) =>
            {
                Ok(())
            }
            _ => Err(ServerError::new(
                Code::Unauthenticated,
                "no valid credential: send the header \"Authorization: Bearer <API key>\"",
            )),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token of an `Authorization: Bearer` header, if there is one such header and no other.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start_matches(' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn one_bearer_token_that_is_known() {
        let credentials = Credentials::new(Secret::new("key"), true, Ids::new(1));
        for right in ["Bearer key", "bearer key", "BEARER  key"] {
            assert!(credentials.check(&headers(&[right])).is_ok(), "{right}");
        }
        let wrong = [
            &[][..],
            &["Bearer"],
            &["Bearer "],
            &["Bearer Key"],
            &["Bearer key "],
            &["Bearer keykey"],
            &["Basic key"],
            &["key"],
            &["Bearer key", "Bearer key"],
        ];
        let mut messages = Vec::new();
        for wrong in wrong {
            let error = credentials.check(&headers(wrong)).unwrap_err();
            assert_eq!(error.code(), Code::Unauthenticated, "{wrong:?}");
            messages.push(error.message().to_owned());
        }
        messages.dedup();
        assert_eq!(messages.len(), 1);
    }

    #[test]
    fn keys_come_and_go() {
        let credentials = Credentials::new(Secret::new("old"), true, Ids::new(1));
        credentials.accept(Secret::new("new"));
        credentials.revoke("old");
        assert!(credentials.check(&headers(&["Bearer old"])).is_err());
        assert!(credentials.check(&headers(&["Bearer new"])).is_ok());
        assert!(!format!("{credentials:?}").contains("new"));
        let open = Credentials::new(Secret::new("key"), false, Ids::new(1));
        assert!(open.check(&HeaderMap::new()).is_ok());
    }
}
