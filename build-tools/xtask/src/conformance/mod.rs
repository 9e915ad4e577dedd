//! `cargo xtask conformance`: the official suites against what is ours.

use std::path::{Path, PathBuf};
use std::process::{self, ExitCode, Stdio};

use serde_json::Value;

use crate::Failure;

mod apt;
mod connect;
mod json;
mod runner;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Run the Connect conformance suite, and exit with status 1 unless every case was run and
    /// passed. Needs Go 1.24 or later, and installs the suite below the target folder.
    Connect {
        /// Test the client or the server alone.
        #[arg(long)]
        mode: Option<connect::Mode>,
    },
    /// Run protobuf's conformance tests of proto3 in binary and JSON, and exit with status 1 unless
    /// every test was run, and all passed but those that `tests/protobuf/failures.txt` lists.
    /// Needs npm, and on Debian before 13 apt-get and dpkg-deb: what they fetch goes below the
    /// target folder.
    Json,
}

impl Command {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let has_passed = match self {
            Self::Connect { mode } => connect::run(mode)?,
            Self::Json => json::run()?,
        };
        Ok(ExitCode::from(u8::from(!has_passed)))
    }
}

/// The programs of a package that are tested, and the folder that they are in.
///
/// In the dev profile: most of a run is the suite's own work and its waits, and most of what the
/// testees depend on is built in this profile by then.
pub(crate) fn build(package: &str) -> Result<PathBuf, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = process::Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--package", package, "--bins"])
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Failure::new(format!("cannot run cargo: {error}")))?;
    if !output.status.success() {
        return Err(Failure::new(format!("{package} doesn't build")));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(|line| {
            let message: Value = serde_json::from_str(line).ok()?;
            let executable = Path::new(message.get("executable")?.as_str()?);
            executable.parent().map(Path::to_owned)
        })
        .ok_or_else(|| Failure::new(format!("cargo doesn't say where {package} is")))
}
