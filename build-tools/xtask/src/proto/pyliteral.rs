//! Python's bytes literals, as protoc writes them into `*_pb2.py`.

/// Reads one literal such as `b'\n\x15gitpod'` from the start of `text`.
///
/// Python's own rules for a bytes literal in one line: both quotes, all escapes, and an unknown
/// escape stands for itself, backslash included.
pub(super) fn bytes_literal(text: &str) -> Result<Vec<u8>, String> {
    let mut rest = text.bytes();
    if rest.next() != Some(b'b') {
        return Err("no bytes literal where one was expected".into());
    }
    let quote = match rest.next() {
        Some(quote @ (b'\'' | b'"')) => quote,
        _ => return Err("no quote after the b of a bytes literal".into()),
    };
    let mut rest = rest.peekable();
    let mut bytes = Vec::new();
    loop {
        match rest.next().ok_or("the bytes literal has no end")? {
            byte if byte == quote => return Ok(bytes),
            b'\n' => return Err("the bytes literal has no end on its line".into()),
            b'\\' => match rest.next().ok_or("the bytes literal has no end")? {
                b'\n' => {}
                b'\\' => bytes.push(b'\\'),
                b'\'' => bytes.push(b'\''),
                b'"' => bytes.push(b'"'),
                b'a' => bytes.push(0x07),
                b'b' => bytes.push(0x08),
                b'f' => bytes.push(0x0c),
                b'n' => bytes.push(b'\n'),
                b'r' => bytes.push(b'\r'),
                b't' => bytes.push(b'\t'),
                b'v' => bytes.push(0x0b),
                b'x' => {
                    let high = rest
                        .next()
                        .and_then(hex)
                        .ok_or("\\x wants two hex digits")?;
                    let low = rest
                        .next()
                        .and_then(hex)
                        .ok_or("\\x wants two hex digits")?;
                    bytes.push(high << 4 | low);
                }
                first @ b'0'..=b'7' => {
                    let mut value = u16::from(first - b'0');
                    for _ in 0..2 {
                        let Some(digit) = rest.next_if(|byte| (b'0'..=b'7').contains(byte)) else {
                            break;
                        };
                        value = value << 3 | u16::from(digit - b'0');
                    }
                    bytes.push(u8::try_from(value).map_err(|_| "an octal escape above 255")?);
                }
                other => bytes.extend([b'\\', other]),
            },
            byte if byte.is_ascii() => bytes.push(byte),
            _ => return Err("a byte outside ASCII in a bytes literal".into()),
        }
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::bytes_literal;

    #[test]
    fn every_escape_is_read_as_python_reads_it() {
        let text = r#"b'\n\x15a\'b"c\\d\"\0\12\1234\xfF\t\r\a\b\f\v\q' + 1"#;
        assert_eq!(
            bytes_literal(text).unwrap(),
            b"\n\x15a'b\"c\\d\"\0\x0a\x534\xff\t\r\x07\x08\x0c\x0b\\q"
        );
        assert_eq!(bytes_literal(r#"b"it's""#).unwrap(), b"it's");
    }

    #[test]
    fn what_is_no_literal_is_refused() {
        for (text, reason) in [
            ("'a'", "no bytes literal"),
            ("b(", "no quote"),
            ("b'a", "no end"),
            ("b'a\\", "no end"),
            ("b'a\n'", "no end on its line"),
            ("b'\\x1'", "two hex digits"),
            ("b'\\777'", "above 255"),
            ("b'\u{e9}'", "outside ASCII"),
        ] {
            let error = bytes_literal(text).unwrap_err();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }
}
