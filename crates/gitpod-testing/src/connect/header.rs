//! The headers that the protocol defines.

use std::time::Duration;

use connect_hyper::Code;
use http::HeaderMap;

use super::error::ServerError;

pub(crate) const PROTOCOL_VERSION: &str = "connect-protocol-version";
pub(crate) const TIMEOUT: &str = "connect-timeout-ms";

/// The value of a header that may be there once.
///
/// # Errors
///
/// `invalid_argument` where it is there twice or isn't ASCII.
pub(crate) fn single<'a>(
    headers: &'a HeaderMap,
    name: &str,
) -> Result<Option<&'a str>, ServerError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(invalid(name, "is there more than once"));
    }
    value
        .to_str()
        .map(Some)
        .map_err(|_| invalid(name, "isn't printable ASCII"))
}

fn invalid(name: &str, what: &str) -> ServerError {
    ServerError::new(Code::InvalidArgument, format!("header {name} {what}"))
}

/// Checks `Connect-Protocol-Version`.
///
/// # Errors
///
/// `invalid_argument` where it says something other than 1, or isn't there though `required`.
pub(crate) fn protocol_version(headers: &HeaderMap, required: bool) -> Result<(), ServerError> {
    match single(headers, PROTOCOL_VERSION)? {
        Some("1") => Ok(()),
        None if !required => Ok(()),
        _ => Err(invalid(PROTOCOL_VERSION, "must be \"1\"")),
    }
}

/// Reads `Connect-Timeout-Ms`: a positive integer of at most 10 digits.
///
/// # Errors
///
/// `invalid_argument` where it is anything else. Zero is refused too: the protocol doesn't allow
/// it, and a client that rounds a short deadline down to it has a bug worth finding.
pub(crate) fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, ServerError> {
    let Some(text) = single(headers, TIMEOUT)? else {
        return Ok(None);
    };
    let well_formed = (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(milliseconds) if well_formed && milliseconds > 0 => {
            Ok(Some(Duration::from_millis(milliseconds)))
        }
        _ => Err(invalid(
            TIMEOUT,
            "must be a positive integer of at most 10 digits",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn headers(entries: &[(&'static str, &'static str)]) -> HeaderMap {
        entries
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn timeouts() {
        for (text, expected) in [
            ("1", Duration::from_millis(1)),
            ("0015000", Duration::from_secs(15)),
            ("9999999999", Duration::from_millis(9_999_999_999)),
        ] {
            assert_eq!(
                timeout(&headers(&[(TIMEOUT, text)])).unwrap(),
                Some(expected)
            );
        }
        assert_eq!(timeout(&HeaderMap::new()).unwrap(), None);
        for wrong in ["", "0", "-1", "+5", "1.5", "10ms", "12345678901", " 5"] {
            let error = timeout(&headers(&[(TIMEOUT, wrong)])).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument, "{wrong:?}");
            assert!(error.message().contains(TIMEOUT));
        }
        assert!(timeout(&headers(&[(TIMEOUT, "5"), (TIMEOUT, "5")])).is_err());
    }

    #[test]
    fn versions() {
        assert!(protocol_version(&headers(&[(PROTOCOL_VERSION, "1")]), true).is_ok());
        assert!(protocol_version(&HeaderMap::new(), false).is_ok());
        assert!(protocol_version(&HeaderMap::new(), true).is_err());
        for wrong in ["", "0", "2", "1.0", "v1"] {
            assert!(protocol_version(&headers(&[(PROTOCOL_VERSION, wrong)]), false).is_err());
        }
        let twice = headers(&[(PROTOCOL_VERSION, "1"), (PROTOCOL_VERSION, "1")]);
        assert!(protocol_version(&twice, false).is_err());
    }
}
