//! Signals at every stage of a rotation.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr};
use std::thread;
use std::time::Duration;

use gitpod_client::organization::RegenerateScimToken;
use gitpod_testing::{Fault, Method};

use super::Setting;
use crate::signals::send;
use crate::support::Run;

const NOTED: &str = "this step is finished first";
const AT_ONCE: &str = "ending as soon as no token can be lost";

/// A rotation to a command that waits in one of its phases until it is told to go on.
struct Stage {
    setting: Setting,
    phase: &'static str,
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Stage {
    /// Waits until the command is in this phase.
    fn reach(phase: &'static str) -> Self {
        let setting = Setting::new();
        let folder = setting.folder().display().to_string();
        let command = format!(
            r#"cd {folder}; case $GITPOD_ROTATION_PHASE in push) cat > new;; verify) test "$(cat)" = "$(cat token)";; esac || exit 1
               if test $GITPOD_ROTATION_PHASE = {phase}; then : > reached; until test -e go; do sleep 0.02; done; fi
               if test $GITPOD_ROTATION_PHASE = push; then mv new token; fi"#
        );
        let mut child = setting
            .command(&["rotate", "--to", &format!("command:{command}")])
            .spawn()
            .expect("the binary runs");
        wait_for(&setting.folder().join("reached"));
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        Self {
            setting,
            phase,
            child,
            stderr,
        }
    }

    fn signal(&mut self, says: &str) {
        send(&self.child, "TERM");
        line_that_says(&mut self.stderr, says);
    }

    fn go(&self) {
        std::fs::write(self.setting.folder().join("go"), "").expect("a file");
    }

    /// Its end, which has to be this, and then a resume that has nothing in its way.
    fn ends(self, code: i32) {
        let Self {
            setting,
            phase,
            child,
            stderr: _stderr,
        } = self;
        setting.finish(child).expect(code);
        std::fs::write(setting.folder().join("go"), "").expect("a file");
        let resumed = setting.resume(&[]).expect(0);
        if phase == "preflight" {
            setting.is_unchanged();
            return;
        }
        assert!(resumed.stdout.starts_with("rotated: "), "{resumed:?}");
        // The token is the one that was asked for before the signal.
        assert_eq!(setting.server().tokens_issued().len(), 2);
        setting.is_rotated();
    }
}

fn wait_for(path: &Path) {
    while !path.exists() {
        thread::sleep(Duration::from_millis(10));
    }
}

/// Reads up to a line that says this.
fn line_that_says(stderr: &mut impl BufRead, says: &str) {
    let mut line = String::new();
    while !line.contains(says) {
        line.clear();
        let read = stderr.read_line(&mut line).expect("a line");
        assert_ne!(read, 0, "it never says {says}");
    }
}

#[test]
fn a_first_one_finishes_the_step() {
    for (phase, code) in [("preflight", 20), ("push", 21), ("verify", 21)] {
        let mut stage = Stage::reach(phase);
        stage.signal(NOTED);
        stage.go();
        stage.ends(code);
    }
}

#[test]
fn a_second_one_ends_each_step_at_once() {
    for (phase, code) in [("preflight", 20), ("push", 21), ("verify", 21)] {
        let mut stage = Stage::reach(phase);
        stage.signal(NOTED);
        stage.signal(AT_ONCE);
        stage.ends(code);
    }
}

/// A rotation whose token is on its way, and what it says up to its end, with so many signals.
fn asking(setting: &Setting, signals: usize) -> Run {
    let slow = Fault::delay_answer(Duration::from_secs(6));
    setting.server().inject(slow.on::<RegenerateScimToken>());
    let mut child = setting.rotation(&[]).spawn().expect("the binary runs");
    let asked = || {
        let calls = setting.server().calls();
        calls
            .iter()
            .any(|call| call.path() == RegenerateScimToken::PATH)
    };
    while !asked() {
        thread::sleep(Duration::from_millis(10));
    }
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    for says in [NOTED, AT_ONCE].iter().take(signals) {
        send(&child, "INT");
        line_that_says(&mut stderr, says);
    }
    setting.finish(child)
}

/// From `asked` to the escrow both wait: the token would be lost.
#[test]
fn none_loses_a_token_that_is_on_its_way() {
    for signals in [1, 2] {
        let setting = Setting::new();
        asking(&setting, signals).expect(21);
        assert!(setting.escrow().exists(), "the token isn't in escrow");
        assert_eq!(setting.server().tokens_issued().len(), 2);
        setting.resume(&[]).expect(0);
        setting.is_rotated();
        assert_eq!(setting.server().tokens_issued().len(), 2);
    }
}
