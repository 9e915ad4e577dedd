//! Who may call.

use std::sync::{Mutex, MutexGuard, PoisonError};

use connect_hyper::Code;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::connect::error::ServerError;
use crate::secret::Secret;

/// The API keys that the server takes.
#[derive(Debug)]
pub(crate) struct Credentials {
    required: bool,
    keys: Mutex<Vec<Secret>>,
}

impl Credentials {
    pub(crate) fn new(key: Secret, required: bool) -> Self {
        Self {
            required,
            keys: Mutex::new(vec![key]),
        }
    }

    pub(crate) fn accept(&self, key: Secret) {
        self.keys().push(key);
    }

    pub(crate) fn revoke(&self, key: &str) {
        self.keys().retain(|known| known.reveal() != key);
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
            Some(given) if self.keys().iter().any(|key| key.reveal() == given) => Ok(()),
            _ => Err(ServerError::new(
                Code::Unauthenticated,
                "no valid credential: send the header \"Authorization: Bearer <API key>\"",
            )),
        }
    }

    fn keys(&self) -> MutexGuard<'_, Vec<Secret>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
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
        let credentials = Credentials::new(Secret::new("key"), true);
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
        let credentials = Credentials::new(Secret::new("old"), true);
        credentials.accept(Secret::new("new"));
        credentials.revoke("old");
        assert!(credentials.check(&headers(&["Bearer old"])).is_err());
        assert!(credentials.check(&headers(&["Bearer new"])).is_ok());
        assert!(!format!("{credentials:?}").contains("new"));
        let open = Credentials::new(Secret::new("key"), false);
        assert!(open.check(&HeaderMap::new()).is_ok());
    }
}
