//! Runs that are cut off, and what the next one makes of it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Child;
use std::time::Duration;

use gitpod_client::organization::RegenerateScimToken;
use gitpod_testing::Fault;

use super::Setting;
use crate::signals::send;

/// Begins a rotation whose request is lost, and waits until it waits.
fn waiting(setting: &Setting) -> Child {
    waiting_for(setting, "50s")
}

fn waiting_for(setting: &Setting, settle: &str) -> Child {
    setting
        .server()
        .inject(Fault::drop_before().on::<RegenerateScimToken>());
    let mut child = setting
        .rotation(&["--settle", settle])
        .spawn()
        .expect("the binary runs");
    wait_for_line(&mut child, "nobody can tell");
    child
}

/// Waits for the next line on standard error, which has to say this.
fn wait_for_line(child: &mut Child, says: &str) {
    let stderr = child.stderr.as_mut().expect("a pipe");
    let mut line = String::new();
    // One byte at a time, so that nothing of the rest is lost in a buffer.
    let mut reader = BufReader::with_capacity(1, stderr);
    reader.read_line(&mut line).expect("a line");
    assert!(line.contains(says), "{line}");
}

fn interrupted(setting: &Setting) {
    let child = waiting(setting);
    send(&child, "TERM");
    let run = setting.finish(child).expect(21);
    assert!(run.stdout.contains("gitpodctl scim resume"), "{run:?}");
}

#[test]
fn the_first_one_stops_where_it_can_be_resumed() {
    let setting = Setting::new();
    interrupted(&setting);
    setting.is_unchanged();
    setting.server().clock().advance(Duration::from_secs(120));
    setting.resume(&[]).expect(0);
    setting.is_rotated();
}

#[test]
fn the_same_command_goes_on_too() {
    let setting = Setting::new();
    interrupted(&setting);
    setting.server().clock().advance(Duration::from_secs(120));
    setting
        .rotate(&["--settle", "50s"])
        .expect(0)
        .says("going on");
    setting.is_rotated();
}

#[test]
fn flags_that_contradict_it_name_both() {
    let setting = Setting::new();
    interrupted(&setting);
    let other = format!("file:{}", setting.folder().join("other").display());
    let child = setting
        .command(&["rotate", "--to", &other])
        .spawn()
        .expect("the binary runs");
    let run = setting.finish(child).expect(2).silent().says(&other);
    assert!(
        run.stderr
            .contains(setting.token_path().to_str().expect("UTF-8")),
        "{run:?}"
    );
    setting
        .rotate(&["--settle", "40s"])
        .expect(2)
        .says("40 s")
        .says("50 s");
    setting
        .rotate(&["--expires-in", "90d"])
        .expect(2)
        .says("the life");
    setting.rotate(&["--dry-run"]).expect(2).says("no dry run");
    setting.is_unchanged();
}

#[test]
fn only_one_at_a_time() {
    let setting = Setting::new();
    let mut child = waiting(&setting);
    setting
        .rotate(&[])
        .expect(1)
        .silent()
        .says("another process");
    setting
        .resume(&[])
        .expect(1)
        .silent()
        .says("another process");
    let status = setting.status(&[]).expect(0);
    assert!(status.stdout.contains("being rotated"), "{status:?}");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    setting.server().clock().advance(Duration::from_secs(120));
    setting.resume(&[]).expect(0);
    setting.is_rotated();
}

/// Another administrator's command.
pub(super) fn someone_else(setting: &Setting, arguments: &[&str]) {
    let done = crate::support::gitpodctl()
        .env("ONA_API_KEY", setting.server().api_key())
        .env("ONA_BASE_URL", setting.server().base_url())
        .arg("scim")
        .args(arguments)
        .output();
    assert!(done.expect("the binary runs").status.success());
}

#[test]
fn what_someone_else_made_meanwhile_supersedes_it() {
    let setting = Setting::new();
    interrupted(&setting);
    // The first expiry is in whole seconds: one within the same second would be the same.
    setting.server().clock().advance(Duration::from_secs(10));
    someone_else(&setting, &["regenerate-token", setting.id()]);
    setting.server().clock().advance(Duration::from_secs(120));
    let run = setting.resume(&[]).expect(22);
    assert!(run.stdout.contains("superseded: "), "{run:?}");
    assert!(run.stdout.contains("someone else's, or"), "{run:?}");
    assert_eq!(setting.server().tokens_issued().len(), 2);
    let run = setting.rotate(&["--rotate-before", "30d"]).expect(24);
    assert!(run.stdout.contains("dead token"), "{run:?}");
    setting.rotate(&[]).expect(0);
    setting.is_rotated();
}

#[test]
fn a_configuration_that_is_gone_closes_it() {
    let setting = Setting::new();
    // What isn't found has no `Date`, so all of the wait is this side's.
    let child = waiting_for(&setting, "0s");
    send(&child, "TERM");
    setting.finish(child).expect(21);
    someone_else(&setting, &["delete", setting.id()]);
    let run = setting.resume(&[]).expect(4);
    assert!(run.stdout.contains("doesn't exist any more"), "{run:?}");
    setting
        .resume(&[])
        .expect(0)
        .says("no rotation is unfinished");
}

/// The service's clock, which alone counts.
#[test]
fn a_clock_that_jumps_back_ends_no_wait() {
    let setting = Setting::new();
    interrupted(&setting);
    setting.server().clock().rewind(Duration::from_secs(3600));
    setting.server().clear_calls();
    let child = setting.command(&["resume"]).spawn();
    let mut child = child.expect("the binary runs");
    wait_for_line(&mut child, "going on with");
    // A second look, at the earliest.
    while setting.server().calls().len() < 2 {
        std::thread::sleep(Duration::from_millis(10));
    }
    send(&child, "TERM");
    setting.finish(child).expect(21);
    setting.is_unchanged();
    setting.server().clock().advance(Duration::from_secs(3720));
    setting.resume(&[]).expect(0);
    setting.is_rotated();
}

#[test]
fn the_state_folder_lost_amid_a_rotation_is_a_new_start() {
    let setting = Setting::new();
    interrupted(&setting);
    fs::remove_dir_all(setting.state()).expect("it is there");
    setting
        .resume(&[])
        .expect(0)
        .says("no rotation is unfinished");
    setting.rotate(&[]).expect(0);
    setting.is_rotated();
}

#[test]
fn a_second_one_ends_at_once() {
    let setting = Setting::new();
    setting
        .server()
        .inject(Fault::delay_answer(Duration::from_secs(20)).always());
    let mut command = setting.rotation(&[setting.id(), "--timeout", "60s"]);
    let mut child = command.spawn().expect("the binary runs");
    while setting.server().call_count() == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    send(&child, "INT");
    wait_for_line(&mut child, "a second signal ends it at once");
    send(&child, "INT");
    let run = setting.finish(child).expect(20);
    run.says("ended at once").says("nothing was changed");
    setting.server().clear_faults();
    setting.is_unchanged();
}
