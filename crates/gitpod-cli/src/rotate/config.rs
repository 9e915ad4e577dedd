//! `--config FILE.toml`: what can be said by flags, in a file that is checked as a whole.

use std::path::{Path, PathBuf};

use gitpod_rotation::EntraConfig;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::args::{IfLost, Rotate};
use super::sinks;
use crate::exit::Failure;
use crate::{duration, uuid};

/// Fills in what no flag says. What is left has no flag.
pub(super) fn fill_in(mut args: Rotate) -> Result<(Rotate, EntraConfig), Failure> {
    let Some(path) = args.config.take() else {
        return Ok((args, EntraConfig::default()));
    };
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Failure::usage(format!("--config: can't read {}: {error}", path.display()))
    })?;
    let mut entra = EntraConfig::default();
    let wrong = read(&text, &mut args, &mut entra);
    if wrong.is_empty() {
        return Ok((args, entra));
    }
    Err(Failure::usage(told(&path, &wrong)))
}

/// What has no flag, and isn't in the journal either.
pub(super) fn of_sinks(config: Option<PathBuf>) -> Result<EntraConfig, Failure> {
    let file = Rotate {
        config,
        ..Rotate::default()
    };
    fill_in(file).map(|(_, entra)| entra)
}

/// What is wrong, and in which line.
#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    line: usize,
    what: String,
}

fn told(path: &Path, wrong: &[Wrong]) -> String {
    let lines = wrong
        .iter()
        .map(|wrong| format!("{}:{}: {}", path.display(), wrong.line, wrong.what));
    format!("--config: {}", lines.collect::<Vec<_>>().join("; "))
}

/// Reads all of it, whatever is wrong on the way. No value is quoted: one may be a secret.
fn read(text: &str, args: &mut Rotate, entra: &mut EntraConfig) -> Vec<Wrong> {
    let line = |at: usize| {
        text.as_bytes()[..at.min(text.len())]
            .split(|b| *b == b'\n')
            .count()
    };
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            return vec![Wrong {
                line: line(error.span().map_or(0, |span| span.start)),
                what: format!("this isn't TOML: {}", error.message()),
            }];
        }
    };
    let mut wrong = Vec::new();
    for (name, value) in &table {
        let name: &str = name.get_ref();
        let read = match name {
            "entra" => table_of_entra(value).map(|read| *entra = read),
            _ => field(name, value, args),
        };
        if let Err((at, expected)) = read {
            wrong.push(Wrong {
                line: line(at),
                what: format!("{name}: {expected}"),
            });
        }
    }
    wrong.sort_by_key(|wrong| wrong.line);
    wrong
}

type Checked = Result<(), (usize, String)>;

fn field(name: &str, value: &Spanned<DeValue<'_>>, args: &mut Rotate) -> Checked {
    let at = value.span().start;
    let text = || match value.get_ref() {
        DeValue::String(text) => Ok(text.as_ref()),
        _ => Err((at, "expected a text in quotes".to_owned())),
    };
    let wrong = |why: String| (at, why);
    match name {
        "configuration" => set(&mut args.configuration, text()?, uuid::parse),
        "expires-in" => set(&mut args.expires_in, text()?, duration::token_life),
        "rotate-before" => set(&mut args.rotate_before, text()?, duration::life_left),
        "settle" => set(&mut args.settle, text()?, duration::settle),
        "command-timeout" => set(&mut args.manner.command_timeout, text()?, duration::timeout),
        "state-dir" => set(&mut args.state_dir.state_dir, text()?, |text| Ok(text.into())),
        "scim-url" => set(&mut args.manner.scim_url, text()?, |text| Ok(text.to_owned())),
        "if-lost" => set(&mut args.manner.if_lost, text()?, |text| match text {
            "regenerate" => Ok(IfLost::Regenerate),
            "fail" => Ok(IfLost::Fail),
            _ => Err("expected \"regenerate\" or \"fail\"".to_owned()),
        }),
        "to" => return to(value, args),
        _ => Err(
            "no such field; expected configuration, to, expires-in, rotate-before, if-lost, settle, \
             command-timeout, scim-url, state-dir or a table [entra]"
                .to_owned(),
        ),
    }
    .map_err(wrong)
}

/// A flag counts more than the file, which is checked all the same.
fn set<T>(
    field: &mut Option<T>,
    text: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<(), String> {
    let value = read(text)?;
    field.get_or_insert(value);
    Ok(())
}

fn to(value: &Spanned<DeValue<'_>>, args: &mut Rotate) -> Checked {
    let expected = || "expected a list of texts: [\"file:/etc/scim-token\"]".to_owned();
    let DeValue::Array(items) = value.get_ref() else {
        return Err((value.span().start, expected()));
    };
    let mut texts = Vec::new();
    for item in items {
        let DeValue::String(text) = item.get_ref() else {
            return Err((item.span().start, expected()));
        };
        sinks::check(text).map_err(|why| (item.span().start, why))?;
        texts.push(text.to_string());
    }
    if args.to.is_empty() {
        args.to = texts;
    }
    Ok(())
}

/// What Entra's own table says. Of what serde says of a mistake the names of fields are repeated, and no
/// value. A field is named by where its value is.
fn table_of_entra(value: &Spanned<DeValue<'_>>) -> Result<EntraConfig, (usize, String)> {
    let read = EntraConfig::deserialize(ValueDeserializer::from(value.clone()));
    read.map_err(|error| {
        let at = error.span().unwrap_or(value.span()).start;
        let message = error.message();
        let is_plain = message.starts_with("unknown field");
        let field = value.get_ref().as_table().and_then(|table| {
            let mut fields = table.iter();
            fields.find(|(_, value)| value.span().contains(&at))
        });
        let expected = match field {
            _ if is_plain => message.to_owned(),
            Some((name, _)) => format!("{}: expected a text in quotes", name.get_ref()),
            None => "expected a table of texts in quotes".to_owned(),
        };
        (at, expected)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        rotate: Rotate,
    }

    fn args(words: &[&str]) -> Rotate {
        Line::parse_from([&["x"], words].concat()).rotate
    }

    #[test]
    fn it_says_what_flags_say() {
        let mut args = args(&["--settle", "5s"]);
        let text = r#"
configuration = "d2c94c27-3b76-4a42-b88c-95a85e392c68"
to = ["file:/a",
      "command:true"]
expires-in = "90d"
rotate-before = "30d"
if-lost = "fail"
settle = "60s"
command-timeout = "2m"
state-dir = "/var/lib/x"
"#;
        assert_eq!(read(text, &mut args, &mut EntraConfig::default()), []);
        assert_eq!(args.to, ["file:/a", "command:true"]);
        assert_eq!(args.expires_in, Some(Duration::from_secs(90 * 86_400)));
        assert_eq!(args.manner.if_lost, Some(IfLost::Fail));
        assert_eq!(args.settle, Some(Duration::from_secs(5)), "the flag's");
        assert_eq!(args.state_dir.state_dir, Some("/var/lib/x".into()));
    }

    #[test]
    fn everything_that_is_wrong_has_its_line_and_field() {
        let text = "expires-in = \"secret\"\nto = [\n  \"file:/a\",\n  \"floppy:/secret\",\n]\nsettle = 5\nentar = {}\n";
        let wrong = read(text, &mut args(&[]), &mut EntraConfig::default());
        let lines: Vec<_> = wrong.iter().map(|wrong| wrong.line).collect();
        assert_eq!(lines, [1, 4, 6, 7], "{wrong:?}");
        let told = told(Path::new("x.toml"), &wrong);
        for part in [
            "x.toml:1: expires-in: expected",
            "x.toml:6: settle: ",
            "entar: no such field",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("secret"), "{told}");
    }

    #[test]
    fn a_field_of_a_table_is_named_too() {
        for (text, line, says) in [
            (
                "[entra]\njob-id = \"x\"\ntenant-id = 5",
                3,
                "entra: tenant-id: expected a text",
            ),
            (
                "[entra]\njob-id = [\"secret\"]",
                2,
                "entra: job-id: expected a text",
            ),
            ("\nentra = \"secret\"", 2, "entra: expected a table"),
            ("[entra]\njob = \"secret\"", 2, "entra: unknown field `job`"),
        ] {
            let wrong = read(text, &mut args(&[]), &mut EntraConfig::default());
            assert_eq!(wrong.len(), 1, "{wrong:?}");
            assert_eq!(wrong[0].line, line, "{wrong:?}");
            assert!(wrong[0].what.starts_with(says), "{wrong:?}");
            assert!(!wrong[0].what.contains("secret"), "{wrong:?}");
        }
    }

    #[test]
    fn what_isnt_toml_has_its_line() {
        let wrong = read(
            "settle = \"5s\"\n\nto = [\"file:/secret\n",
            &mut args(&[]),
            &mut EntraConfig::default(),
        );
        assert_eq!(wrong.len(), 1);
        assert_eq!(wrong[0].line, 3, "{wrong:?}");
        assert!(!wrong[0].what.contains("secret"), "{wrong:?}");
    }
}
