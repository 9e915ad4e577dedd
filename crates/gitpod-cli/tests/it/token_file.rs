//! `--token-file`: everything that can fail fails before the request leaves.

use std::fs;
use std::path::Path;

use crate::support::{Act, ID, Scripted, TOKEN, regenerated, response};

fn regenerate(server: &Scripted, path: &Path) -> crate::support::Run {
    let path = path.to_str().expect("UTF-8");
    server.scim(["regenerate-token", ID, "--token-file", path])
}

#[test]
fn holds_the_token_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let server = Scripted::json("200 OK", &regenerated());
    regenerate(&server, &path)
        .expect(0)
        .silent()
        .says("2027-01-02T03:04:05Z");
    assert_eq!(fs::read_to_string(&path).unwrap(), TOKEN);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    }

    let other = folder.path().join("other");
    let run = server
        .scim([
            "regenerate-token",
            ID,
            "--output",
            "json",
            "--token-file",
            other.to_str().unwrap(),
        ])
        .expect(0);
    let json: serde_json::Value = serde_json::from_str(run.line()).unwrap();
    assert_eq!(json["tokenFile"], other.to_str().unwrap());
    assert!(json.get("token").is_none(), "{json}");
    assert_eq!(fs::read_to_string(&other).unwrap(), TOKEN);
}

#[test]
fn is_there_before_the_request_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let server = Scripted::start(Act::AnswerWhenTold(response(
        "200 OK",
        "application/json",
        &regenerated(),
    )));
    std::thread::scope(|scope| {
        let running = scope.spawn(|| regenerate(&server, &path));
        server.wait_for_request();
        let metadata = fs::metadata(&path).unwrap();
        #[cfg(target_os = "linux")]
        {
            use std::os::unix::fs::MetadataExt;
            assert_eq!(metadata.mode() & 0o7777, 0o600);
            assert!(metadata.blocks() > 0, "its blocks are allocated");
        }
        let _ = metadata;
        server.go_on();
        running.join().unwrap().expect(0).silent();
    });
    assert_eq!(fs::read_to_string(&path).unwrap(), TOKEN);
}

#[test]
fn what_can_not_be_created_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Scripted::json("200 OK", &regenerated());
    let existing = folder.path().join("existing");
    fs::write(&existing, "mine").unwrap();
    regenerate(&server, &existing)
        .expect(2)
        .silent()
        .says("exists already");
    assert_eq!(fs::read_to_string(&existing).unwrap(), "mine");
    regenerate(&server, &folder.path().join("missing").join("token"))
        .expect(2)
        .silent()
        .says("doesn't exist");
    regenerate(&server, &existing.join("token"))
        .expect(2)
        .silent();
    regenerate(&server, folder.path()).expect(2).silent();
    // Nobody can create a file there, not even root.
    #[cfg(target_os = "linux")]
    regenerate(&server, Path::new("/sys/gitpodctl-token"))
        .expect(1)
        .silent()
        .says("nothing was sent");
    assert_eq!(server.requests(), 0);
}

/// Creating a configuration hands out a token in the same way.
#[test]
fn create_checks_it_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let server = Scripted::json(
        "200 OK",
        &format!(
            r#"{{"scimConfiguration":{{"id":"{ID}"}},"token":"{TOKEN}","tokenExpiresAt":"2027-01-02T03:04:05Z"}}"#
        ),
    );
    let arguments = [
        "create",
        "--organization-id",
        ID,
        "--sso-configuration-id",
        ID,
        "--token-file",
        path.to_str().unwrap(),
    ];
    server.scim(arguments).expect(0).silent();
    assert_eq!(fs::read_to_string(&path).unwrap(), TOKEN);
    server.scim(arguments).expect(2).silent();
    assert_eq!(server.requests(), 1);
}

#[test]
fn is_removed_when_no_token_came() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let refusal = Scripted::json("404 Not Found", r#"{"code":"not_found","message":"no"}"#);
    regenerate(&refusal, &path).expect(4).silent();
    assert!(!path.exists());
    let closing = Scripted::start(Act::Answer(Vec::new()));
    regenerate(&closing, &path).expect(7).silent();
    assert!(!path.exists(), "an empty file would only stand in the way");
}

#[test]
fn keeps_an_answer_that_is_not_understood() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let body = format!(r#"{{"token":"{TOKEN}","tokenExpiresAt":"soon"}}"#);
    let server = Scripted::json("200 OK", &body);
    regenerate(&server, &path)
        .expect(9)
        .silent()
        .says(path.to_str().unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), body);
}

/// The shell limits what may be written: reserving blocks passes, writing fails.
#[cfg(target_os = "linux")]
#[test]
fn a_failing_write_sends_the_token_to_standard_output() {
    use std::process::{Command, Stdio};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let server = Scripted::json("200 OK", &regenerated());
    let run = |form: &str| {
        let child = Command::new("sh")
            .args(["-c", r#"trap '' XFSZ; ulimit -f 0; exec "$@""#, "sh"])
            .arg(env!("CARGO_BIN_EXE_gitpodctl"))
            .args(["--base-url", &server.url(), "--output", form])
            .args(["scim", "regenerate-token", ID, "--token-file"])
            .arg(&path)
            .env("ONA_API_KEY", crate::support::API_KEY)
            .env_remove("ONA_BASE_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        crate::support::finish(child)
            .expect(8)
            .says("can't write the token")
    };
    assert_eq!(run("table").line(), TOKEN);
    assert!(!path.exists(), "half a token is no token");
    let json: serde_json::Value = serde_json::from_str(run("json").line()).unwrap();
    assert_eq!(json["token"], TOKEN);
}

/// A disk of 16 KiB is found to be full while the old token still works.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_sends_nothing() {
    use std::process::{Command, Stdio};

    // A mount in a namespace of its own, where the machine allows that.
    let mounted = |script: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    };
    const MOUNT: &str = "mount -t tmpfs -o size=16k none /mnt";
    if !mounted(MOUNT).status().is_ok_and(|status| status.success()) {
        // On CI it must be possible, so that the test can't pass by doing nothing.
        assert!(std::env::var_os("CI").is_none(), "no tmpfs can be mounted");
        eprintln!("skipped: no tmpfs can be mounted here");
        return;
    }
    let server = Scripted::json("200 OK", &regenerated());
    let child = mounted(&format!(
        r#"{MOUNT} && "$@"; code=$?; ls -A /mnt; exit $code"#
    ))
    .arg(env!("CARGO_BIN_EXE_gitpodctl"))
    .args(["--base-url", &server.url(), "scim", "regenerate-token", ID])
    .args(["--token-file", "/mnt/token"])
    .env("ONA_API_KEY", crate::support::API_KEY)
    .spawn()
    .unwrap();
    crate::support::finish(child)
        .expect(1)
        .silent()
        .says("nothing was sent");
    assert_eq!(server.requests(), 0);
}
