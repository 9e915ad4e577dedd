//! Formats that many languages have names for.

/// `8-4-4-4-12` hexadecimal digits of either case, as protovalidate's regular expression has it.
#[inline]
pub(super) fn is_uuid(text: &str) -> bool {
    let Ok(text) = <&[u8; 36]>::try_from(text.as_bytes()) else {
        return false;
    };
    let dashes = [text[8], text[13], text[18], text[23]];
    // Together, so that they are looked at by the register rather than by the byte.
    let mut digits = [0; 32];
    digits[..8].copy_from_slice(&text[..8]);
    digits[8..12].copy_from_slice(&text[9..13]);
    digits[12..16].copy_from_slice(&text[14..18]);
    digits[16..20].copy_from_slice(&text[19..23]);
    digits[20..].copy_from_slice(&text[24..]);
    let is_hex = |byte: u8| (byte.wrapping_sub(b'0') < 10) | ((byte | 0x20).wrapping_sub(b'a') < 6);
    let are_hex = digits.iter().fold(true, |all, &byte| all & is_hex(byte));
    are_hex && dashes == *b"----"
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
