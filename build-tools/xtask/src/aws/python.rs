//! Programs that are written in Python, in an environment of their own below the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Failure;

/// Exactly these versions of everything, by their hashes.
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// The folder of programs that the packages bring, installed unless they are there.
pub(super) fn install(folder: &Path) -> Result<PathBuf, Failure> {
    let programs = folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let done = folder.join("installed.txt");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == REQUIREMENTS) {
        return Ok(programs);
    }
    let python = if cfg!(windows) { "python" } else { "python3" };
    let mut make = Command::new(python);
    make.args(["-m", "venv", "--clear"]).arg(folder);
    run(make, python, "Python 3.10 or later, with its module venv")?;
    let failed = |error| Failure::new(format!("can't write to {}: {error}", folder.display()));
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS).map_err(failed)?;
    let mut install = Command::new(programs.join(python));
    install
        .args(["-m", "pip", "--quiet", "--disable-pip-version-check"])
        .args(["install", "--require-hashes", "--requirement"])
        .arg(&requirements);
    run(install, "pip", "the packages of requirements.txt")?;
    fs::rename(requirements, done).map_err(failed)?;
    Ok(programs)
}

fn run(mut command: Command, program: &str, needed: &str) -> Result<(), Failure> {
    let failed = |why: String| Failure::new(format!("needed are {needed}: {program} {why}"));
    let status = command.stdin(Stdio::null()).status();
    let status = status.map_err(|error| failed(format!("can't be run: {error}")))?;
    if status.success() {
        return Ok(());
    }
    Err(failed(format!("ended with {status}")))
}
