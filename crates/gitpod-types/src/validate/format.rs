//! Formats that many languages have names for.

/// `8-4-4-4-12` hexadecimal digits of either case, as protovalidate's regular expression has it.
///
/// Most of what the API asks for is one of these. It is looked at in three windows of 16 bytes, as
/// wide as a register.
#[must_use]
pub fn is_uuid(text: &str) -> bool {
    let Ok(text) = <&[u8; 36]>::try_from(text.as_bytes()) else {
        return false;
    };
    let is_hex = |byte: u8| (byte.wrapping_sub(b'0') < 10) | ((byte | 0x20).wrapping_sub(b'a') < 6);
    let mut are_right = true;
    for at in 0..16 {
        let is_hyphen = [8, 13].map(|hyphen| at == hyphen);
        are_right &= is_hex(text[at]) | is_hyphen[0] | is_hyphen[1];
        let is_hyphen = [18, 23].map(|hyphen| at + 16 == hyphen);
        are_right &= is_hex(text[at + 16]) | is_hyphen[0] | is_hyphen[1];
        are_right &= is_hex(text[at + 20]) | (at + 20 == 23);
    }
    are_right & ([text[8], text[13], text[18], text[23]] == *b"----")
}

/// An address as the HTML standard defines it: what protovalidate goes by.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let is_local =
        |byte: u8| byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    !local.is_empty() && local.bytes().all(is_local) && domain.split('.').all(is_label)
}

/// A label of a host's name: 1 to 63 letters, digits and hyphens, no hyphen at either end.
pub(super) fn is_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}
