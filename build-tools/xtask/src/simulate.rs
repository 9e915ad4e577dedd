//! `cargo xtask simulate-rotations`: rotations while everything goes wrong that may.

use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};

use crate::Failure;

const NAME: &str = "simulate-rotations";

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
        let failed = |what: &str, error| Failure::new(format!("{what} can't be run: {error}"));
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        // Of the whole workspace, so that what its tests have built is found.
        let built = process::Command::new(cargo)
            .args(["build", "--quiet", "--workspace", "--example", NAME])
            .args(self.release.then_some("--release"))
            .status()
            .map_err(|error| failed("cargo", error))?;
        if !built.success() {
            return Ok(ExitCode::FAILURE);
        }
        let status = process::Command::new(self.program()?)
            .args([&self.count, &self.seed].map(u64::to_string))
            .args(self.only.map(|only| only.to_string()))
            .status()
            .map_err(|error| failed(NAME, error))?;
        Ok(if status.success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    /// Where cargo has put it: beside this program, or beside what is built for a release.
    fn program(&self) -> Result<PathBuf, Failure> {
        let own = std::env::current_exe();
        let own = own.map_err(|error| Failure::new(format!("where am I? {error}")))?;
        let folder = own.parent().unwrap_or(Path::new("."));
        let folder = if self.release {
            folder.with_file_name("release")
        } else {
            folder.to_owned()
        };
        let name = format!("{NAME}{}", std::env::consts::EXE_SUFFIX);
        Ok(folder.join("examples").join(name))
    }
}
