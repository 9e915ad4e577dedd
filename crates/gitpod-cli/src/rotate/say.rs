//! What a run tells while it goes on: lines for a person on standard error, or an event a line on
//! standard output.

use std::io::{self, IsTerminal, Write};

use gitpod_rotation::{Report, Verdict};

use super::checklist;
use crate::cli::Output;
use crate::output;

/// Who tells.
#[derive(Debug)]
pub(super) struct Teller {
    form: Output,
    /// A dry run's checks go to standard output.
    checks: bool,
    terminal: bool,
    /// There is a line on the terminal that the next one is written over.
    passing: bool,
}

impl Teller {
    pub(super) fn new(form: Output, checks: bool) -> Self {
        Self {
            form,
            checks,
            terminal: io::stderr().is_terminal(),
            passing: false,
        }
    }

    pub(super) fn tell(&mut self, report: &Report<'_>) {
        if self.form == Output::Json {
            // Nobody who listens is no reason to stop in the midst of a rotation.
            if let Ok(line) = serde_json::to_string(report) {
                let _ = output::told(&line);
            }
            return;
        }
        if self.checks {
            // What can't be printed isn't ready, and is told at the end.
            if let Some(check) = checklist::check(report) {
                let _ = output::told(&check.line(io::stdout().is_terminal()));
            }
            return;
        }
        match line(report) {
            Some(Line::Lasting(text)) => {
                self.clear();
                output::note(&text);
            }
            Some(Line::Passing(text)) if self.terminal => {
                self.clear();
                let _ = write!(io::stderr(), "gitpodctl: {}", output::printable(&text));
                let _ = io::stderr().flush();
                self.passing = true;
            }
            _ => {}
        }
    }

    /// Takes back a line that says what goes on.
    fn clear(&mut self) {
        if std::mem::take(&mut self.passing) {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.clear();
    }
}

enum Line {
    /// What somebody wants to read in a log.
    Lasting(String),
    /// What goes on at the moment, for a terminal.
    Passing(String),
}

fn line(report: &Report<'_>) -> Option<Line> {
    use Line::{Lasting, Passing};

    Some(match report {
        Report::Started {
            configuration,
            resumed: true,
            sinks,
        } => Lasting(format!(
            "going on with the unfinished rotation of {configuration}, whose sinks are {}",
            sinks.join(", ")
        )),
        Report::ReadFailed { error } => {
            Lasting(format!("the configuration can't be read: {error}"))
        }
        Report::Credential {
            fine: false,
            detail,
        } => Lasting(format!("the credential won't do: {detail}")),
        Report::Preflight {
            sink,
            error: Some(error),
        } => Lasting(format!("{sink} wouldn't take a token: {error}")),
        Report::Preflight { sink, error: None } => Passing(format!("{sink} would take a token")),
        Report::Note { sink, note } => Lasting(format!("{sink}: {note}")),
        Report::StoreFailed { error } => Lasting((*error).to_owned()),
        Report::Asking { .. } => Passing("asking for a new token …".to_owned()),
        Report::Asked {
            result: "answered", ..
        } => Lasting("there is a new token, and the one from before no longer works".to_owned()),
        Report::Asked { result, error } => Lasting(format!(
            "asking for a new token: {}{}",
            match *result {
                "ambiguous" => "nobody can tell whether it was made",
                "not_sent" => "the request didn't leave",
                _ => "the service refused",
            },
            error.map(|error| format!(": {error}")).unwrap_or_default()
        )),
        Report::Pushing { sink } => Passing(format!("pushing to {sink} …")),
        Report::Pushed { sink, error: None } => Lasting(format!("{sink} has the new token")),
        Report::Pushed {
            sink,
            error: Some(error),
        } => Lasting(format!("{sink} doesn't take the token: {error}")),
        Report::Verified {
            sink,
            verdict: Some(Verdict::Doesnt),
            ..
        } => Lasting(format!("what {sink} holds doesn't work")),
        Report::Verified {
            sink,
            error: Some(error),
            ..
        } => Lasting(format!(
            "can't find out whether what {sink} holds works: {error}"
        )),
        Report::Endpoint { of_use: false } => Lasting(
            "the SCIM endpoint isn't used: it doesn't say 401 to what can't be a token".to_owned(),
        ),
        Report::Audit {
            someone_else: Some(true),
        } => Lasting("the audit log says that someone else changed the configuration".to_owned()),
        Report::Waiting { time } => Passing(format!("waiting for {} s …", time.as_secs())),
        _ => return None,
    })
}
