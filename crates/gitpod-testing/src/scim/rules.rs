//! What the service demands of a request's fields: the `buf.validate` rules of the .proto, by
//! hand, so that the server doesn't share the client's idea of them.
//!
//! No message repeats the value that it refuses: people paste tokens into the wrong field.

use std::time::Duration;

use connect_hyper::Code;

use crate::connect::error::ServerError;

const DAY: Duration = Duration::from_secs(86_400);
const TWO_YEARS: Duration = Duration::from_secs(63_072_000);

/// The life of a token where none is asked for: one year.
pub(crate) const DEFAULT_LIFE: Duration = Duration::from_secs(31_536_000);

/// `invalid_argument`, with the field and what is wrong.
pub(crate) fn invalid(field: &str, what: &str) -> ServerError {
    ServerError::new(Code::InvalidArgument, format!("{field}: {what}"))
}

/// Whether a text is a UUID in its usual form, in either case of letters.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Checks a field that must hold a UUID. Returns it in lower case, as ids are kept.
pub(crate) fn uuid(field: &str, value: &str) -> Result<String, ServerError> {
    if is_uuid(value) {
        Ok(value.to_ascii_lowercase())
    } else if value.is_empty() {
        Err(invalid(field, "is required, and must be a UUID"))
    } else {
        Err(invalid(
            field,
            "must be a UUID: 32 hexadecimal digits in groups of 8-4-4-4-12",
        ))
    }
}

/// Checks a field that must not be longer than so many characters.
pub(crate) fn max_characters(field: &str, value: &str, max: usize) -> Result<(), ServerError> {
    if value.chars().count() > max {
        return Err(invalid(field, &format!("must be at most {max} characters")));
    }
    Ok(())
}

/// Checks a field that must hold something.
pub(crate) fn not_empty(field: &str, value: &str) -> Result<(), ServerError> {
    if value.is_empty() {
        return Err(invalid(field, "is required"));
    }
    Ok(())
}

/// Checks a field that must hold an absolute URI.
pub(crate) fn uri(field: &str, value: &str) -> Result<(), ServerError> {
    match value.parse::<http::Uri>() {
        Ok(uri) if uri.scheme().is_some() && uri.host().is_some() => Ok(()),
        _ => Err(invalid(field, "must be an absolute URI")),
    }
}

/// Checks a field that holds domains, which must differ.
pub(crate) fn domains(field: &str, domains: &[String]) -> Result<(), ServerError> {
    for (at, domain) in domains.iter().enumerate() {
        let field = format!("{field}[{at}]");
        if !is_domain(domain) {
            return Err(invalid(&field, "must be a domain of 4 to 253 characters"));
        }
        if domains[..at].contains(domain) {
            return Err(invalid(&field, "must not be there twice"));
        }
    }
    Ok(())
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let Some((rest, top)) = text.rsplit_once('.') else {
        return false;
    };
    (4..=253).contains(&text.len())
        && rest.split('.').all(label)
        && top.len() >= 2
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Checks the life asked for a token: from 1 day to 2 years.
pub(crate) fn life(
    field: &str,
    value: Option<&gitpod_types::Duration>,
) -> Result<Option<Duration>, ServerError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let life = u64::try_from(value.seconds)
        .ok()
        .zip(u32::try_from(value.nanos).ok())
        .filter(|(_, nanos)| *nanos < 1_000_000_000)
        .map(|(seconds, nanos)| Duration::new(seconds, nanos))
        .filter(|life| (DAY..=TWO_YEARS).contains(life));
    match life {
        Some(life) => Ok(Some(life)),
        None => Err(invalid(
            field,
            "must be from 1 day (86400s) to 2 years (63072000s)",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids() {
        assert_eq!(
            uuid("f", "D2C94C27-3B76-4A42-B88C-95A85E392C68").unwrap(),
            "d2c94c27-3b76-4a42-b88c-95a85e392c68"
        );
        for wrong in [
            "",
            "d2c94c27",
            "d2c94c273b764a42b88c95a85e392c68",
            "d2c94c27-3b76-4a42-b88c-95a85e392c6g",
            "d2c94c27-3b76-4a42-b88c-95a85e392c68 ",
            "{d2c94c27-3b76-4a42-b88c-95a85e392c6}",
            "d2c94c27-3b76-4a42-b88c_95a85e392c68",
            "d2c94c27-3b76-4a42-b88c-95a85e392cé",
        ] {
            let error = uuid("some_id", wrong).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument);
            assert!(error.message().starts_with("some_id: "), "{error}");
            assert!(error.message().contains("UUID"));
            assert!(wrong.is_empty() || !error.message().contains(wrong));
        }
    }

    #[test]
    fn lives() {
        let check = |seconds, nanos| life("f", Some(&gitpod_types::Duration { seconds, nanos }));
        assert_eq!(life("f", None).unwrap(), None);
        assert_eq!(check(86_400, 0).unwrap(), Some(DAY));
        assert_eq!(check(63_072_000, 0).unwrap(), Some(TWO_YEARS));
        assert_eq!(
            check(86_400, 1).unwrap(),
            Some(DAY + Duration::from_nanos(1))
        );
        for (seconds, nanos) in [
            (0, 0),
            (86_399, 999_999_999),
            (63_072_000, 1),
            (-86_400, 0),
            (86_400, -1),
            (86_400, 1_000_000_000),
            (i64::MAX, 0),
            (i64::MIN, i32::MIN),
        ] {
            let error = check(seconds, nanos).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument, "{seconds}s {nanos}ns");
        }
    }

    #[test]
    fn lengths_are_in_characters() {
        assert!(max_characters("name", &"é".repeat(128), 128).is_ok());
        assert!(max_characters("name", &"e".repeat(129), 128).is_err());
    }

    #[test]
    fn uris_and_domains() {
        assert!(uri("f", "https://idp.example.com/x").is_ok());
        for wrong in ["", "idp.example.com", "/x", "https://", "not a uri"] {
            assert!(uri("f", wrong).is_err(), "{wrong}");
        }
        let check = |list: &[&str]| {
            let list: Vec<String> = list.iter().map(|&item| item.into()).collect();
            domains("f", &list)
        };
        assert!(check(&["example.com", "a.b.example.org", "x.io"]).is_ok());
        for wrong in [
            &["com"][..],
            &["a.b"],
            &["-a.com"],
            &["a..com"],
            &["a.c0m"],
            &["example.com", "example.com"],
        ] {
            assert!(check(wrong).is_err(), "{wrong:?}");
        }
    }
}
