//! What goes as it should.

use std::process::Command;
use std::time::Duration;

use gitpod_client::organization::RegenerateScimToken;
use gitpod_testing::{Method, Server};

use super::{Setting, accepts};
use crate::support::{Run, finish, gitpodctl};

const DAY: Duration = Duration::from_secs(86_400);

fn asks(server: &Server) -> usize {
    let calls = server.calls();
    calls
        .iter()
        .filter(|call| call.path() == RegenerateScimToken::PATH)
        .count()
}

#[test]
fn the_only_configuration_is_rotated() {
    let setting = Setting::new();
    let run = setting.rotate(&[]).expect(0);
    assert!(run.stdout.starts_with("rotated: "), "{run:?}");
    assert!(run.stdout.contains(": verified\n"), "{run:?}");
    setting.is_rotated();
    assert_eq!(asks(setting.server()), 1);
    // And again, as another process would.
    setting
        .rotate(&[setting.id(), "--expires-in", "90d"])
        .expect(0);
    setting.is_rotated();
}

#[test]
fn every_event_is_a_line_of_json() {
    let setting = Setting::new();
    let run = setting.rotate(&["--output", "json"]).expect(0);
    let events: Vec<serde_json::Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let names: Vec<_> = events
        .iter()
        .map(|event| event["event"].as_str().expect("a name"))
        .collect();
    for name in [
        "started",
        "read",
        "preflight",
        "asking",
        "asked",
        "escrowed",
        "pushed",
        "verified",
    ] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    let last = events.last().expect("an event");
    assert_eq!(last["event"], "ended");
    assert_eq!(last["ending"], "done");
    assert_eq!(last["exit_code"], 0);
    assert_eq!(last["sinks"][0]["verdict"], "works");
    assert_eq!(run.stderr, "");
}

#[test]
fn that_nothing_is_to_be_resumed_is_an_event_too() {
    let setting = Setting::new();
    let id = setting.id();
    let of_it = format!("no rotation of {id} is unfinished");
    for (more, configuration, says) in [
        (&[][..], None, "no rotation is unfinished"),
        (&[id], Some(id), &*of_it),
        (&[id, "--abandon"], Some(id), &of_it),
    ] {
        let run = setting
            .resume(&[more, &["--output", "json"]].concat())
            .expect(0);
        let event: serde_json::Value = serde_json::from_str(run.line()).expect("JSON");
        let expected = serde_json::json!({
            "event": "ended",
            "configuration": configuration,
            "ending": "nothing_unfinished",
            "exit_code": 0,
            "says": [says],
        });
        assert_eq!(event, expected);
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn nothing_is_due_while_life_is_left() {
    let setting = Setting::new();
    let run = setting.rotate(&["--rotate-before", "30d"]).expect(0);
    assert!(run.stdout.contains("nothing is due"), "{run:?}");
    assert!(
        run.stdout.contains("not checked"),
        "a file can't tell: {run:?}"
    );
    setting.is_unchanged();
    setting
        .server()
        .clock()
        .advance(Duration::from_secs(340 * 86_400));
    setting.rotate(&["--rotate-before", "30d"]).expect(0);
    setting.is_rotated();
    assert_eq!(asks(setting.server()), 1);
}

#[test]
fn an_expired_token_is_a_normal_start() {
    let setting = Setting::new();
    setting
        .server()
        .clock()
        .advance(Duration::from_secs(400 * 86_400));
    assert!(!accepts(setting.server(), &setting.held()));
    setting.rotate(&["--rotate-before", "30d"]).expect(0);
    setting.is_rotated();
}

#[test]
fn a_dry_run_asks_for_nothing() {
    let setting = Setting::new();
    let run = setting.rotate(&["--dry-run"]).expect(0);
    assert!(run.stdout.contains("ready"), "{run:?}");
    setting.is_unchanged();
    assert!(!setting.escrow().exists());
}

#[test]
fn the_token_of_someone_else_is_drift() {
    let setting = Setting::new();
    setting.rotate(&[]).expect(0);
    setting
        .embedded
        .regenerate(&["--expires-in", "200d"])
        .expect(0);
    let run = setting.rotate(&["--rotate-before", "30d"]).expect(24);
    assert!(run.stdout.contains("drift"), "{run:?}");
    assert!(
        run.stdout.contains("someone else replaced the token"),
        "{run:?}"
    );
    // By hand there is a reason to.
    setting.rotate(&[]).expect(0);
    setting.is_rotated();
}

#[test]
fn what_is_written_wrong_is_said_before_anything_is_sent() {
    let setting = Setting::new();
    for (arguments, says) in [
        (
            &["rotate", "--to", "flie:/x"][..],
            "expected entra, file:PATH",
        ),
        (&["rotate", "--to", "file:"], "expected entra, file:PATH"),
        (
            &["rotate", "--to", "flie:/x", "--to", "file:"],
            "; --to file:: expected",
        ),
        (
            &["rotate", "--to", "file:/x", "--rotate-before", "1x"],
            "30d",
        ),
        (
            &[
                "rotate",
                "--to",
                "file:/x",
                "--rotate-before",
                "90d",
                "--expires-in",
                "60d",
            ],
            "less than --expires-in",
        ),
        (&["rotate", "--to", "file:/x", "--settle", "1d"], "60s"),
        (&["rotate", "--embedded"], "gitpodctl serve"),
        (&["rotate", "not-an-id"], "UUID"),
    ] {
        let child = setting.command(arguments).spawn().expect("the binary runs");
        setting.finish(child).expect(2).silent().says(says);
    }
    assert_eq!(setting.server().call_count(), 0);
    let child = setting
        .command(&["rotate"])
        .spawn()
        .expect("the binary runs");
    setting.finish(child).expect(2).says("no sink is named");
    setting
        .resume(&[])
        .expect(0)
        .says("no rotation is unfinished");
    setting
        .resume(&[setting.id()])
        .expect(0)
        .says("is unfinished");
}

#[test]
fn a_dry_run_is_a_checklist_with_the_fix_beside_each_red_line() {
    let setting = Setting::new();
    let url = setting.server().scim_base_url().to_owned();
    let run = setting.rotate(&["--dry-run", "--scim-url", &url]).expect(0);
    for line in [
        "ok     the configuration can be read",
        "?      the credential: not checked",
        "ok     the SCIM endpoint tells live tokens from dead ones",
        "ok     file:",
        "ready: ",
    ] {
        assert!(run.stdout.contains(line), "{line}: {run:?}");
    }
    setting
        .server()
        .make_personal(setting.server().api_key(), DAY, true);
    let run = setting.rotate(&["--dry-run"]).expect(20);
    assert!(run.stdout.contains("WRONG  the credential"), "{run:?}");
    setting
        .server()
        .make_personal(setting.server().api_key(), DAY, false);
    let run = setting
        .rotate(&["--dry-run", "--to", "command:exit 3"])
        .expect(20);
    assert!(
        run.stdout
            .contains("WRONG  command:exit 3 wouldn't take a token"),
        "{run:?}"
    );
    assert!(
        run.stdout.contains("fix: this has to end with 0"),
        "{run:?}"
    );
    setting.is_unchanged();
}

/// A checklist has whatever can be checked, whatever else is wrong.
#[test]
fn a_dry_run_checks_the_sinks_whatever_is_wrong_before() {
    let setting = Setting::new();
    // Whether what it holds works it can't tell.
    let command = "command:test $GITPOD_ROTATION_PHASE = verify && exit 64; exit 3";
    let sinks = |run: &Run| {
        let file = format!("ok     file:{} would take", setting.token_path().display());
        assert!(run.stdout.contains(&file), "{run:?}");
        let other = format!("WRONG  {command} wouldn't take");
        assert!(run.stdout.contains(&other), "{run:?}");
    };
    let run = |change: &dyn Fn(&mut Command), more: &[&str]| {
        let mut command = setting.rotation(&["--to", command, "--dry-run"]);
        command.args(more);
        change(&mut command);
        let run = setting.finish(command.spawn().expect("the binary runs"));
        sinks(&run);
        run
    };
    let wrong_key = |command: &mut Command| {
        command.env("ONA_API_KEY", "nobody's");
    };
    // Its id can't be found out, or the configuration not read.
    run(&wrong_key, &[]).expect(3).says("ONA_API_KEY");
    let told = run(&wrong_key, &[setting.id()]).expect(20);
    assert!(told.stdout.contains("WRONG  the configuration"), "{told:?}");
    assert!(
        told.stdout
            .contains("fix: look at the configuration's id, ONA_API_KEY"),
        "{told:?}"
    );
    let daily = ["--rotate-before", "30d"];
    let told = run(&wrong_key, &[&daily[..], &[setting.id()]].concat()).expect(20);
    assert!(told.stdout.contains("not checked"), "{told:?}");
    let nobody = "00000000-0000-4000-8000-000000000000";
    run(&|_| {}, &[nobody]).expect(4);
    // The credential won't do.
    let key = setting.server().api_key();
    setting.server().make_personal(key, DAY, true);
    run(&|_| {}, &[]).expect(20);
    setting.server().make_personal(key, DAY * 90, false);
    run(&|_| {}, &daily).expect(25);
    // It isn't as it was left.
    setting.rotate(&[]).expect(0);
    setting.embedded.regenerate(&[]).expect(0);
    let told = run(&|_| {}, &[&daily[..], &["--expires-in", "90d"]].concat()).expect(24);
    assert!(told.stdout.contains("someone else replaced"), "{told:?}");
    // The state folder won't do.
    std::fs::remove_dir_all(setting.state()).expect("it is there");
    std::fs::write(setting.state(), "").expect("a file");
    run(&|_| {}, &[]).expect(1).says("nothing was done");
}

#[test]
fn an_id_that_nothing_has_isnt_said_to_have_had_something() {
    let setting = Setting::new();
    let nobody = "00000000-0000-4000-8000-000000000000";
    let run = setting.rotate(&[nobody]).expect(4);
    assert!(run.stdout.contains("there is no configuration"), "{run:?}");
    assert!(run.stdout.contains("gitpodctl scim list"), "{run:?}");
    assert!(!run.stdout.contains("any more"), "{run:?}");
    // One that was rotated from here did exist.
    setting.rotate(&[]).expect(0);
    let id = setting.id().to_owned();
    super::signals::someone_else(&setting, &["delete", &id]);
    let run = setting.rotate(&[&id]).expect(4);
    assert!(run.stdout.contains("doesn't exist any more"), "{run:?}");
}

#[test]
fn of_many_configurations_a_few_are_named() {
    let setting = Setting::new();
    let refused = |count: usize, says: &str| {
        for _ in 0..count {
            let server = setting.server();
            let mut command = gitpodctl();
            command
                .env("ONA_API_KEY", server.api_key())
                .env("ONA_BASE_URL", server.base_url())
                .args(["scim", "create", "--organization-id"])
                .args([server.organization_id(), "--sso-configuration-id"])
                .arg(server.sso_configuration_id());
            finish(command.spawn().expect("the binary runs")).expect(0);
        }
        setting.rotate(&[]).expect(2).silent().says(says)
    };
    let run = refused(
        9,
        "there are 10 configurations: expected the CONFIGURATION_ID",
    );
    assert!(!run.stderr.contains(" more"), "{run:?}");
    let run = refused(102, " and 102 more, which `gitpodctl scim list` shows");
    assert_eq!(run.stderr.matches(", ").count(), 10, "{run:?}");
    assert!(accepts(setting.server(), &setting.held()));
}

/// What a schedule needs: a credential that ends before the next rotation is no good.
#[test]
fn a_credential_that_ends_too_soon_is_found_while_the_old_token_lives() {
    let setting = Setting::new();
    setting.server().clock().advance(DAY * 340);
    setting
        .server()
        .make_personal(setting.server().api_key(), DAY * 90, false);
    let run = setting.rotate(&["--rotate-before", "30d"]).expect(25);
    assert!(run.stdout.contains("nothing was changed"), "{run:?}");
    setting.is_unchanged();
    setting
        .rotate(&["--rotate-before", "30d", "--expires-in", "100d"])
        .expect(0);
    setting.is_rotated();
}

/// The same is told long before, by the dry run of a schedule that is new.
#[test]
fn a_credential_that_will_end_too_soon_is_found_by_a_dry_run() {
    let setting = Setting::new();
    let key = setting.server().api_key();
    setting.server().make_personal(key, DAY * 90, false);
    let daily = ["--rotate-before", "30d"];
    setting.rotate(&daily).expect(0);
    let run = setting
        .rotate(&[&daily[..], &["--dry-run"]].concat())
        .expect(25);
    assert!(run.stdout.contains("WRONG  the credential"), "{run:?}");
    setting
        .rotate(&[&daily[..], &["--dry-run", "--expires-in", "90d"]].concat())
        .expect(0);
    setting.is_unchanged();
}

#[test]
fn the_scim_endpoint_is_asked_where_it_is_known() {
    let setting = Setting::new();
    let url = setting.server().scim_base_url().to_owned();
    let run = setting
        .rotate(&["--scim-url", &url, "--output", "json"])
        .expect(0);
    assert!(run.stdout.contains(r#""probe":"live""#), "{run:?}");
    setting.is_rotated();
    setting
        .rotate(&["--scim-url", "http://example.com/"])
        .expect(2)
        .says("--scim-url");
}

#[test]
fn a_file_says_what_flags_say() {
    let setting = Setting::new();
    let config = setting.folder().join("rotation.toml");
    let path = config.to_str().expect("UTF-8").to_owned();
    let run = |text: String| {
        std::fs::write(&config, text).expect("a file");
        let child = setting.command(&["rotate", "--config", &path]).spawn();
        setting.finish(child.expect("the binary runs"))
    };
    run(format!(
        "configuration = {:?}\nto = [\"file:{}\"]\nexpires-in = \"90d\"\n",
        setting.id(),
        setting.token_path().display()
    ))
    .expect(0);
    setting.is_rotated();
    let wrong = "to = [\"file:/x\"]\nexpire = \"90d\"\nsettle = 5\n".to_owned();
    run(wrong)
        .expect(2)
        .says(":2: expire: no such field")
        .says(":3: settle: expected");
}

/// Nor does one that only looks.
#[test]
fn a_mistyped_id_leaves_nothing_behind() {
    let setting = Setting::new();
    let nobody = "00000000-0000-4000-8000-000000000000";
    let all = || {
        setting.rotate(&[nobody]).expect(4);
        setting.rotate(&[nobody, "--dry-run"]).expect(4);
        setting.rotate(&["not-an-id"]).expect(2);
        setting.resume(&[nobody]).expect(0);
        setting.resume(&["not-an-id"]).expect(2);
    };
    all();
    setting.rotate(&["--dry-run"]).expect(0);
    setting.rotate(&["--rotate-before", "30d"]).expect(0);
    setting.resume(&[]).expect(0);
    let files = || {
        let entries = std::fs::read_dir(setting.state()).expect("a folder");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("a name").file_name())
            .collect();
        names.sort();
        names
    };
    assert!(files().is_empty(), "{:?}", files());
    setting.rotate(&[]).expect(0);
    let before = files();
    all();
    assert_eq!(files(), before);
    assert_eq!(before.len(), 2, "{before:?}");
}

/// It names files, of which one configuration has one.
#[test]
fn an_id_in_capitals_is_the_same_one() {
    let setting = Setting::new();
    let capitals = setting.id().to_uppercase();
    assert_ne!(capitals, setting.id());
    setting.rotate(&[&capitals]).expect(0);
    setting.is_rotated();
    let told = setting.resume(&[&capitals]).expect(0);
    told.says(&format!("no rotation of {} is unfinished", setting.id()));
}
