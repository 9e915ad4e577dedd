//! The query of a unary call by GET, which the message stands in.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::codec::Codec;
use crate::compression::Compression;

/// What a URI may have at most, as the `http` crate counts; nobody on the way takes that much.
const MAX_URI: usize = 65_534;

/// Writes a call into the path that it belongs to. None if that makes it longer than `limit` bytes.
///
/// Checklist 7: the parameters in this order, so that one call is one key to a cache.
pub(crate) fn append(
    mut path: String,
    codec: Codec,
    encoding: Option<Compression>,
    message: &[u8],
    limit: usize,
) -> Option<String> {
    let limit = limit.min(MAX_URI);
    // Neither form is shorter than the message.
    if path.len().saturating_add(message.len()) > limit {
        return None;
    }
    path.push_str("?connect=v1");
    // Checklist 8: base64 for what isn't text.
    let is_text = codec == Codec::Json && encoding.is_none();
    if !is_text {
        path.push_str("&base64=1");
    }
    if let Some(compression) = encoding {
        path.push_str("&compression=");
        path.push_str(compression.name());
    }
    path.push_str("&encoding=");
    path.push_str(codec.name());
    path.push_str("&message=");
    if is_text {
        percent_encode(message, &mut path);
    } else {
        URL_SAFE_NO_PAD.encode_string(message, &mut path);
    }
    (path.len() <= limit).then_some(path)
}

/// Escapes all but what no URL gives a meaning to (RFC 3986, section 2.3).
fn percent_encode(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(codec: Codec, encoding: Option<Compression>, message: &[u8]) -> String {
        append(String::new(), codec, encoding, message, 1000).unwrap()
    }

    /// Checklist 7 and 8.
    #[test]
    fn json_is_percent_encoded() {
        assert_eq!(
            query(Codec::Json, None, "{\"a\":\"ü+ &-._~\"}".as_bytes()),
            "?connect=v1&encoding=json&message=%7B%22a%22%3A%22%C3%BC%2B%20%26-._~%22%7D"
        );
    }

    /// Checklist 7 and 8: without padding, and with '-' and '_' for '+' and '/'.
    #[test]
    fn binary_is_base64() {
        for (message, expected) in [(&b""[..], ""), (b"\xfb\xff\xfe\x01", "-__-AQ")] {
            assert_eq!(
                query(Codec::Binary, None, message),
                format!("?connect=v1&base64=1&encoding=proto&message={expected}")
            );
        }
    }

    /// Checklist 7 and 8.
    #[cfg(feature = "gzip")]
    #[test]
    fn what_is_compressed_is_base64() {
        for (codec, name) in [(Codec::Json, "json"), (Codec::Binary, "proto")] {
            assert_eq!(
                query(codec, Some(Compression::Gzip), b"\x1f\x8b"),
                format!("?connect=v1&base64=1&compression=gzip&encoding={name}&message=H4s")
            );
        }
    }

    #[test]
    fn the_limit_counts_what_goes_out() {
        let whole = query(Codec::Json, None, b"{}").len();
        for (limit, fits) in [(whole, true), (whole - 1, false), (0, false)] {
            let found = append(String::new(), Codec::Json, None, b"{}", limit);
            assert_eq!(found.is_some(), fits, "{limit}");
        }
        // Whatever the limit, it stays what a URI can be.
        for (length, fits) in [(60_000, true), (70_000, false)] {
            let message = vec![b'a'; length];
            let found = append(String::new(), Codec::Json, None, &message, usize::MAX);
            assert_eq!(found.is_some(), fits, "{length}");
        }
    }
}
