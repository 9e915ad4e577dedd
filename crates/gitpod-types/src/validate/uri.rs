//! URIs by RFC 3986.

use std::net::Ipv6Addr;

/// `scheme ":" hier-part [ "?" query ] [ "#" fragment ]`.
pub(super) fn is_uri(text: &str) -> bool {
    // No part can hold the first of these that ends it, so there is one way to take a URI apart.
    let (rest, fragment) = split(text, '#');
    let (rest, query) = split(rest, '?');
    let Some((scheme, hierarchy)) = rest.split_once(':') else {
        return false;
    };
    let is_hierarchy = match hierarchy.strip_prefix("//") {
        Some(rest) => {
            let end = rest.find('/').unwrap_or(rest.len());
            is_authority(&rest[..end]) && is_made_of(&rest[end..], "/:@")
        }
        None => is_made_of(hierarchy, "/:@"),
    };
    is_scheme(scheme) && is_hierarchy && is_made_of(query, "/?:@") && is_made_of(fragment, "/?:@")
}

/// What is before and behind the first of these; nothing is behind where there is none.
fn split(text: &str, at: char) -> (&str, &str) {
    text.split_once(at).unwrap_or((text, ""))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// `[ userinfo "@" ] host [ ":" port ]`.
fn is_authority(text: &str) -> bool {
    let (user, rest) = text.split_once('@').unwrap_or(("", text));
    let is_host = match rest.strip_prefix('[') {
        Some(literal) => literal.split_once(']').is_some_and(|(address, port)| {
            is_address(address) && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
        }),
        None => {
            let (host, port) = split(rest, ':');
            is_made_of(host, "") && is_port(port) && is_utf8(host)
        }
    };
    is_made_of(user, ":") && is_host
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `IPv6address / IPv6addrz / IPvFuture`, with a zone as RFC 6874 writes it.
fn is_address(text: &str) -> bool {
    if let Some(future) = text.strip_prefix(['v', 'V']) {
        return future.split_once('.').is_some_and(|(version, address)| {
            !version.is_empty()
                && version.bytes().all(|byte| byte.is_ascii_hexdigit())
                && !address.is_empty()
                && address.bytes().all(|byte| byte == b':' || is_plain(byte))
        });
    }
    let (address, zone) = match text.split_once("%25") {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    address.parse::<Ipv6Addr>().is_ok()
        && zone.is_none_or(|zone| {
            let is_unreserved = |byte: u8| is_plain(byte) && !b"!$&'()*+,;=".contains(&byte);
            !zone.is_empty() && are(zone, is_unreserved) && is_utf8(zone)
        })
}

/// Unreserved characters, escapes, sub-delimiters, and `more`.
fn is_made_of(text: &str, more: &str) -> bool {
    are(text, |byte| {
        is_plain(byte) || more.as_bytes().contains(&byte)
    })
}

/// Whether every byte is, or an escape.
fn are(text: &str, is: impl Fn(u8) -> bool) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_right = if byte == b'%' {
            let digits = [bytes.next(), bytes.next()];
            digits
                .iter()
                .all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()))
        } else {
            is(byte)
        };
        if !is_right {
            return false;
        }
    }
    true
}

/// Unreserved characters and sub-delimiters.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)
}

/// Whether what is escaped is UTF-8: that is all that a host may use escapes for.
fn is_utf8(text: &str) -> bool {
    // All is ASCII but for what is escaped.
    let mut escaped = [0; 4];
    let mut length = 0;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            if length != 0 {
                return false;
            }
            continue;
        }
        let mut digit = || {
            let digit = bytes.next().map(char::from);
            digit
                .and_then(|digit| digit.to_digit(16))
                .unwrap_or_default() as u8
        };
        escaped[length] = digit() << 4 | digit();
        length += 1;
        match std::str::from_utf8(&escaped[..length]) {
            Ok(_) => length = 0,
            // There is more to come.
            Err(error) if error.error_len().is_none() => {}
            Err(_) => return false,
        }
    }
    length == 0
}
