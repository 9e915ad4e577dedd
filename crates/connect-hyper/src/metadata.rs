//! Which header names and values a user may send.

use std::sync::OnceLock;

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};

use crate::Code;
use crate::error::Error;

/// How many headers a user may set for a client, and for a call: far below what a `HeaderMap` can
/// hold, where it panics.
pub(crate) const MAX_HEADERS: usize = 1000;

pub(crate) fn too_many() -> Error {
    Error::new(
        Code::InvalidArgument,
        format!("more than {MAX_HEADERS} headers are set"),
    )
}

/// Checks a header that a user wants to send, and marks what may be secret as sensitive.
pub(crate) fn check(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Error> {
    let refuse = |why: &str| {
        Err(Error::new(
            Code::InvalidArgument,
            format!("header {name:?}: {why}"),
        ))
    };
    let Ok(parsed) = HeaderName::try_from(name) else {
        return refuse("not a header name: expected letters, digits, '-', '_' and '.'");
    };
    // Checklist 5.
    if !parsed
        .as_str()
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
    {
        return refuse("not a header name: expected letters, digits, '-', '_' and '.'");
    }
    if is_reserved(&parsed) {
        return refuse("reserved: the protocol sets it");
    }
    // The value is never quoted: it may be a secret.
    if !value.bytes().all(|b| (0x20..=0x7e).contains(&b)) {
        return refuse("its value has a character outside printable ASCII, a line break perhaps");
    }
    let Ok(mut value) = HeaderValue::try_from(value) else {
        return refuse("its value is not one");
    };
    value.set_sensitive(is_secret(&parsed));
    Ok((parsed, value))
}

/// A number as a header's value. Small ones, which are the lengths of most requests, are made once.
pub(crate) fn number(number: u64) -> Option<HeaderValue> {
    static SMALL: [OnceLock<HeaderValue>; 512] = [const { OnceLock::new() }; 512];
    let small = usize::try_from(number).ok().and_then(|at| SMALL.get(at));
    match small {
        Some(slot) => match slot.get() {
            Some(known) => Some(known.clone()),
            None => {
                let value = digits(number)?;
                Some(slot.get_or_init(|| value).clone())
            }
        },
        None => digits(number),
    }
}

/// Without spare room, for which `Bytes` would take a second allocation.
fn digits(number: u64) -> Option<HeaderValue> {
    let digits = number.to_string().into_boxed_str().into_boxed_bytes();
    HeaderValue::from_maybe_shared(Bytes::from(digits)).ok()
}

/// Headers whose values carry a credential.
pub(crate) fn is_secret(name: &HeaderName) -> bool {
    [
        header::AUTHORIZATION,
        header::PROXY_AUTHORIZATION,
        header::COOKIE,
    ]
    .contains(name)
}

fn is_reserved(name: &HeaderName) -> bool {
    let text = name.as_str();
    text.starts_with("connect-")
        || text.starts_with("trailer-connect-")
        || [
            header::ACCEPT_ENCODING,
            header::CONNECTION,
            header::CONTENT_ENCODING,
            header::CONTENT_LENGTH,
            header::CONTENT_TYPE,
            header::HOST,
            header::TE,
            header::TRAILER,
            header::TRANSFER_ENCODING,
            header::UPGRADE,
        ]
        .contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for value in [0, 7, 10, 10, 511, 512, 29_999, u64::MAX] {
            assert_eq!(number(value).unwrap(), value.to_string());
        }
    }

    #[test]
    fn good_headers_pass() {
        for (name, value) in [
            ("x-request-id", "abc 1~"),
            ("X-Upper", ""),
            ("a_b.c-bin", "AAEC"),
            ("trailer-x", "y"),
        ] {
            let (parsed, sent) = check(name, value).unwrap();
            assert_eq!(parsed.as_str(), name.to_lowercase());
            assert_eq!(sent, value);
            assert!(!sent.is_sensitive());
        }
        assert!(check("Authorization", "Bearer x").unwrap().1.is_sensitive());
    }

    /// Checklist 5, and: a header with an invalid value is never dropped in silence.
    #[test]
    fn bad_headers_are_named_and_their_values_are_not() {
        for (name, value) in [
            ("", "x"),
            ("a b", "x"),
            ("a:b", "x"),
            ("a!b", "x"),
            ("grün", "x"),
            ("x-note", "secret\r\nx-evil: 1"),
            ("x-note", "secret\n"),
            ("x-note", "secret\u{7f}"),
            ("x-note", "secretü"),
            ("x-note", "secret\t"),
            ("connect-timeout-ms", "secret"),
            ("Connect-Protocol-Version", "secret"),
            ("trailer-connect-x", "secret"),
            ("content-type", "secret"),
            ("Host", "secret"),
        ] {
            let error = check(name, value).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument);
            assert!(error.message().contains(&format!("{name:?}")), "{error}");
            assert!(!error.message().contains("secret"), "{error}");
            assert!(!error.may_have_executed());
        }
    }
}
