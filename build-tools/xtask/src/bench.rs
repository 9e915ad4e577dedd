//! `cargo xtask bench`: our client beside bare hyper and reqwest.

use std::process::{self, ExitCode};

use crate::Failure;

/// The program that measures, a package outside the workspace.
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/bench/Cargo.toml");

#[derive(Debug, clap::Args)]
pub(crate) struct Command {
    /// How many calls a round has.
    #[arg(default_value_t = 10_000)]
    calls: u32,
}

impl Command {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = process::Command::new(cargo)
            .args([
                "run",
                "--release",
                "--quiet",
                "--locked",
                "--manifest-path",
                MANIFEST,
                "--",
            ])
            .arg(self.calls.to_string())
            .status()
            .map_err(|error| Failure::new(format!("cargo can't be run: {error}")))?;
        Ok(if status.success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
