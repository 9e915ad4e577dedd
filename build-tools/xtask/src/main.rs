//! The workspace's own tools: `cargo xtask <command>`.
// A command-line tool speaks on standard output and standard error.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::{fmt, process::ExitCode};

use clap::{Parser, Subcommand};

mod aws;
mod bench;
mod conformance;
mod container;
mod go;
mod kubernetes;
mod ona;
mod proto;
mod simulate;
mod vectors;

/// The workspace's own tools.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Rotate SCIM tokens into AWS Secrets Manager by the recipe for it, with the official AWS CLI, against
    /// `moto_server`. Needs Python 3.10 or later: what pip installs goes below the target folder.
    Aws,
    /// Print what a call costs, ours beside bare hyper and reqwest.
    Bench(bench::Command),
    /// Build gitpodctl as its Containerfile does, by plain commands, and run it as that says.
    Container(container::Command),
    /// Test the runtime with the suites of its protocols.
    #[command(subcommand)]
    Conformance(conformance::Command),
    /// Test the sink `k8s:` and the manifests with a real Kubernetes API server, which is built with Go.
    Kubernetes(kubernetes::Command),
    /// Keep `proto/` in step with the published API.
    #[command(subcommand)]
    Proto(proto::Command),
    /// Hold messages that other implementations wrote against the types of the API, and exit with
    /// status 1 unless they are the same in binary and JSON, whichever way they are read.
    Vectors(vectors::Command),
    /// Rotate SCIM tokens against the embedded server while everything goes wrong that may.
    SimulateRotations(simulate::Command),
}

/// Why a command could not do its work: exit status 2.
#[derive(Debug)]
struct Failure(String);

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fails unless that is so.
fn check(is_so: bool, what: &str) -> Result<(), Failure> {
    if is_so {
        return Ok(());
    }
    Err(Failure(format!("it isn't so that {what}")))
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Aws => aws::run(),
        Command::Bench(command) => command.run(),
        Command::Conformance(command) => command.run(),
        Command::Container(command) => command.run(),
        Command::Kubernetes(command) => command.run(),
        Command::Proto(command) => command.run(),
        Command::Vectors(command) => command.run(),
        Command::SimulateRotations(command) => command.run(),
    };
    outcome.unwrap_or_else(|failure| {
        eprintln!("error: {failure}");
        ExitCode::from(2)
    })
}
