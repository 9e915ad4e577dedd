//! The regular expressions of the .proto files, by hand: RE2's syntax, where `$` is the end of the
//! text alone. gitpod-build knows which function stands for which text.

use super::format::is_label;

/// `^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]{2,}$`
pub(crate) fn domain(text: &str) -> bool {
    text.rsplit_once('.').is_some_and(|(labels, last)| {
        last.len() >= 2
            && last.bytes().all(|byte| byte.is_ascii_alphabetic())
            && labels.split('.').all(is_label)
    })
}

/// `^[a-zA-Z0-9_-]*$`
pub(crate) fn slug(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// `^[a-zA-Z0-9_-]{1,128}$`
pub(crate) fn reference(text: &str) -> bool {
    (1..=128).contains(&text.len()) && slug(text)
}

/// `^[A-Z]{2}$`
pub(crate) fn two_capitals(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// `^[0-9a-zA-Z_]{3,}$`
pub(crate) fn three_word_characters(text: &str) -> bool {
    text.len() >= 3 && text.bytes().all(is_word)
}

/// `^[a-zA-Z_][a-zA-Z0-9_]*$`
pub(crate) fn identifier(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(is_word)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
