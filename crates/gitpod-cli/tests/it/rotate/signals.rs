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
    setting
        .server()
        .inject(Fault::drop_before().on::<RegenerateScimToken>());
    let mut child = setting
        .rotation(&["--settle", "50s"])
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
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    setting.server().clock().advance(Duration::from_secs(120));
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
    setting.finish(child).expect(21).says("ended at once");
    setting.server().clear_faults();
    setting.is_unchanged();
}
