//! `cargo xtask bench`: our client beside bare hyper and reqwest, our types beside serde's.

use std::process::{self, ExitCode};

use crate::Failure;

/// The programs that measure, a package outside the workspace.
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/bench/Cargo.toml");

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Command {
    /// How many calls a round has.
    #[arg(default_value_t = 10_000)]
    calls: u32,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// A list of 100 SCIM configurations in JSON, beside structs written by hand for serde.
    Json {
        /// For a profiler: do one thing and print nothing. `encode`, `decode`, `encode-by-hand` or
        /// `decode-by-hand`, and how often.
        arguments: Vec<String>,
    },
}

impl Command {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let (program, arguments) = match self.what {
            None => ("bench", vec![self.calls.to_string()]),
            Some(What::Json { arguments }) => ("json", arguments),
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = process::Command::new(cargo)
            .args([
                "run",
                "--release",
                "--quiet",
                "--locked",
                "--manifest-path",
                MANIFEST,
                "--bin",
                program,
                "--",
            ])
            .args(arguments)
            .status()
            .map_err(|error| Failure::new(format!("cargo can't be run: {error}")))?;
        Ok(if status.success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
