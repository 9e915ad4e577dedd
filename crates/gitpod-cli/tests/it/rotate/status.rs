//! `scim status`.

use std::fs;
use std::time::Duration;

use gitpod_client::organization::RegenerateScimToken;
use gitpod_testing::Fault;
use serde_json::Value;

use super::Setting;
use crate::support::Run;

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn the_status_says_how_things_stand() {
    let setting = Setting::new();
    let status = |more: &[&str]| setting.status(more);
    let run = status(&[]).expect(0);
    assert!(run.stdout.contains("never rotated from here"), "{run:?}");
    assert!(
        run.stdout.contains("365 d") || run.stdout.contains("364 d"),
        "{run:?}"
    );
    assert!(!setting.state().exists(), "looking makes no folder");
    setting.rotate(&[]).expect(0);
    let run = status(&["--warn", "30d"]).expect(0);
    assert!(run.stdout.contains("as it was left"), "{run:?}");
    assert!(
        run.stdout
            .contains("this credential: when it ends can't be read"),
        "{run:?}"
    );

    setting
        .server()
        .make_personal(setting.server().api_key(), DAY * 20, false);
    status(&[]).expect(0);
    status(&["--warn", "30d"])
        .expect(26)
        .says("this credential ends at");
    setting
        .server()
        .make_personal(setting.server().api_key(), DAY * 60, false);
    status(&["--warn", "30d"]).expect(0);
    setting
        .embedded
        .regenerate(&["--expires-in", "200d"])
        .expect(0);
    status(&["--warn", "30d"]).expect(26).says("drift");
    let run = status(&["--warn", "1y", "--output", "json"]).expect(26);
    let json: serde_json::Value = serde_json::from_str(run.line()).expect("JSON");
    assert_eq!(json["configurations"][0]["state"], "drift");
    assert!(json["credential"]["ends_at_the_latest"].is_string());
    assert_eq!(json["warnings"].as_array().expect("a list").len(), 3);
}

/// The others are shown.
#[test]
fn a_torn_journal_hides_no_other_configuration() {
    let setting = Setting::new();
    setting.rotate(&[]).expect(0);
    let whole = setting.journal();
    let torn = |id: &str| {
        let path = setting.state().join(format!("{id}.journal.json"));
        fs::write(&path, &whole[..whole.len() / 2]).expect("a file");
        path
    };
    let other = "00000000-0000-4000-8000-000000000000";
    let path = torn(other);
    let run = setting.status(&[]).expect(1);
    for part in ["as it was left", other, "(not listed by the service)"] {
        assert!(run.stdout.contains(part), "{part}: {run:?}");
    }
    run.says(path.to_str().expect("UTF-8"))
        .says("isn't a whole journal")
        .says("If there is a copy");
    let run = setting
        .status(&["--output", "json", "--warn", "1d"])
        .expect(1);
    let json: serde_json::Value = serde_json::from_str(run.line()).expect("JSON");
    let states: Vec<_> = json["configurations"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| (row["state"].as_str(), row["detail"].is_string()))
        .collect();
    assert_eq!(states, [(Some("as_left"), false), (Some("unknown"), true)]);
    let warnings = json["warnings"].as_array().expect("a list");
    let unknown = format!("{other}: not known: its journal can't be read");
    assert!(warnings.contains(&unknown.into()), "{json}");

    fs::remove_file(path).expect("it is there");
    torn(setting.id());
    let run = setting.status(&[]).expect(1).says("isn't a whole journal");
    assert!(run.stdout.contains("its journal can't be read"), "{run:?}");
    assert!(
        run.stdout.contains("365 d") || run.stdout.contains("364 d"),
        "{run:?}"
    );
}

/// A file where the folder should be.
#[test]
fn a_state_folder_that_can_not_be_read_hides_no_configuration() {
    let setting = Setting::new();
    fs::write(setting.state(), "").expect("a file");
    let run = setting.status(&[]).expect(1).says("can't read");
    assert!(run.stdout.contains(setting.id()), "{run:?}");
    assert_eq!(run.stderr.matches("can't read").count(), 1, "{run:?}");
}

/// `status` has to show what is unfinished of a configuration that the service doesn't list.
#[test]
fn what_is_unfinished_and_gone_is_shown() {
    let setting = super::abandon::stuck();
    let id = setting.id().to_owned();
    super::signals::someone_else(&setting, &["delete", &id]);
    let run = setting.status(&["--warn", "1d"]).expect(26);
    assert!(
        run.stdout.contains("(not listed by the service)"),
        "{run:?}"
    );
    assert!(run.stderr.contains("unfinished"), "{run:?}");
}

/// The service doesn't answer, or doesn't take the credential: what is kept here is shown, and that it is all.
#[test]
fn without_the_service_what_is_kept_here_is_shown() {
    let setting = super::abandon::stuck();
    let id = setting.id();
    let others = "00000000-0000-4000-8000-000000000000";
    let finished = setting.journal().replace(id, others);
    let mut finished: Value = serde_json::from_str(&finished).expect("JSON");
    finished["unfinished"] = Value::Null;
    finished["last"] = serde_json::json!({
        "end": "finished", "expires_at": "2030-01-01T00:00:00Z", "lives_seconds": [86_400],
        "life_kept": true, "at": "2029-01-01T00:00:00Z", "sinks": ["file:/x"],
    });
    let path = setting.state().join(format!("{others}.journal.json"));
    fs::write(path, finished.to_string()).expect("a file");
    let with = |variable: &str, value: &str, more: &[&str]| {
        let mut command = setting.command(&[&["status"], more].concat());
        let child = command.env(variable, value).spawn();
        setting.finish(child.expect("the binary runs"))
    };
    let nobody = "http://127.0.0.1:1/api";
    let state_dir = setting.state().display().to_string();
    let check = |run: Run, why: &str| {
        for part in [
            id,
            "unfinished",
            others,
            "finished 2029-01-01",
            "not compared with Ona",
        ] {
            assert!(run.stdout.contains(part), "{part}: {run:?}");
        }
        run.says("only what is kept here")
            .says(why)
            .says(&format!(
                "go on with: gitpodctl scim resume {id} --state-dir {state_dir}"
            ))
            .says(setting.escrow().to_str().expect("UTF-8"));
    };
    for more in [&[][..], &["--warn", "1d"]] {
        check(with("ONA_BASE_URL", nobody, more).expect(6), "unavailable");
        check(
            with("ONA_API_KEY", "another", more).expect(3),
            "ONA_API_KEY",
        );
        check(with("ONA_API_KEY", "", more).expect(2), "ONA_API_KEY");
    }
    let run = with("ONA_BASE_URL", nobody, &["--output", "json"]).expect(6);
    let json: Value = serde_json::from_str(run.line()).expect("JSON");
    assert!(json["error"].is_string(), "{json}");
    let state = |row: usize| json["configurations"][row]["state"].clone();
    let states: Vec<_> = [0, 1].map(state).into();
    assert!(states.contains(&"unfinished".into()), "{json}");
    assert!(states.contains(&"not_compared".into()), "{json}");
    // With the service all is well again but for what is unfinished.
    let json = setting.status(&["--output", "json"]).expect(0);
    let json: Value = serde_json::from_str(json.line()).expect("JSON");
    assert!(json["error"].is_null(), "{json}");
    assert_eq!(json["configurations"].as_array().map(Vec::len), Some(1));
}

/// What goes on finds the same files and the same service.
#[test]
fn the_command_that_goes_on_is_told_with_its_flags() {
    let setting = Setting::new();
    let fault = Fault::body("{\"token\":").on::<RegenerateScimToken>();
    setting.server().inject(fault);
    let config = setting.folder().join("rotate it.toml");
    let to = format!("to = [\"file:{}\"]\n", setting.token_path().display());
    fs::write(&config, to).expect("a file");
    let path = config.to_str().expect("UTF-8");
    let url = setting.server().base_url().to_owned();
    let flags = ["--config", path, "--base-url", &url];
    let told = format!(
        "{} --state-dir {} --config '{path}' --base-url {url}",
        setting.id(),
        setting.state().display(),
    );
    let resume = format!("gitpodctl scim resume {told}");
    let run = setting.run(&[&["rotate"], &flags[..]].concat()).expect(21);
    assert!(
        run.stdout.contains(&format!("go on with: {resume}\n")),
        "{run:?}"
    );
    setting
        .status(&flags)
        .expect(0)
        .says(&format!("go on with: {resume}\n"));
    let run = setting
        .resume(&[&flags[..], &["--abandon"]].concat())
        .expect(0);
    let rotate = format!("begin anew: gitpodctl scim rotate {told}\n");
    assert!(run.stdout.contains(&rotate), "{run:?}");
    let daily = [&["rotate", "--rotate-before", "30d"], &flags[..]].concat();
    let run = setting.run(&daily).expect(24);
    assert!(
        run.stdout
            .contains(&format!(": gitpodctl scim rotate {told}\n")),
        "{run:?}"
    );

    // The refusal of `--abandon`, at the moment when all is in place but the journal isn't closed.
    setting.run(&[&["rotate"], &flags[..]].concat()).expect(0);
    let journal = setting
        .state()
        .join(format!("{}.journal.json", setting.id()));
    let mut verified: Value = serde_json::from_str(&setting.journal()).expect("JSON");
    let last = verified["last"].clone();
    verified["unfinished"] = serde_json::json!({
        "life_seconds": 31_536_000, "settle_seconds": 60, "deadline_seconds": 15,
        "sinks": [{"sink": format!("file:{}", setting.token_path().display()), "push": "pushed"}],
        "attempts": [{
            "number": 1, "before": last["at"], "life_seconds": last["lives_seconds"][0], "date": last["at"],
            "fate": {"answered": {
                "expires_at": last["expires_at"], "life_kept": true, "in_escrow": true,
            }},
        }],
        "old_token_dead": true, "verified": true,
    });
    fs::write(journal, verified.to_string()).expect("a file");
    let refused = setting.resume(&[&flags[..], &["--abandon"]].concat());
    refused
        .expect(2)
        .silent()
        .says(&format!("verified: {resume}\n"));
    setting.resume(&flags).expect(0);
    setting.is_rotated();
}
