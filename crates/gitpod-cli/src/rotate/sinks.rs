//! From `--to file:PATH` to a sink. A sink's name is what was written, so that a rotation that was cut
//! off finds its sinks by its journal.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gitpod_rotation::{CommandSink, Confirm, FileSink, ManualSink, Sink, SinkError, SinkFuture};

use crate::exit::Failure;
use crate::output;

const EXPECTED: &str = "expected file:PATH, command:COMMAND or manual:FILE";

/// The sinks that these texts name.
pub(super) fn sinks<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    limit: Option<Duration>,
) -> Result<Vec<Box<dyn Sink>>, Failure> {
    let sink =
        |text| sink(text, limit).map_err(|why| Failure::usage(format!("--to {text}: {why}")));
    texts.into_iter().map(sink).collect()
}

/// The sink that a text names, or what is wrong with it.
pub(super) fn sink(text: &str, limit: Option<Duration>) -> Result<Box<dyn Sink>, String> {
    let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
    if rest.trim().is_empty() {
        return Err(EXPECTED.to_owned());
    }
    Ok(match kind {
        "file" => Box::new(FileSink::new(absolute(rest)?)),
        "manual" => Box::new(ManualSink::new(absolute(rest)?, Terminal)),
        "command" => {
            let sink = CommandSink::new(rest);
            Box::new(match limit {
                Some(limit) => sink.time_limit(limit),
                None => sink,
            })
        }
        _ => return Err(EXPECTED.to_owned()),
    })
}

/// The same file whatever folder `resume` is called in.
fn absolute(path: &str) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| error.to_string())
}

/// Asks who sits at the terminal.
#[derive(Debug)]
struct Terminal;

impl Confirm for Terminal {
    fn is_there(&self) -> Result<(), SinkError> {
        if io::stdin().is_terminal() && io::stderr().is_terminal() {
            return Ok(());
        }
        Err(SinkError::new(
            "a person has to confirm it at a terminal, and there is none: run this (`gitpodctl scim \
             resume`, if a rotation isn't over) from one",
        ))
    }

    fn confirm<'a>(&'a self, file: &'a Path) -> SinkFuture<'a, ()> {
        let question = format!(
            "the new token is in {}. Bring it to where it belongs (the old one no longer works), then \
             type \"yes\": ",
            output::printable(&file.display().to_string())
        );
        Box::pin(async move {
            let asked = tokio::task::spawn_blocking(move || -> io::Result<bool> {
                let mut answer = String::new();
                let mut stderr = io::stderr();
                write!(stderr, "\r\u{1b}[K{question}")?;
                stderr.flush()?;
                match io::stdin().read_line(&mut answer)? {
                    0 => Err(io::ErrorKind::UnexpectedEof.into()),
                    _ => Ok(answer.trim().eq_ignore_ascii_case("yes")),
                }
            });
            match asked.await {
                Ok(Ok(true)) => Ok(()),
                Ok(Ok(false)) => Err(SinkError::new("not confirmed: you are asked again")),
                Ok(Err(error)) => Err(SinkError::new(format!("nobody answers: {error}"))),
                Err(_) => Err(SinkError::new("nobody could be asked")),
            }
        })
    }
}
