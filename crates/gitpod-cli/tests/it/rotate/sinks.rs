//! Sinks beside files: commands, and people.

use std::fs;

use super::{Setting, accepts};
use crate::support::Run;

fn run(setting: &Setting, command: &str, more: &[&str]) -> Run {
    let to = format!("command:{command}");
    let child = setting
        .command(&[&["rotate", "--to", &to], more].concat())
        .spawn();
    setting.finish(child.expect("the binary runs"))
}

/// A command that keeps the token in a file.
fn keeping(setting: &Setting) -> String {
    format!(
        r#"case $GITPOD_ROTATION_PHASE in push) cat > {0};; verify) test "$(cat)" = "$(cat {0})";; esac"#,
        setting.token_path().display()
    )
}

#[test]
fn a_command_gets_the_token_and_verifies_it() {
    let setting = Setting::new();
    run(&setting, &keeping(&setting), &[]).expect(0);
    setting.is_rotated();
}

#[test]
fn a_command_that_prints_the_token_doesnt_make_us_print_it() {
    let setting = Setting::new();
    // `finish` looks for the token. What fails on push is tried again, so this ends by itself: once
    // the token was printed, the next push passes.
    let mark = setting.folder().join("mark");
    let command = format!(
        r#"case $GITPOD_ROTATION_PHASE in push) cat > {0}; cat {0}; cat {0} >&2; test -e {1} || {{ touch {1}; exit 1; }};; verify) exit 64;; esac"#,
        setting.token_path().display(),
        mark.display()
    );
    let done = run(&setting, &command, &[]).expect(0).says("[redacted]");
    assert!(done.stdout.contains("not verified"), "{done:?}");
    setting.is_rotated();
}

#[test]
fn a_command_that_hangs_is_killed_while_the_old_token_lives() {
    let setting = Setting::new();
    let refused = run(&setting, "sleep 1000", &["--command-timeout", "300ms"]).expect(20);
    assert!(refused.stderr.contains("was killed"), "{refused:?}");
    setting.is_unchanged();
}

/// The first in the order, with another behind it.
#[test]
fn a_command_that_hangs_at_push_keeps_no_other_from_its_token() {
    let setting = Setting::new();
    let mended = setting.folder().join("mended");
    let command = format!(
        r#"case $GITPOD_ROTATION_PHASE in push) test -e {0} || sleep 1000; cat > {0};; verify) test "$(cat)" = "$(cat {0})";; esac"#,
        mended.display()
    );
    let limit = ["--command-timeout", "300ms"];
    let mut rotation = setting.command(&["rotate", "--to", &format!("command:{command}")]);
    rotation
        .arg("--to")
        .arg(format!("file:{}", setting.token_path().display()));
    let child = rotation.args(limit).spawn().expect("the binary runs");
    // The file has its first try before the command has its second.
    while setting.held() == setting.server().scim_token() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    crate::signals::send(&child, "TERM");
    let run = setting.finish(child).expect(21).says("was killed");
    assert!(
        run.stdout.contains("doesn't have the new token yet"),
        "{run:?}"
    );
    assert!(run.stdout.contains(": has the new token"), "{run:?}");
    assert!(accepts(setting.server(), &setting.held()), "it is lost");
    assert!(
        setting.escrow().exists(),
        "nobody could give it to the command"
    );

    fs::write(&mended, "").expect("a file");
    setting.resume(&["--command-timeout", "20s"]).expect(0);
    setting.is_rotated();
    assert_eq!(fs::read_to_string(&mended).expect("a file"), setting.held());
    assert_eq!(setting.server().tokens_issued().len(), 2);
}

#[test]
fn a_sink_that_cant_be_is_told_at_once() {
    let setting = Setting::new();
    let place = if cfg!(feature = "k8s") {
        ("k8s:scim/Token/x", "the Secret's name has to be")
    } else {
        (
            "k8s:scim/token/x",
            "cargo install gitpod-cli --features k8s",
        )
    };
    for (to, says) in [place, ("k8sx:a/b/c", "k8s:NAMESPACE/NAME/KEY")] {
        let child = setting.command(&["rotate", "--to", to]).spawn();
        let run = setting.finish(child.expect("the binary runs"));
        run.expect(2).says(&format!("--to {to}: ")).says(says);
    }
    let config = setting.folder().join("rotation.toml");
    std::fs::write(&config, format!("to = [\n  \"{}\"]\n", place.0)).expect("a file");
    let config = config.display().to_string();
    let child = setting.command(&["rotate", "--config", &config]).spawn();
    let run = setting.finish(child.expect("the binary runs"));
    run.expect(2).says(":2: to: ").says(place.1);
    setting.is_unchanged();
}

#[test]
fn our_own_credential_isnt_the_commands() {
    let setting = Setting::new();
    let command = r#"test -z "$ONA_API_KEY""#;
    run(&setting, command, &["--dry-run"]).expect(0);
}

#[test]
fn nobody_to_confirm_is_found_while_the_old_token_lives() {
    let setting = Setting::new();
    let to = format!("manual:{}", setting.token_path().display());
    let child = setting
        .command(&["rotate", "--to", &to])
        .spawn()
        .expect("the binary runs");
    setting.finish(child).expect(20).says("at a terminal");
    setting.is_unchanged();
}

/// `script` gives it a terminal.
#[cfg(target_os = "linux")]
#[test]
fn a_person_confirms() {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let setting = Setting::new();
    let to = format!("manual:{}", setting.token_path().display());
    let command = setting.command(&["rotate", "--to", &to]);
    let words = command.get_args().map(|word| word.to_str().expect("UTF-8"));
    let line = std::iter::once(env!("CARGO_BIN_EXE_gitpodctl")).chain(words);
    let line = line.collect::<Vec<_>>().join(" ");
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    let mut child = script
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("`script` of util-linux");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"no\nyes\n").expect("a line");
    let run = setting.finish(child);
    drop(stdin);
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert!(
        run.stdout.contains("confirmed by you, not verified"),
        "{run:?}"
    );
    // At a terminal it says what it is at.
    assert!(run.stdout.contains("pushing to manual:"), "{run:?}");
    assert!(run.stdout.contains("waiting for 2 s"), "{run:?}");
    assert!(accepts(
        setting.server(),
        &fs::read_to_string(setting.token_path()).expect("a file")
    ));
}
