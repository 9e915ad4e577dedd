//! `--config FILE.toml`: what can be said by flags, in a file that is checked as a whole.

use std::path::Path;

use gitpod_rotation::{EntraConfig, ScimEndpoint};
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
        let found = match name {
            "entra" => table_of_entra(value, entra),
            "to" => to(value, args),
            _ => field(name, value, args).err().into_iter().collect(),
        };
        wrong.extend(found.into_iter().map(|(at, expected)| Wrong {
            line: line(at),
            what: format!("{name}: {expected}"),
        }));
    }
    let life = |name: &str| table.iter().find(|(field, _)| *field.get_ref() == name);
    if let Some((name, _)) = life("rotate-before").or_else(|| life("expires-in"))
        && wrong.is_empty()
        && rotates_each_time(args)
    {
        wrong.push(Wrong {
            line: line(name.span().start),
            what: "rotate-before: expected less than expires-in, or each run would rotate"
                .to_owned(),
        });
    }
    wrong.sort_by_key(|wrong| wrong.line);
    wrong
}

/// Whether a new token would be due at once.
pub(super) fn rotates_each_time(args: &Rotate) -> bool {
    args.rotate_before >= Some(args.expires_in.unwrap_or(super::LIFE))
}

/// Where something is wrong, and what was expected there.
type At = (usize, String);

fn field(name: &str, value: &Spanned<DeValue<'_>>, args: &mut Rotate) -> Result<(), At> {
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
        "state-dir" => set(&mut args.state_dir.state_dir, text()?, |text| match text {
            "" => Err("expected a folder".to_owned()),
            _ => Ok(text.into()),
        }),
        "scim-url" => set(&mut args.manner.scim_url, text()?, |text| {
            let checked = ScimEndpoint::new(text);
            checked.map_err(|error| error.message().to_owned())?;
            Ok(text.to_owned())
        }),
        "if-lost" => set(&mut args.manner.if_lost, text()?, |text| match text {
            "regenerate" => Ok(IfLost::Regenerate),
            "fail" => Ok(IfLost::Fail),
            _ => Err("expected \"regenerate\" or \"fail\"".to_owned()),
        }),
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

fn to(value: &Spanned<DeValue<'_>>, args: &mut Rotate) -> Vec<At> {
    let expected = || "expected a list of texts: [\"file:/etc/scim-token\"]".to_owned();
    let DeValue::Array(items) = value.get_ref() else {
        return vec![(value.span().start, expected())];
    };
    let mut wrong = Vec::new();
    let mut texts = Vec::new();
    for item in items {
        let checked = match item.get_ref() {
            DeValue::String(text) => sinks::check(text).map(|()| text.to_string()),
            _ => Err(expected()),
        };
        match checked {
            Ok(text) => texts.push(text),
            Err(why) => wrong.push((item.span().start, why)),
        }
    }
    if args.to.is_empty() {
        args.to = texts;
    }
    wrong
}

/// What Entra's own table says, read field by field, so that all that is wrong is found.
fn table_of_entra(value: &Spanned<DeValue<'_>>, entra: &mut EntraConfig) -> Vec<At> {
    let read = |value| EntraConfig::deserialize(ValueDeserializer::from(value));
    let Some(fields) = value.get_ref().as_table() else {
        let expected = "expected a table of texts in quotes";
        return vec![(value.span().start, expected.to_owned())];
    };
    let mut wrong = Vec::new();
    for (name, field) in fields {
        let mut alone = DeTable::new();
        alone.insert(name.clone(), field.clone());
        if let Err(error) = read(Spanned::new(value.span(), DeValue::Table(alone))) {
            wrong.push((name.span().start, expected_of_entra(name.get_ref(), &error)));
        }
    }
    if wrong.is_empty() {
        match read(value.clone()) {
            Ok(read) => *entra = read,
            Err(error) => wrong.push((value.span().start, expected_of_entra("", &error))),
        }
    }
    wrong
}

/// What was expected of a field. Of what serde says the names of fields and words are repeated, and no value.
fn expected_of_entra(name: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    match message.rsplit_once(", expected ") {
        Some(_) if message.starts_with("unknown field") => message.to_owned(),
        Some((variant, words)) if variant.starts_with("unknown variant") => {
            format!("{name}: expected {words}")
        }
        _ => format!("{name}: expected a text in quotes"),
    }
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
    fn every_sink_and_field_of_a_table_that_is_wrong_is_named() {
        let text = r#"to = ["floppy:secret",
      "file:/a", 5,
      "file:"]
state-dir = ""
scim-url = "http://example.com"
[entra]
service-principal = "secret"
job-id = 5
credential = "secret, expected secret"
cloud = "secret"
"#;
        let wrong = read(text, &mut args(&[]), &mut EntraConfig::default());
        let lines: Vec<_> = wrong.iter().map(|wrong| wrong.line).collect();
        assert_eq!(lines, [1, 2, 3, 4, 5, 7, 8, 9, 10], "{wrong:?}");
        let told = told(Path::new("x.toml"), &wrong);
        for part in [
            "x.toml:2: to: expected a list of texts",
            "x.toml:5: scim-url: expected",
            "x.toml:7: entra: unknown field `service-principal`",
            "x.toml:8: entra: job-id: expected a text",
            "x.toml:9: entra: credential: expected one of `graph-token`",
            "x.toml:10: entra: cloud: expected one of `global`",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("secret,"), "{told}");
        assert!(!told.contains("floppy"), "{told}");
    }

    #[test]
    fn a_file_by_which_each_run_would_rotate_is_wrong() {
        let text = "to = [\"file:/a\"]\nrotate-before = \"90d\"\nexpires-in = \"60d\"\n";
        let wrong = read(text, &mut args(&[]), &mut EntraConfig::default());
        assert_eq!((wrong.len(), wrong[0].line), (1, 2), "{wrong:?}");
        // A flag counts more.
        let mut mended = args(&["--expires-in", "100d"]);
        assert_eq!(read(text, &mut mended, &mut EntraConfig::default()), []);
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
