//! What is printed: results on standard output, everything else on standard error.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::exit::{Exit, Failure};

/// What standard error never shows, nor what is told on standard output, whoever says it: a server may send back
/// what it got.
static HIDDEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps a secret from standard error. One that is so short that ordinary words have it isn't.
pub(crate) fn hide(secret: &str) {
    const SHORTEST: usize = 6;
    if secret.len() >= SHORTEST {
        HIDDEN
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(secret.to_owned());
    }
}

/// A line for a person, on standard error. That it can't be written changes nothing.
pub(crate) fn note(text: &str) {
    aside(&format!("gitpodctl: {text}"));
}

/// The same without a name in front.
pub(crate) fn aside(text: &str) {
    let text = without_secrets(text);
    let _ = writeln!(io::stderr().lock(), "{}", printable(&text));
}

/// The text without what is kept from standard error.
fn without_secrets(text: &str) -> String {
    let mut text = text.to_owned();
    for secret in HIDDEN.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        text = text.replace(secret, "[redacted]");
    }
    text
}

/// A result on standard output, written through.
pub(crate) fn raw(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// A line on standard output.
pub(crate) fn line(text: &str) -> io::Result<()> {
    raw(format!("{text}\n").as_bytes())
}

/// A line on standard output about what happened, as one of standard error would be: no secret is in it.
pub(crate) fn told(text: &str) -> io::Result<()> {
    line(&without_secrets(text))
}

/// A result of which nothing is lost if it can't be printed.
pub(crate) fn result(text: &str) -> Result<(), Failure> {
    line(text).map_err(|error| unprinted(&error))
}

/// What was asked for is done, and saying so failed.
pub(crate) fn unprinted(error: &io::Error) -> Failure {
    Failure::new(
        Exit::Unprinted,
        format!("done, but can't write to standard output: {error}"),
    )
}

/// A message as the JSON of the API.
pub(crate) fn json(message: &impl serde::Serialize) -> Result<Value, Failure> {
    // serde's words are left out: they may quote values.
    serde_json::to_value(message)
        .map_err(|_| Failure::local("the answer can't be written as JSON".to_owned()))
}

/// A field of the API's JSON as text: empty where it is absent.
pub(crate) fn field(value: &Value, name: &str) -> String {
    match value.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Rows under a heading, columns aligned by two spaces.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = std::iter::once(heading.iter().map(ToString::to_string).collect())
        .chain(
            rows.iter()
                .map(|row| row.iter().map(|cell| printable(cell)).collect()),
        )
        .collect();
    let widths: Vec<usize> = (0..heading.len())
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    rows.iter()
        .map(|row| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .map(|(cell, &width)| format!("{cell:width$}"))
                .collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// The text with control characters spelled out: names and messages come from elsewhere and
/// shouldn't move a terminal's cursor.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            if c.is_control() {
                c.escape_default().collect::<Vec<_>>()
            } else {
                vec![c]
            }
        })
        .collect()
}

/// Whether what is printed is thrown away: standard output is the null device, which it also is if
/// whoever started this has closed it.
#[cfg(unix)]
pub(crate) fn goes_nowhere() -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::{FileTypeExt, MetadataExt};

    let device = |metadata: io::Result<std::fs::Metadata>| {
        let metadata = metadata.ok()?;
        let is_device = metadata.file_type().is_char_device();
        is_device.then(|| metadata.rdev())
    };
    let stdout = io::stdout().as_fd().try_clone_to_owned();
    let stdout = stdout.and_then(|stdout| std::fs::File::from(stdout).metadata());
    let null = device(std::fs::metadata("/dev/null"));
    null.is_some() && device(stdout) == null
}

/// That can't be told here.
#[cfg(not(unix))]
pub(crate) fn goes_nowhere() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_nothing_trails() {
        let text = table(
            &["ID", "NAME", "ENABLED"],
            &[
                vec!["1".into(), "Entra ID".into(), "true".into()],
                vec!["22".into(), String::new(), String::new()],
            ],
        );
        assert_eq!(text, "ID  NAME      ENABLED\n1   Entra ID  true\n22");
    }

    #[test]
    fn control_characters_are_spelled_out() {
        assert_eq!(printable("a\u{1b}[2Jb\né"), "a\\u{1b}[2Jb\\né");
    }
}
