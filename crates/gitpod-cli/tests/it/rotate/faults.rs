//! What goes wrong on the way to the service.

use gitpod_client::organization::{
    GetScimConfiguration, ListScimConfigurations, RegenerateScimToken,
};
use gitpod_testing::{Code, Fault, ServerError};

use super::Setting;
use crate::support::gitpodctl;

#[test]
fn a_lost_answer_is_asked_for_again() {
    let setting = Setting::new();
    setting
        .server()
        .inject(Fault::drop_after().on::<RegenerateScimToken>());
    let run = setting.rotate(&["--settle", "0s"]).expect(0);
    assert!(run.stderr.contains("nobody can tell"), "{run:?}");
    setting.is_rotated();
    assert_eq!(setting.server().tokens_issued().len(), 3);
}

#[test]
fn a_lost_token_can_be_left_to_a_person() {
    let setting = Setting::new();
    setting
        .server()
        .inject(Fault::drop_after().on::<RegenerateScimToken>());
    let run = setting
        .rotate(&["--settle", "0s", "--if-lost", "fail"])
        .expect(23);
    assert!(run.stdout.contains("lost: "), "{run:?}");
    setting.resume(&["--if-lost", "fail"]).expect(23);
    setting.resume(&[]).expect(0);
    setting.is_rotated();
}

#[test]
fn what_the_service_refuses_changes_nothing() {
    let setting = Setting::new();
    let no = ServerError::new(Code::PermissionDenied, "no");
    setting
        .server()
        .inject(Fault::error(no).on::<RegenerateScimToken>());
    let run = setting.rotate(&[]).expect(20);
    assert!(run.stdout.contains("nothing was changed"), "{run:?}");
    setting.is_unchanged();
    setting
        .resume(&[])
        .expect(0)
        .says("no rotation is unfinished");
}

#[test]
fn an_answer_that_is_not_understood_is_kept() {
    let setting = Setting::new();
    setting
        .server()
        .inject(Fault::body("{\"token\":").on::<RegenerateScimToken>());
    let run = setting.rotate(&[]).expect(21);
    assert!(run.stdout.contains("can't be understood"), "{run:?}");
    assert!(
        std::fs::read_to_string(setting.escrow())
            .expect("an escrow")
            .ends_with("{\"token\":")
    );
    setting.resume(&[]).expect(21);
}

#[test]
fn a_service_that_can_not_be_read_changes_nothing() {
    let setting = Setting::new();
    setting.server().inject(
        Fault::html(gitpod_testing::http::StatusCode::BAD_GATEWAY)
            .on::<GetScimConfiguration>()
            .always(),
    );
    setting
        .rotate(&[setting.id()])
        .expect(20)
        .says("can't be read");
    setting.is_unchanged();
}

/// What a schedule says in a file holds for whoever goes on, and it is looked for where the file says.
#[test]
fn a_file_says_how_it_is_gone_on_with() {
    let setting = Setting::new();
    let config = setting.folder().join("rotation.toml");
    let text = format!(
        "configuration = {:?}\nto = [\"file:{}\"]\nsettle = \"0s\"\nif-lost = \"fail\"\nstate-dir = {:?}\n",
        setting.id(),
        setting.token_path().display(),
        setting.state().display().to_string(),
    );
    std::fs::write(&config, text).expect("a file");
    let run = |arguments: &[&str]| {
        let mut command = gitpodctl();
        command
            .env("ONA_API_KEY", setting.server().api_key())
            .env("ONA_BASE_URL", setting.server().base_url())
            .env("XDG_STATE_HOME", setting.folder().join("elsewhere"))
            .arg("scim")
            .args(arguments)
            .arg("--config")
            .arg(&config);
        setting.finish(command.spawn().expect("the binary runs"))
    };
    setting
        .server()
        .inject(Fault::drop_after().on::<RegenerateScimToken>());
    run(&["rotate"]).expect(23);
    assert!(setting.journal().contains("\"attempts\""));
    let lost = run(&["resume"]).expect(23);
    assert_eq!(setting.server().tokens_issued().len(), 2);
    // The command that asks for another does.
    let told = format!("--config {} --if-lost regenerate\n", config.display());
    assert!(lost.stdout.contains(&told), "{lost:?}");
    run(&["status", "--warn", "1d"])
        .expect(26)
        .says("isn't over");
    run(&["resume", "--if-lost", "regenerate"]).expect(0);
    setting.is_rotated();
    assert!(!setting.folder().join("elsewhere").exists());
}

/// Standard output is what is kept in logs, with `--output json`.
#[test]
fn a_credential_that_is_sent_back_is_not_told() {
    let setting = Setting::new();
    let key = setting.server().api_key();
    let echo = || ServerError::new(Code::PermissionDenied, format!("not with {key}"));
    for fault in [
        Fault::error(echo()).on::<GetScimConfiguration>(),
        Fault::error(echo()).on::<ListScimConfigurations>(),
    ] {
        setting.server().inject(fault.always());
    }
    for (arguments, code) in [
        (&["rotate", "--to", "file:/x", setting.id()][..], 20),
        (
            &["rotate", "--to", "file:/x", setting.id(), "--dry-run"],
            20,
        ),
        (&["status"], 3),
    ] {
        for form in ["json", "table"] {
            let run = setting
                .run(&[arguments, &["--output", form]].concat())
                .expect(code);
            let told = format!("{}{}", run.stdout, run.stderr);
            assert!(told.contains("not with [redacted]"), "{run:?}");
            assert!(!told.contains(key), "the credential is told");
        }
    }
}

/// Whoever can't read how it ended is told so by the exit code, unless there is worse.
#[cfg(target_os = "linux")]
#[test]
fn an_end_that_can_not_be_told_has_its_own_code() {
    let setting = Setting::new();
    let full = || {
        let file = std::fs::OpenOptions::new().write(true).open("/dev/full");
        file.expect("/dev/full")
    };
    let rotate = |more: &[&str]| {
        let child = setting.rotation(more).stdout(full()).spawn();
        setting.finish(child.expect("the binary runs"))
    };
    rotate(&[])
        .expect(11)
        .says("can't write to standard output");
    setting.is_rotated();
    let no = ServerError::new(Code::PermissionDenied, "no");
    setting
        .server()
        .inject(Fault::error(no).on::<RegenerateScimToken>());
    rotate(&[]).expect(20);
}
