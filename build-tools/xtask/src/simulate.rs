//! `cargo xtask simulate-rotations`: rotations while everything goes wrong that may.

use std::process::{self, ExitCode};

use crate::Failure;

#[derive(Debug, clap::Args)]
pub(crate) struct Command {
    /// How many rotations.
    #[arg(long, default_value_t = 2_000)]
    count: u64,
    /// What goes wrong follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Does the one of this number alone, and tells all of it.
    #[arg(long)]
    only: Option<u64>,
    /// Optimized: for many.
    #[arg(long)]
    release: bool,
}

impl Command {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = process::Command::new(cargo);
        command.args(["run", "--quiet", "--package", "gitpod-tests"]);
        command.args(["--example", "simulate-rotations"]);
        command.args(self.release.then_some("--release"));
        command.args(["--", &self.count.to_string(), &self.seed.to_string()]);
        command.args(self.only.map(|only| only.to_string()));
        let status = command
            .status()
            .map_err(|error| Failure::new(format!("cargo can't be run: {error}")))?;
        Ok(if status.success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
