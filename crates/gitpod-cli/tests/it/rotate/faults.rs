//! What goes wrong on the way to the service.

use gitpod_client::organization::{GetScimConfiguration, RegenerateScimToken};
use gitpod_testing::{Code, Fault, ServerError};

use super::Setting;

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
