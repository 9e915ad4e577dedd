//! Go, which what others have written for it is built with.

use std::ffi::OsStr;
use std::process;

use crate::Failure;

/// The Go that the conformance suite and Kubernetes are written in.
const NEEDED: (u32, u32) = (1, 24);

/// Says that Go is missing, unless it is there and new enough.
pub(crate) fn check(what: &str) -> Result<(), Failure> {
    let (major, minor) = NEEDED;
    let found = match says("go", "version") {
        Ok(said) if version(&said).is_some_and(|version| version >= NEEDED) => return Ok(()),
        Ok(said) => format!("this is {}", said.trim()),
        Err(error) => format!("cannot run go: {error}"),
    };
    Err(Failure::new(format!(
        "Go {major}.{minor} or later is missing, which {what} is built with ({found})"
    )))
}

/// Reads `go version go1.24.3 linux/amd64`.
fn version(said: &str) -> Option<(u32, u32)> {
    said.split_whitespace().find_map(|word| {
        let mut parts = word
            .strip_prefix("go")?
            .split(|c: char| !c.is_ascii_digit());
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    })
}

/// What a program prints when it is given one argument.
pub(crate) fn says(program: impl AsRef<OsStr>, argument: &str) -> std::io::Result<String> {
    let output = process::Command::new(program).arg(argument).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_versions() {
        for (said, expected) in [
            ("go version go1.24.3 linux/amd64\n", Some((1, 24))),
            ("go version go1.26rc1 darwin/arm64", Some((1, 26))),
            ("go version go2.0 linux/amd64", Some((2, 0))),
            ("go version devel go1.25-abcdef linux/amd64", Some((1, 25))),
            ("bash: go: no such thing", None),
            ("", None),
        ] {
            assert_eq!(version(said), expected, "{said}");
        }
    }
}
