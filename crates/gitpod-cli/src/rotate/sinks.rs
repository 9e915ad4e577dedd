//! From `--to file:PATH` to a sink. A sink's name can be written in its place, so that a rotation that was cut
//! off finds its sinks by its journal.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use gitpod_rotation::{
    CommandSink, Confirm, EntraConfig, EntraSink, FileSink, ManualSink, Sink, SinkError, SinkFuture,
};

use crate::exit::Failure;
use crate::output;

const EXPECTED: &str =
    "expected entra, file:PATH, k8s:NAMESPACE/NAME/KEY, command:COMMAND or manual:FILE";

/// What sinks are made with, beside their names.
#[derive(Debug)]
pub(super) struct Settings {
    /// How long each run of a command may take.
    pub(super) limit: Option<Duration>,
    /// What the file says of Entra.
    pub(super) entra: EntraConfig,
}

/// The sinks that these texts name.
pub(super) fn sinks<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    settings: &Settings,
) -> Result<Vec<Box<dyn Sink>>, Failure> {
    let mut sinks = Vec::new();
    let mut wrong = Vec::new();
    for text in texts {
        match sink(text, settings) {
            Ok(sink) => sinks.push(sink),
            Err(why) => wrong.push(format!("--to {text}: {why}")),
        }
    }
    if wrong.is_empty() {
        Ok(sinks)
    } else {
        Err(Failure::usage(wrong.join("; ")))
    }
}

/// What is wrong with a sink's name, as far as it shows without the rest of what it is made with.
pub(super) fn check(text: &str) -> Result<(), String> {
    match text.split_once(':') {
        None if text == "entra" => Ok(()),
        Some(("k8s", place)) => kubernetes(place).map(drop),
        Some(("entra" | "file" | "manual" | "command", rest)) if !rest.trim().is_empty() => Ok(()),
        _ => Err(EXPECTED.to_owned()),
    }
}

/// The sink that a text names, or what is wrong with it.
pub(super) fn sink(text: &str, settings: &Settings) -> Result<Box<dyn Sink>, String> {
    check(text)?;
    let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
    Ok(match kind {
        "entra" => Box::new(entra(rest, settings).map_err(|error| error.to_string())?),
        "file" => Box::new(FileSink::new(absolute(rest)?)),
        "k8s" => kubernetes(rest)?,
        "manual" => Box::new(ManualSink::new(absolute(rest)?, Terminal)),
        _ => {
            let sink = CommandSink::new(rest);
            Box::new(match settings.limit {
                Some(limit) => sink.time_limit(limit),
                None => sink,
            })
        }
    })
}

/// The application that `entra:ID` names, whatever else does, so that a rotation which was cut off finds
/// the one that it was for.
fn entra(id: &str, settings: &Settings) -> Result<EntraSink, SinkError> {
    let mut config = settings.entra.clone();
    if !id.is_empty() {
        id.clone_into(&mut config.service_principal_id);
    }
    EntraSink::new(config.or_env(|name| std::env::var_os(name))?)
}

#[cfg(feature = "k8s")]
fn kubernetes(place: &str) -> Result<Box<dyn Sink>, String> {
    let sink = gitpod_rotation::KubernetesSink::new(place);
    Ok(Box::new(sink.map_err(|error| error.to_string())?))
}

#[cfg(not(feature = "k8s"))]
fn kubernetes(_: &str) -> Result<Box<dyn Sink>, String> {
    Err("this gitpodctl was built without Kubernetes: build it with `cargo install gitpod-cli --features k8s`"
        .to_owned())
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
