//! A message as another implementation wrote it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A message in both its forms.
#[derive(Debug)]
pub(crate) struct Vector {
    /// The line of the file, counted from 1; none where there is no file.
    pub(crate) line: Option<usize>,
    pub(crate) name: String,
    pub(crate) json: String,
    pub(crate) binary: Vec<u8>,
}

impl Vector {
    /// The message, and where it stands.
    pub(crate) fn place(&self) -> String {
        match self.line {
            Some(line) => format!("line {line}, {}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Reads a file of vectors. An error says in which line it is.
pub(crate) fn read(text: &[u8]) -> Result<Vec<Vector>, String> {
    let mut vectors = Vec::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let number = index + 1;
        let mut vector = parse(line).map_err(|error| format!("line {number}: {error}"))?;
        vector.line = Some(number);
        vectors.push(vector);
    }
    if vectors.is_empty() {
        return Err("line 1: there is no vector".to_owned());
    }
    Ok(vectors)
}

fn parse(line: &[u8]) -> Result<Vector, String> {
    let line: Value = serde_json::from_slice(line).map_err(|error| format!("not JSON: {error}"))?;
    let text = |key: &str, what: &str| {
        line.get(key)
            .and_then(Value::as_str)
            .ok_or_else(|| format!("expected an object with {what} as the string `{key}`"))
    };
    let name = text("n", "a message's full name")?.to_owned();
    let json = text("j", "its JSON")?.to_owned();
    if let Err(error) = serde_json::from_str::<Value>(&json) {
        return Err(format!("`j` isn't JSON: {error}"));
    }
    let binary = STANDARD
        .decode(text("b", "its binary, in base64,")?)
        .map_err(|error| format!("`b` isn't base64: {error}"))?;
    Ok(Vector {
        line: None,
        name,
        json,
        binary,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn lines() {
        let text = "{\"n\": \"a.B\", \"mode\": 1, \"j\": \"{\\\"x\\\": 1}\", \"b\": \"CAE=\"}\n\n";
        let vectors = read(text.as_bytes()).unwrap();
        assert_eq!(vectors.len(), 1);
        assert_eq!(vectors[0].place(), "line 1, a.B");
        assert_eq!(vectors[0].json, "{\"x\": 1}");
        assert_eq!(vectors[0].binary, [8, 1]);
    }

    #[test]
    fn an_error_says_which_line() {
        let good = "{\"n\": \"a.B\", \"j\": \"{}\", \"b\": \"\"}";
        for (bad, says) in [
            ("{", "not JSON"),
            ("[]", "`n`"),
            ("{\"n\": 1}", "`n`"),
            ("{\"n\": \"a.B\", \"b\": \"\"}", "`j`"),
            ("{\"n\": \"a.B\", \"j\": {}, \"b\": \"\"}", "`j`"),
            (
                "{\"n\": \"a.B\", \"j\": \"{\", \"b\": \"\"}",
                "`j` isn't JSON",
            ),
            ("{\"n\": \"a.B\", \"j\": \"{}\"}", "`b`"),
            (
                "{\"n\": \"a.B\", \"j\": \"{}\", \"b\": \"?\"}",
                "`b` isn't base64",
            ),
        ] {
            let error = read(format!("{good}\n\n{bad}\n{good}").as_bytes()).unwrap_err();
            assert!(error.starts_with("line 3: "), "{error}");
            assert!(error.contains(says), "{error}");
        }
        assert!(read(b"\n").unwrap_err().contains("no vector"));
        assert!(read(b"\xff").unwrap_err().contains("line 1: not JSON"));
    }
}
