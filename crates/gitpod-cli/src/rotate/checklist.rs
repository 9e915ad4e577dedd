//! A dry run's checklist, with the fix beside each red line.

use gitpod_rotation::{Report, Sink, SinkError, Verdict};

use super::say::Teller;
use crate::cli::Output;
use crate::output;

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Check {
    mark: Mark,
    what: String,
    fix: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Well,
    Wrong,
    /// It can't be told.
    Open,
}

impl Check {
    fn new(mark: Mark, what: impl Into<String>) -> Self {
        Self {
            mark,
            what: what.into(),
            fix: None,
        }
    }

    fn wrong(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            fix: Some(fix.into()),
            ..Self::new(Mark::Wrong, what)
        }
    }

    pub(super) fn line(&self, color: bool) -> String {
        let (mark, paint) = match self.mark {
            Mark::Well => ("ok   ", "32"),
            Mark::Wrong => ("WRONG", "31"),
            Mark::Open => ("?    ", "33"),
        };
        let mut text = output::printable(&self.what);
        if let Some(fix) = &self.fix {
            text.push_str(&format!("\n       fix: {}", output::printable(fix)));
        }
        if color {
            format!("\u{1b}[{paint}m{mark}\u{1b}[0m  {text}")
        } else {
            format!("{mark}  {text}")
        }
    }
}

/// What a report is in the checklist; `None` if it is nothing that was looked at.
pub(super) fn check(report: &Report<'_>) -> Option<Check> {
    Some(match report {
        Report::Read { expires_at, .. } => Check::new(
            Mark::Well,
            format!("the configuration can be read; its token expires at {expires_at}"),
        ),
        Report::ReadFailed { error } => Check::wrong(
            format!("the configuration can't be read: {error}"),
            "look at the configuration's id, ONA_API_KEY (or GITPOD_API_KEY, or ONA_TOKEN), --base-url and the way to it; \
             `gitpodctl scim list` has to work",
        ),
        Report::Credential { fine: true, detail } if detail.starts_with("not checked") => {
            Check::new(Mark::Open, format!("the credential: {detail}"))
        }
        Report::Credential {
            fine: true,
            detail: "",
        } => Check::new(Mark::Well, "the credential will do, as far as can be told"),
        Report::Credential { fine: true, detail } => {
            Check::new(Mark::Well, format!("the credential will do: {detail}"))
        }
        Report::Credential {
            fine: false,
            detail,
        } => Check::wrong(
            "the credential won't do",
            format!("{detail}, and set ONA_API_KEY to it"),
        ),
        Report::Endpoint { of_use: true } => Check::new(
            Mark::Well,
            "the SCIM endpoint tells live tokens from dead ones",
        ),
        Report::Endpoint { of_use: false } => Check::new(
            Mark::Open,
            "the SCIM endpoint isn't used: it doesn't say 401 to what can't be a token; look at \
             --scim-url",
        ),
        Report::Preflight { sink, error: None } => {
            Check::new(Mark::Well, format!("{sink} would take a token"))
        }
        Report::Preflight {
            sink,
            error: Some(error),
        } => Check::wrong(format!("{sink} wouldn't take a token: {error}"), fix(sink)),
        Report::Verified {
            sink,
            verdict: Some(Verdict::Works),
            ..
        } => Check::new(Mark::Well, format!("what {sink} holds works")),
        Report::Verified {
            sink,
            verdict: Some(Verdict::Doesnt),
            ..
        } => Check::new(Mark::Open, format!("what {sink} holds doesn't work")),
        Report::Verified { sink, error, .. } => Check::new(
            Mark::Open,
            format!(
                "whether what {sink} holds works: not checked{}",
                error.map(|error| format!(": {error}")).unwrap_or_default()
            ),
        ),
        Report::Note { sink, note } => Check::new(Mark::Open, format!("{sink}: {note}")),
        Report::StoreFailed { error } => Check::wrong(
            *error,
            "make room there, give this user the right to write there, or name another folder on a \
             local disk by --state-dir",
        ),
        _ => return None,
    })
}

/// The part of the checklist that needs nothing but the sinks.
pub(super) async fn of_sinks(sinks: &[Box<dyn Sink>], form: Output) {
    let mut teller = Teller::new(form, true);
    for sink in sinks {
        let result = sink.preflight().await;
        let error = result.as_ref().err().map(SinkError::message);
        let sink_name = sink.name();
        teller.tell(&Report::Preflight {
            sink: sink_name,
            error,
        });
        for note in sink.notes() {
            teller.tell(&Report::Note {
                sink: sink_name,
                note: &note,
            });
        }
    }
}

/// What mends a sink, as far as its kind tells.
fn fix(sink: &str) -> String {
    match sink.split_once(':') {
        Some(("file", _)) => "make the folder, make room there, give this user the right to write \
                              there, or name another file"
            .to_owned(),
        Some(("command", command)) => format!(
            "this has to end with 0 in time: GITPOD_ROTATION_PHASE=preflight sh -c '{}'",
            command.replace('\'', r"'\''")
        ),
        Some(("manual", _)) => "run it at a terminal, with a file that can be written".to_owned(),
        _ => "do what it says".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_each_red_line_is_the_fix() {
        let report = Report::Preflight {
            sink: "command:echo 'x'",
            error: Some("no\nmore"),
        };
        let line = check(&report).unwrap().line(false);
        let mut lines = line.lines();
        assert_eq!(
            lines.next(),
            Some(r"WRONG  command:echo 'x' wouldn't take a token: no\nmore")
        );
        let fix = lines.next().unwrap();
        assert!(fix.ends_with(r"sh -c 'echo '\''x'\'''"), "{fix}");
        assert!(check(&report).unwrap().line(true).contains("\u{1b}[31m"));
        let fine = Report::Preflight {
            sink: "file:/x",
            error: None,
        };
        assert_eq!(
            check(&fine).unwrap().line(false),
            "ok     file:/x would take a token"
        );
        let open = Report::Credential {
            fine: true,
            detail: "not checked: x",
        };
        assert!(check(&open).unwrap().line(false).starts_with('?'));
        let note = Report::Note {
            sink: "file:/x",
            note: "warning: y",
        };
        let line = check(&note).unwrap().line(false);
        assert_eq!(line, "?      file:/x: warning: y");
    }
}
