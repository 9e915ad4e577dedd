//! docs/schedule.md.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Person, blocks};
use crate::rotate::{Setting, accepts};
use crate::support::{Run, gitpodctl};
use crate::systemd::Machine;

const PAGE: &str = include_str!("../../../docs/schedule.md");
const SERVICE: &str = "gitpodctl-rotate.service";
const DAY: Duration = Duration::from_secs(86_400);

/// Runs a command as root would, in the machine's folders.
const SUDO: &str = r#"for word; do
    shift
    case $word in /etc/* | /usr/local/*) word=ROOT$word ;; esac
    set -- "$@" "$word"
done
exec "$@""#;

/// Does what can be done without a systemd that runs.
const SYSTEMCTL: &str = r#"units=ROOT/etc/systemd/system
case "$*" in
daemon-reload) ;;
"enable --now "*)
    test -e "$units/$3"
    if test -x /usr/bin/systemctl; then /usr/bin/systemctl --root=ROOT enable "$3"; fi ;;
"start "*) test -e "$units/$2"; echo "$2" > ROOT/started ;;
"list-timers "*) test -e "$units/$2" ;;
*) exit 2 ;;
esac"#;

const CRONTAB: &str = r#"case $1 in
-l) cat ROOT/crontab ;;
-) cat > ROOT/crontab ;;
esac"#;

/// Has the real one do what needs no server, where it is installed.
const KUBECTL: &str = r#"real=$(PATH=${PATH#*:} command -v kubectl || true)
case "$*" in
"apply -k "*)
    test -e "$3/kustomization.yaml"
    test -z "$real" || "$real" kustomize "$3" > ROOT/applied ;;
"-n scim-rotation create secret generic ona-credential --from-file=api-key=/dev/stdin")
    if test -n "$real"; then "$real" "$@" --dry-run=client -o yaml > ROOT/secret; else cat > ROOT/secret; fi ;;
"-n scim-rotation create job first --from=cronjob/scim-rotation --dry-run=client -o yaml")
    cat deploy/kubernetes/cron-job.yaml ;;
"apply -f -") cat > ROOT/job ;;
"-n scim-rotation logs --follow job/first" | "-n scim-rotation create job now --from=cronjob/scim-rotation") ;;
*) echo "kubectl $*?" >&2; exit 2 ;;
esac"#;

/// Runs what a crontab has, line by line, as cron does.
fn cron(setting: &Setting, crontab: &str) -> Vec<Run> {
    let program = Path::new(env!("CARGO_BIN_EXE_gitpodctl"));
    let programs = program.parent().expect("a folder").display();
    let mut path = String::new();
    let mut runs = Vec::new();
    for line in crontab.lines() {
        if let Some(own) = line.strip_prefix("PATH=") {
            own.clone_into(&mut path);
            continue;
        }
        let command = line
            .splitn(6, ' ')
            .nth(5)
            .expect("five fields and a command");
        assert!(!command.contains('%'), "a line break for cron: {command}");
        let mut shell = Command::new("sh");
        for (name, value) in gitpodctl().get_envs() {
            if value.is_none() {
                shell.env_remove(name);
            }
        }
        let child = shell
            .args(["-c", command])
            .env_remove("XDG_STATE_HOME")
            .env("HOME", setting.folder())
            .env("PATH", format!("{programs}:{path}"))
            .env("ONA_BASE_URL", setting.server().base_url())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        runs.push(setting.finish(child.expect("a shell")));
    }
    runs
}

#[test]
fn every_command() {
    let setting = Setting::new();
    let machine = Machine::new(&setting);
    let root = machine.root().to_str().expect("UTF-8").to_owned();
    for (name, script) in [
        ("sudo", SUDO),
        ("systemctl", SYSTEMCTL),
        ("crontab", CRONTAB),
        ("kubectl", KUBECTL),
    ] {
        setting.program(name, &format!("set -eu\n{}", script.replace("ROOT", &root)));
    }
    for folder in ["deploy", "recipes"] {
        let of_crate = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        symlink(of_crate, setting.folder().join(folder)).expect("a link");
    }
    let server = setting.server();
    // What people have.
    server.make_personal(server.api_key(), DAY * 90, false);
    machine.points_to(server);
    let mut command = Command::new("sh");
    command
        .env("ONA_API_KEY", server.api_key())
        .env("ONA_BASE_URL", server.base_url());
    let person = Person::new(&setting, &command);
    let started = machine.root().join("started");
    let mut seen = Vec::new();
    for block in &blocks(PAGE) {
        let run = person.run(block);
        if block.code == 25 {
            assert!(run.stdout.contains("WRONG  the credential"), "{run:?}");
        }
        if let Ok(name) = fs::read_to_string(&started) {
            fs::remove_file(&started).expect("it is there");
            machine.start(name.trim()).expect(0);
        }
        seen.push(block.heading);
    }
    // The first Job is the CronJob's without this one argument, and no word else.
    let job = fs::read_to_string(machine.root().join("job")).expect("a job");
    let of_schedule = include_str!("../../../deploy/kubernetes/cron-job.yaml");
    let left_out: Vec<_> = of_schedule
        .lines()
        .filter(|line| !job.lines().any(|kept| kept == *line))
        .map(str::trim)
        .collect();
    assert_eq!(left_out, ["- --rotate-before=30d"]);
    // What isn't over isn't left alone for longer than an hour.
    assert!(of_schedule.contains("schedule: \"17 * * * *\""));
    for heading in ["On Kubernetes", "With systemd", "With cron"] {
        assert!(seen.contains(&heading), "{seen:?}");
    }
    // The seeded one, and the first that was made by hand.
    assert_eq!(server.tokens_issued().len(), 2, "nothing was due");

    // When it is due, the page's service and the page's crontab do it.
    let held = || fs::read_to_string(setting.folder().join("scim-token")).expect("a file");
    server.clock().advance(DAY * 340);
    server.make_personal(server.api_key(), DAY * 90, false);
    machine.start(SERVICE).expect(0);
    assert!(accepts(server, &held()));
    let crontab = fs::read_to_string(machine.root().join("crontab")).expect("a crontab");
    let silent = |runs: &[Run]| {
        assert_eq!(runs.len(), 2);
        for run in runs {
            let said = (run.code, &*run.stdout, &*run.stderr);
            assert_eq!(said, (Some(0), "", ""), "{runs:#?}");
        }
    };
    silent(&cron(&setting, &crontab));
    let before = held();
    server.clock().advance(DAY * 31);
    silent(&cron(&setting, &crontab));
    assert!(accepts(server, &held()));
    assert_ne!(held(), before);
    // The other one's state folder knows nothing of that, and it isn't silent about it.
    machine.start(SERVICE).expect(24);
    // Nor is cron, when the credential has 28 days left.
    server.clock().advance(DAY * 31);
    let runs = cron(&setting, &crontab);
    assert_eq!(runs[0].code, Some(25), "{runs:#?}");
    assert_eq!(runs[0].stdout, "");
    let said = &runs[0].stderr;
    assert!(
        said.contains("exit code 25 of: gitpodctl scim rotate"),
        "{said}"
    );
}
