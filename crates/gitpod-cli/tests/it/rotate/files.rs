//! What goes wrong with files, here and at the sinks.

use std::fs;
use std::process::Command;

use super::Setting;
use crate::support::Run;

#[test]
fn a_folder_that_can_not_be_written_changes_nothing() {
    let setting = Setting::new();
    // Nobody can make a file there, not even root.
    #[cfg(target_os = "linux")]
    {
        let run = |arguments: &[&str]| {
            let child = setting.command(arguments).spawn().expect("the binary runs");
            setting.finish(child)
        };
        let refused = run(&["rotate", "--to", "file:/sys/token"]).expect(20);
        assert!(
            refused.stdout.contains("sinks wouldn't take a token"),
            "{refused:?}"
        );
    }
    let nowhere = setting.folder().join("missing/token");
    let to = format!("file:{}", nowhere.display());
    setting
        .rotate(&["--to", &to])
        .expect(20)
        .says("doesn't exist");
    setting.is_unchanged();
}

#[test]
fn a_lost_state_folder_costs_nothing_but_the_check_for_drift() {
    let setting = Setting::new();
    setting.rotate(&[]).expect(0);
    fs::remove_dir_all(setting.state()).expect("it is there");
    // Nothing is due, and nothing is kept of that.
    setting.rotate(&["--rotate-before", "30d"]).expect(0);
    assert_eq!(fs::read_dir(setting.state()).expect("a folder").count(), 0);
    setting.rotate(&[]).expect(0);
    setting.is_rotated();
}

#[test]
fn an_escrow_without_its_journal_stops_everything() {
    let setting = Setting::new();
    setting.rotate(&[]).expect(0);
    fs::write(setting.escrow(), "SCIM token in escrow, version 1\ntorn").expect("a file");
    setting
        .rotate(&[])
        .expect(1)
        .silent()
        .says("may hold the only copy")
        .says(setting.escrow().to_str().expect("UTF-8"));
    assert_eq!(setting.server().tokens_issued().len(), 2);
}

/// Whoever lost the journal and knows of an unfinished rotation calls `resume`.
#[test]
fn an_escrow_without_its_journal_is_told_by_resume_and_status() {
    let setting = Setting::new();
    fs::create_dir(setting.state()).expect("a folder");
    let escrow = setting.escrow();
    let path = escrow.to_str().expect("UTF-8");
    // An empty one was reserved, and never written to.
    fs::write(&escrow, "").expect("a file");
    setting
        .resume(&[])
        .expect(0)
        .says("no rotation is unfinished");
    fs::write(&escrow, "SCIM token in escrow, version 1\ntorn").expect("a file");
    for more in [&[][..], &[setting.id()], &["--abandon"]] {
        let run = setting.resume(more).expect(1).silent();
        run.says("may hold the only copy").says(path);
    }
    let run = setting.status(&[]).expect(0);
    assert!(
        run.stdout.contains("an escrow without a rotation"),
        "{run:?}"
    );
    run.says(path);
    setting
        .status(&["--warn", "1d"])
        .expect(26)
        .says("an escrow without a rotation");
    assert!(escrow.exists());
}

#[test]
fn a_torn_or_foreign_journal_stops_everything() {
    let setting = Setting::new();
    setting.rotate(&[]).expect(0);
    let path = setting
        .state()
        .join(format!("{}.journal.json", setting.id()));
    let whole = fs::read_to_string(&path).expect("a journal");
    for (text, says) in [
        (&whole[..whole.len() / 2], "isn't a whole journal"),
        (
            &whole.replace(setting.id(), "00000000-0000-4000-8000-000000000000"),
            "another configuration",
        ),
    ] {
        fs::write(&path, text).expect("a file");
        setting.rotate(&[]).expect(1).silent().says(says);
    }
    assert_eq!(setting.server().tokens_issued().len(), 2);
}

/// Runs a script in a mount namespace of its own, with a tmpfs of 128 KiB at /mnt. The script has
/// what `command` is as `"$@"`, and its environment.
#[cfg(target_os = "linux")]
#[allow(clippy::print_stderr)]
fn with_small_disk(setting: &Setting, command: &Command, script: &str) -> Option<Run> {
    use std::process::Stdio;

    const MOUNT: &str = "mount -t tmpfs -o size=128k none /mnt";
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    };
    if !unshare(MOUNT).status().is_ok_and(|status| status.success()) {
        // On CI it must be possible, so that the test can't pass by doing nothing.
        assert!(std::env::var_os("CI").is_none(), "no tmpfs can be mounted");
        eprintln!("skipped: no tmpfs can be mounted here");
        return None;
    }
    let mut mounted = unshare(&format!("{MOUNT} && {script}"));
    mounted.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => mounted.env(name, value),
            None => mounted.env_remove(name),
        };
    }
    Some(setting.finish(mounted.spawn().expect("it runs")))
}

/// `scim rotate` with its state on the small disk.
#[cfg(target_os = "linux")]
fn rotation_on_small_disk(setting: &Setting, to: &str) -> Command {
    let mut command = crate::support::gitpodctl();
    command
        .env("ONA_API_KEY", setting.server().api_key())
        .env("ONA_BASE_URL", setting.server().base_url())
        .args(["scim", "rotate", "--state-dir", "/mnt", "--to", to]);
    command
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_found_while_the_old_token_lives() {
    const FULL: &str = r#"{ head -c 1m /dev/zero > /mnt/filler; exec "$@"; } 2>&1"#;
    let setting = Setting::new();
    // The sink's.
    let to_mnt = setting.command(&["rotate", "--to", "file:/mnt/token"]);
    let Some(run) = with_small_disk(&setting, &to_mnt, FULL) else {
        return;
    };
    let run = run.expect(20);
    assert!(
        run.stdout.contains("file:/mnt/token wouldn't take a token"),
        "{run:?}"
    );
    setting.is_unchanged();
    // The escrow's.
    let to = format!("file:{}", setting.token_path().display());
    let rotation = rotation_on_small_disk(&setting, &to);
    if let Some(run) = with_small_disk(&setting, &rotation, FULL) {
        let run = run.expect(20);
        assert!(run.stdout.contains("make room for"), "{run:?}");
        // What is on a tmpfs is gone with the machine.
        assert!(run.stdout.contains("/mnt is in memory or"), "{run:?}");
        assert!(run.stdout.contains("escrow"), "{run:?}");
    }
    setting.is_unchanged();
}

/// The sink itself fills it, when the token is made already.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_amid_a_rotation_loses_no_token() {
    let setting = Setting::new();
    let command = format!(
        "command:case $GITPOD_ROTATION_PHASE in push) test -e {0} || head -c 1m /dev/zero > /mnt/filler; \
         : > {0}; cat > {1};; verify) exit 64;; esac; true",
        setting.folder().join("filled").display(),
        setting.token_path().display()
    );
    let rotation = rotation_on_small_disk(&setting, &command);
    let script = r#"{ "$@"; echo "code $?"; rm /mnt/filler; ls /mnt; cat /mnt/*.journal.json; \
                      "$1" scim resume --state-dir /mnt; echo "code $?"; ls /mnt; } 2>&1"#;
    let Some(run) = with_small_disk(&setting, &rotation, script) else {
        return;
    };
    let told = run.expect(0).stdout;
    let (first, second) = told
        .split_once("code 21\n")
        .unwrap_or_else(|| panic!("{told}"));
    assert!(first.contains("the journal can't be written"), "{told}");
    assert!(second.contains(".escrow\n"), "{told}");
    let (_, left) = second
        .split_once("code 0\n")
        .unwrap_or_else(|| panic!("{told}"));
    assert!(!left.contains(".escrow"), "{told}");
    assert!(super::accepts(setting.server(), &setting.held()));
    assert_eq!(setting.server().tokens_issued().len(), 2);
}

/// Nobody can write there, not even root.
#[cfg(target_os = "linux")]
#[test]
fn a_state_folder_that_can_not_be_written_changes_nothing() {
    let setting = Setting::new();
    let to = format!("file:{}", setting.token_path().display());
    let rotation = rotation_on_small_disk(&setting, &to);
    // Also if it could when the last rotation went well.
    let script = r#""$@" > /mnt/first 2>&1 || exit 99; mount -o remount,ro /mnt; exec "$@""#;
    let Some(run) = with_small_disk(&setting, &rotation, script) else {
        return;
    };
    run.expect(1)
        .silent()
        .says("can't lock /mnt/")
        .says("nothing was done");
    assert_eq!(setting.server().tokens_issued().len(), 2);
    assert!(super::accepts(setting.server(), &setting.held()));
}
