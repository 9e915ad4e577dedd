//! `cargo xtask vectors`: messages that other implementations wrote, against the types of the API.

use std::path::PathBuf;
use std::process::{self, ExitCode};

use crate::Failure;

#[derive(Debug, clap::Args)]
pub(crate) struct Command {
    /// A file with an object a line: `n`, a message's full name; `j`, its canonical JSON; `b`, its
    /// binary in base64. Without one, prost-reflect writes every message of the API.
    file: Option<PathBuf>,
}

impl Command {
    /// The types of the whole API are in a program of their own, which takes its time to compile.
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = process::Command::new(cargo)
            .args(["run", "--quiet", "--locked", "--manifest-path"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
            .args(["--package", "protobuf-tests", "--features", "vectors"])
            .args(["--bin", "vectors", "--"])
            .args(self.file)
            .status()
            .map_err(|error| Failure::new(format!("cargo can't be run: {error}")))?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
    }
}
