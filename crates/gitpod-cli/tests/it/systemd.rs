//! The units for systemd: what they say, and what they run. systemd itself isn't here: its sandbox isn't
//! proven, beyond what `systemd-analyze` says of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use gitpod_testing::Server;

use crate::exit_codes::listed;
use crate::rotate::Setting;
use crate::support::Run;

const DAY: Duration = Duration::from_secs(86_400);
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/systemd");

/// A unit's file: section, name and value of each line.
#[derive(Debug)]
struct Unit(Vec<(String, String, String)>);

impl Unit {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let mut section = String::new();
        let mut lines = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with(['#', ';']) {
            } else if let Some(name) = line.strip_prefix('[') {
                name.trim_end_matches(']').clone_into(&mut section);
            } else {
                assert!(!line.ends_with('\\'), "{line}");
                let (name, value) = line.split_once('=').expect("NAME=VALUE");
                lines.push((section.clone(), name.to_owned(), value.to_owned()));
            }
        }
        Self(lines)
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let lines = self.0.iter().filter(move |line| line.1 == name);
        lines.map(|line| &*line.2)
    }
}

/// The words of a line, as systemd.syntax(7) has them, as far as our units go.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, behind) = match first {
            '"' | '\'' => rest[1..].split_once(first).expect("a closing quote"),
            _ => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = behind.trim_start();
    }
    words
}

/// A machine's folders below one of a test, with the units that were installed there.
pub(crate) struct Machine<'a> {
    setting: &'a Setting,
    root: PathBuf,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(setting: &'a Setting) -> Self {
        let root = setting.folder().join("machine");
        for folder in [
            "etc/systemd/system",
            "etc/gitpodctl",
            "var/lib",
            "run",
            "usr/local/bin",
        ] {
            fs::create_dir_all(root.join(folder)).expect("a folder");
        }
        Self { setting, root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path of the machine's own, where the test has it.
    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The service there calls this server in place of Ona.
    pub(crate) fn points_to(&self, server: &Server) {
        let environment = format!("# Where.\nONA_BASE_URL={}\n", server.base_url());
        fs::write(self.at("/etc/gitpodctl/environment"), environment).expect("a file");
    }

    /// What a test without the page installs.
    fn install(&self, config: &str) {
        let server = self.setting.server();
        self.points_to(server);
        let units = self.at("/etc/systemd/system");
        for entry in fs::read_dir(FOLDER).expect("a folder") {
            let path = entry.expect("an entry").path();
            fs::copy(&path, units.join(path.file_name().expect("a name"))).expect("a copy");
        }
        let write = |name: &str, text: &str| {
            fs::write(self.at("/etc/gitpodctl").join(name), text).expect("a file");
        };
        write("ONA_API_KEY", server.api_key());
        write("rotate.toml", config);
    }

    /// Runs what `systemctl start` would.
    pub(crate) fn start(&self, name: &str) -> Run {
        let unit = Unit::read(&self.at("/etc/systemd/system").join(name));
        let credentials = self.at("/run/credentials");
        let _ = fs::remove_dir_all(&credentials);
        fs::create_dir(&credentials).expect("a folder");
        let mut environment = BTreeMap::new();
        for credential in unit.all("LoadCredential") {
            let (id, path) = credential.split_once(':').expect("ID:PATH");
            fs::copy(self.at(path), credentials.join(id)).expect("a credential");
            let folder = credentials.display().to_string();
            environment.insert("CREDENTIALS_DIRECTORY".to_owned(), folder);
        }
        let files = unit.all("EnvironmentFile").map(|path| {
            let text = fs::read_to_string(self.at(path.trim_start_matches('-')));
            text.unwrap_or_default()
        });
        let own = unit.all("Environment").flat_map(words);
        let lines = files.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
        for line in own.chain(lines.filter(|line| !line.starts_with('#'))) {
            let (name, value) = line.split_once('=').expect("NAME=VALUE");
            environment.insert(name.to_owned(), value.to_owned());
        }
        for folder in unit.all("StateDirectory") {
            fs::create_dir_all(self.at("/var/lib").join(folder)).expect("a folder");
        }
        let mut last = None;
        for line in unit.all("ExecStart") {
            let run = self.execute(line, &environment);
            let ended_well = run.code == Some(0);
            last = Some(run);
            if !ended_well {
                break;
            }
        }
        last.expect("an ExecStart")
    }

    fn execute(&self, line: &str, environment: &BTreeMap<String, String>) -> Run {
        let word = |word: String| {
            let variable = word
                .strip_prefix("${")
                .and_then(|word| word.strip_suffix('}'));
            let word = match variable {
                Some(name) => environment[name].clone(),
                None => word.replace("%S", "/var/lib").replace("$$", "$"),
            };
            // The machine's own folders are the test's.
            let is_own = ["/etc/gitpodctl", "/var/lib/"]
                .iter()
                .any(|own| word.starts_with(own));
            if is_own {
                self.at(&word).display().to_string()
            } else {
                word
            }
        };
        let mut line = words(line).into_iter().map(word);
        let program = Path::new(env!("CARGO_BIN_EXE_gitpodctl"));
        let programs = program.parent().expect("a folder").display();
        let child = Command::new(line.next().expect("a program"))
            .args(line)
            .env_clear()
            .envs(environment)
            .env("PATH", format!("{programs}:/usr/bin:/bin"))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        self.setting.finish(child.expect("a shell"))
    }
}

fn config(setting: &Setting) -> String {
    format!(
        "to = [\"file:{}\"]\nrotate-before = \"30d\"\n",
        setting.token_path().display()
    )
}

#[test]
fn the_service_rotates_when_it_is_due() {
    let setting = Setting::new();
    let machine = Machine::new(&setting);
    machine.install(&config(&setting));
    let service = "gitpodctl-rotate.service";
    machine.start(service).expect(0);
    setting.is_unchanged();
    setting.server().clock().advance(DAY * 340);
    // What runs last is the status.
    let run = machine.start(service).expect(0);
    assert!(run.stdout.contains("as it was left"), "{run:?}");
    let id = setting.id();
    let journal = machine
        .at("/var/lib/gitpodctl")
        .join(format!("{id}.journal.json"));
    assert!(journal.exists());
    let held = fs::read_to_string(setting.token_path()).expect("a file");
    assert!(crate::rotate::accepts(setting.server(), &held));
    assert_ne!(held, setting.server().scim_token());
}

#[test]
fn the_service_fails_where_somebody_is_needed() {
    let setting = Setting::new();
    let machine = Machine::new(&setting);
    machine.install(&config(&setting));
    let service = "gitpodctl-rotate.service";
    let server = setting.server();
    server.make_personal(server.api_key(), DAY * 20, false);
    machine
        .start(service)
        .expect(26)
        .says("this credential ends at");
    server.clock().advance(DAY * 10);
    fs::write(machine.at("/etc/gitpodctl/ONA_API_KEY"), "another").expect("a file");
    machine.start(service).expect(3).says("unauthenticated");
    fs::remove_file(machine.at("/etc/gitpodctl/rotate.toml")).expect("it is there");
    machine.start(service).expect(2).says("--config");
    setting.is_unchanged();
}

#[test]
fn what_must_not_be_missing() {
    let service = Unit::read(&Path::new(FOLDER).join("gitpodctl-rotate.service"));
    for line in [
        "Type=oneshot",
        "DynamicUser=yes",
        "StateDirectory=gitpodctl",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "LimitCORE=0",
        "KillSignal=SIGTERM",
        "KillMode=mixed",
        "OnFailure=gitpodctl-rotate-failed.service",
    ] {
        let (name, value) = line.split_once('=').expect("NAME=VALUE");
        assert_eq!(service.all(name).collect::<Vec<_>>(), [value], "{name}");
    }
    let stop: u32 = service
        .all("TimeoutStopSec")
        .next()
        .expect("a time")
        .parse()
        .expect("seconds");
    assert!(stop >= 120);
    // What isn't over is tried again, and of all that `--help` lists nothing else is.
    let never = service.all("RestartPreventExitStatus").flat_map(words);
    let never: Vec<u8> = never.map(|word| word.parse().expect("a code")).collect();
    let codes = listed().into_iter().filter(|code| ![0, 21].contains(code));
    assert_eq!(never, codes.collect::<Vec<_>>());
    let timer = Unit::read(&Path::new(FOLDER).join("gitpodctl-rotate.timer"));
    for (name, value) in [
        ("OnCalendar", "daily"),
        ("Persistent", "true"),
        ("RandomizedDelaySec", "2h"),
    ] {
        assert_eq!(timer.all(name).collect::<Vec<_>>(), [value], "{name}");
    }
    // All tries of one day are counted, also if each takes as long as it may, and none of the day before is.
    let one = |name| service.all(name).next().expect("a value");
    let hours = |name| one(name).strip_suffix('h').expect("hours").parse::<u32>();
    let limit = hours("StartLimitIntervalSec").expect("a number") * 60;
    let longest = hours("TimeoutStartSec").expect("a number") * 60;
    let pause: u32 = one("RestartSec")
        .strip_suffix("min")
        .expect("minutes")
        .parse()
        .expect("a number");
    let tries: u32 = one("StartLimitBurst").parse().expect("a number");
    assert!(tries * (longest + pause) < limit && limit < (24 - 2) * 60);
    // Longer than the wait after an ambiguous answer, and than a stale read is polled.
    assert!(pause >= 2);
}

/// What systemd itself says of them, where it is installed.
#[test]
fn systemd_takes_them() {
    let analyze = |arguments: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        command
            .args(arguments)
            .current_dir(FOLDER)
            .stdin(Stdio::null());
        command.output().ok()
    };
    // A machine without systemd has nothing to say of them, nor one whose systemd is older than what is in
    // them.
    let version = analyze(&["--version"]).map(|output| output.stdout);
    let version = String::from_utf8(version.unwrap_or_default()).expect("UTF-8");
    let version = version.split_whitespace().nth(1);
    if version.and_then(|version| version.parse().ok()) < Some(252) {
        return;
    }
    let verified = analyze(&[
        "verify",
        "./gitpodctl-rotate.service",
        "./gitpodctl-rotate.timer",
        "./gitpodctl-rotate-failed.service",
    ]);
    let verified = verified.expect("it runs");
    assert!(verified.status.success(), "{verified:?}");
    // Exposure of 1.5 of 10 at most, times ten.
    let rated = analyze(&[
        "security",
        "--offline=true",
        "--threshold=15",
        "./gitpodctl-rotate.service",
    ]);
    let rated = rated.expect("it runs");
    assert!(
        rated.status.success(),
        "{}",
        String::from_utf8_lossy(&rated.stdout)
    );
}

#[test]
fn words_are_those_of_systemd() {
    assert_eq!(
        words("a  'b \"c\" d' \"e f\" g"),
        ["a", "b \"c\" d", "e f", "g"]
    );
    assert_eq!(words(""), [""; 0]);
}
