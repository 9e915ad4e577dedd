//! A rotation that is given up.

use std::fs;

use gitpod_client::organization::RegenerateScimToken;
use gitpod_testing::Fault;

use super::Setting;

/// One whose answer nobody understands.
pub(super) fn stuck() -> Setting {
    let setting = Setting::new();
    let fault = Fault::body("{\"token\":").on::<RegenerateScimToken>();
    setting.server().inject(fault);
    let run = setting.rotate(&[]).expect(21);
    // What goes on finds the same journal.
    let go_on = format!(
        "go on with: gitpodctl scim resume {} --state-dir {}",
        setting.id(),
        setting.state().display()
    );
    assert!(run.stdout.contains(&go_on), "{go_on}: {run:?}");
    setting.resume(&[]).expect(21);
    setting
}

#[test]
fn its_escrow_is_kept_and_told_and_the_next_run_reports_drift() {
    let setting = stuck();
    let run = setting.resume(&["--abandon"]).expect(0);
    let kept = setting.escrow().with_extension("escrow.abandoned");
    assert!(run.stdout.starts_with("given up: "), "{run:?}");
    assert!(
        run.stdout.contains(kept.to_str().expect("UTF-8")),
        "{run:?}"
    );
    assert!(!setting.escrow().exists());
    assert!(
        fs::read_to_string(&kept)
            .expect("it is kept")
            .ends_with("{\"token\":")
    );

    setting
        .resume(&["--abandon"])
        .expect(0)
        .says("no rotation is unfinished");
    let run = setting.rotate(&["--rotate-before", "30d"]).expect(24);
    assert!(run.stdout.contains("given up by a person"), "{run:?}");
    let run = setting.status(&["--warn", "1d"]).expect(26);
    assert!(run.stdout.contains("given up"), "{run:?}");
    setting.rotate(&[]).expect(0);
    setting.is_rotated();
    assert!(kept.exists(), "it is nobody's to remove but yours");
}

#[test]
fn an_event_says_so_too() {
    let setting = stuck();
    let run = setting.resume(&["--abandon", "--output", "json"]).expect(0);
    let event: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(event["ending"], "abandoned");
    assert!(event["escrow"].is_string(), "{event}");
}
