//! Which key of which Secret.

use std::fmt;

use crate::sink::SinkError;

const EXPECTED: &str = "expected NAMESPACE/NAME/KEY, or CONTEXT@NAMESPACE/NAME/KEY";

/// The server's limit on a field manager's name is 128 characters, and the key is in ours.
const LONGEST_KEY: usize = 128 - MANAGER.len();
const MANAGER: &str = "gitpodctl:";

/// A key of a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Of the kubeconfig.
    pub(super) context: Option<String>,
    pub(super) namespace: String,
    pub(super) secret: String,
    pub(super) key: String,
}

impl Place {
    pub(super) fn parse(text: &str) -> Result<Self, SinkError> {
        let mut parts = text.rsplitn(3, '/');
        // From the right: a context may have slashes in it, and a namespace no @.
        let (Some(key), Some(secret), Some(rest)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(SinkError::new(EXPECTED));
        };
        let (context, namespace) = match rest.rsplit_once('@') {
            Some((context, namespace)) => (Some(context), namespace),
            None => (None, rest),
        };
        let wrong = |what: &str| Err(SinkError::new(format!("{what}; {EXPECTED}")));
        if context.is_some_and(|context| context.trim().is_empty()) {
            return wrong("the context is empty");
        }
        if !is_label(namespace) {
            return wrong("the namespace has to be 1 to 63 of a-z, 0-9 and -");
        }
        if secret.len() > 253 || !secret.split('.').all(is_part) {
            return wrong("the Secret's name has to be 1 to 253 of a-z, 0-9, - and .");
        }
        let is_key = key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if key.is_empty() || key.len() > LONGEST_KEY || !is_key || [".", ".."].contains(&key) {
            return wrong("the key has to be 1 to 118 of letters, digits, -, _ and .");
        }
        Ok(Self {
            context: context.map(str::to_owned),
            namespace: namespace.to_owned(),
            secret: secret.to_owned(),
            key: key.to_owned(),
        })
    }

    /// As whom we own the key. One manager a key: what a manager applies is all that it owns, so with one for
    /// several keys, applying one would remove the others.
    pub(super) fn manager(&self) -> String {
        format!("{MANAGER}{}", self.key)
    }
}

/// As a sink's name has it.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(context) = &self.context {
            write!(f, "{context}@")?;
        }
        write!(f, "{}/{}/{}", self.namespace, self.secret, self.key)
    }
}

fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_part(text)
}

fn is_part(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place() {
        let place = Place::parse("scim/scim-token/token").unwrap();
        assert_eq!(place.context, None);
        assert_eq!(place.namespace, "scim");
        assert_eq!(place.secret, "scim-token");
        assert_eq!(place.key, "token");
        assert_eq!(place.manager(), "gitpodctl:token");
        let long = "k".repeat(LONGEST_KEY);
        let place = Place::parse(&format!("a/b.c/{long}")).unwrap();
        assert_eq!(place.manager().len(), 128);
    }

    #[test]
    fn contexts_are_anything() {
        for context in [
            "kind-kind",
            "arn:aws:eks:eu-west-1:123:cluster/prod",
            "me@there/x",
        ] {
            let text = format!("{context}@scim/scim-token/token");
            let place = Place::parse(&text).unwrap();
            assert_eq!(place.context.as_deref(), Some(context));
            assert_eq!(place.namespace, "scim");
            assert_eq!(place.to_string(), text);
        }
    }

    #[test]
    fn what_no_server_would_take_is_found_at_once() {
        for (text, part) in [
            ("", "expected NAMESPACE"),
            ("a/b", "expected NAMESPACE"),
            ("@a/b/c", "context"),
            ("A/b/c", "namespace"),
            ("/b/c", "namespace"),
            ("a/../c", "Secret's name"),
            ("a//c", "Secret's name"),
            ("a/-b/c", "Secret's name"),
            ("a/b?x=1/c", "Secret's name"),
            ("a/b/", "key"),
            ("a/b/..", "key"),
            ("a/b/c d", "key"),
            (&format!("a/b/{}", "k".repeat(119)), "key"),
            (&format!("{}/b/c", "n".repeat(64)), "namespace"),
        ] {
            let error = Place::parse(text).unwrap_err();
            assert!(error.message().contains(part), "{text}: {error}");
        }
    }
}
