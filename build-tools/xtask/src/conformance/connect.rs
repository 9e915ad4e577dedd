//! The Connect conformance suite, against our client and our server.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};
use std::time::Instant;

use super::build;
use crate::{Failure, go};

/// The suite. Its binary says that it is of this version.
const PACKAGE: &str = "connectrpc.com/conformance/cmd/connectconformance";
const VERSION: &str = "v1.0.5";

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// Our client against the suite's server.
    Client,
    /// Our embedded server against the suite's client.
    Server,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    /// How many cases the suite makes of the features in the mode's configuration. Fewer would mean
    /// that something is switched off there, or that the suite gave up.
    fn cases(self) -> u32 {
        match self {
            Self::Client => 3416,
            Self::Server => 3176,
        }
    }
}

/// Runs the suite in this mode, or in both.
pub(super) fn run(mode: Option<Mode>) -> Result<bool, Failure> {
    go::check("the conformance suite")?;
    let testees = build("conformance")?;
    let suite = install(&testees)?;
    let modes = mode.map_or_else(|| vec![Mode::Client, Mode::Server], |mode| vec![mode]);
    let mut all_passed = true;
    for mode in modes {
        all_passed &= test(mode, &suite, &testees)?;
    }
    Ok(all_passed)
}

/// Runs the suite in one mode, and prints what came of it.
fn test(mode: Mode, suite: &Path, testees: &Path) -> Result<bool, Failure> {
    let began = Instant::now();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance");
    let output = process::Command::new(suite)
        .args(["--mode", mode.name(), "--conf"])
        .arg(root.join(format!("{}.yaml", mode.name())))
        .arg("--")
        .arg(testee(testees, mode))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::new(format!("cannot run {}: {error}", suite.display())))?;
    let said = String::from_utf8_lossy(&output.stdout);
    // The suite's own server grumbles about connections that are open when it stops; so this
    // is of use where something has failed.
    let grumbled = String::from_utf8_lossy(&output.stderr);
    let Some(count) = Count::read(&said) else {
        return Err(Failure::new(format!(
            "the suite has no result for the {} ({}):\n{said}{grumbled}",
            mode.name(),
            output.status
        )));
    };
    let has_passed = output.status.success() && count.is_all_of(mode.cases());
    if !has_passed {
        println!("{said}{grumbled}");
    }
    println!(
        "{}: {count}, {} expected, in {} s",
        mode.name(),
        mode.cases(),
        began.elapsed().as_secs()
    );
    Ok(has_passed)
}

/// What the suite says at its end.
#[derive(Debug, PartialEq, Eq)]
struct Count {
    ran: u32,
    passed: u32,
}

impl Count {
    /// Reads `Total cases: 3416`, and behind it `3416 passed, 0 failed`.
    fn read(said: &str) -> Option<Self> {
        let (_, end) = said.rsplit_once("Total cases: ")?;
        let mut lines = end.lines();
        let ran = lines.next()?.trim().parse().ok()?;
        let (passed, _) = lines.next()?.split_once(" passed")?;
        let passed = passed.trim().parse().ok()?;
        Some(Self { ran, passed })
    }

    fn is_all_of(&self, cases: u32) -> bool {
        self.ran == cases && self.passed == cases
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cases ran, {} passed", self.ran, self.passed)
    }
}

/// The program under test.
fn testee(folder: &Path, mode: Mode) -> PathBuf {
    folder
        .join(format!("connect-{}-testee", mode.name()))
        .with_extension(std::env::consts::EXE_EXTENSION)
}

/// The suite's binary: installed, unless it is there in our version.
fn install(target: &Path) -> Result<PathBuf, Failure> {
    let folder = target.join("conformance-suite");
    let binary = folder
        .join("connectconformance")
        .with_extension(std::env::consts::EXE_EXTENSION);
    if go::says(&binary, "--version").is_ok_and(|said| said.trim().ends_with(VERSION)) {
        return Ok(binary);
    }
    let status = process::Command::new("go")
        .args(["install", &format!("{PACKAGE}@{VERSION}")])
        .env("GOBIN", &folder)
        .status();
    match status {
        Ok(status) if status.success() => Ok(binary),
        _ => Err(Failure::new(format!(
            "go install {PACKAGE}@{VERSION} has failed"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let said = "FAILED: a/Total cases: 9:\n\tx\n\n\nTotal cases: 444\n440 passed, 4 failed\n";
        let count = Count::read(said).unwrap();
        assert_eq!((count.ran, count.passed), (444, 440));
        assert!(!count.is_all_of(444));
        for none in ["", "Total cases: many\n1 passed", "Total cases: 1\nnothing"] {
            assert_eq!(Count::read(none), None, "{none}");
        }
    }

    /// The suite's own exit status is 0 where cases could not be run.
    #[test]
    fn fewer_cases_are_no_success() {
        let said = "Total cases: 400\n400 passed, 0 failed\n\
                    Another 44 could not be run due to client timing out or exiting prematurely.";
        let count = Count::read(said).unwrap();
        assert!(count.is_all_of(400));
        assert!(!count.is_all_of(444));
    }
}
