//! `cargo xtask container`: what the Containerfile builds, as plain commands: base images can't be had
//! everywhere. What it installs into the second image isn't run.

mod file;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode, Stdio};

use self::file::{Instruction, one, stages};
use crate::ona::Ona;
use crate::{Failure, check};

const FILE: &str = "crates/gitpod-cli/deploy/Containerfile";
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[derive(Debug, clap::Args)]
pub(crate) struct Command {
    /// Optimized, as the image has it: that takes minutes.
    #[arg(long)]
    release: bool,
}

impl Command {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let text = fs::read_to_string(Path::new(REPOSITORY).join(FILE));
        let text = text.map_err(|error| Failure::new(format!("{FILE}: {error}")))?;
        let stages = stages(&text)?;
        let [build, image] = &stages[..] else {
            return Err(Failure::new(format!("{FILE}: expected two stages")));
        };
        let root = Root::new()?;
        for step in build {
            root.follow(step, self.release)?;
        }
        root.try_out(image)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A folder in place of the first image's root.
struct Root {
    folder: PathBuf,
    /// Where cargo builds: in a folder of its own, as it takes the same crates of another path for built.
    target: PathBuf,
}

impl Root {
    fn new() -> Result<Self, Failure> {
        let own = std::env::current_exe();
        let own = own.map_err(|error| Failure::new(format!("where am I? {error}")))?;
        let folder = own.with_file_name("container");
        for old in ["src", "out", "volume"] {
            let _ = fs::remove_dir_all(folder.join(old));
        }
        Ok(Self {
            target: folder.join("target"),
            folder,
        })
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.join(path.trim_start_matches('/'))
    }

    fn follow(&self, step: &Instruction, release: bool) -> Result<(), Failure> {
        let Instruction { name, rest } = step;
        let folder = self.at("/src");
        match &**name {
            "WORKDIR" if rest == "/src" => make(&folder),
            "COPY" => {
                let words: Vec<_> = rest.split_whitespace().collect();
                let (paths, is_plain) = match words[..] {
                    [ref paths @ .., "./"] => (paths, true),
                    [ref paths @ .., to] => (paths, paths == [to]),
                    [] => (&words[..], false),
                };
                check(is_plain, &format!("COPY {rest} keeps the names"))?;
                let mut shell = process::Command::new("sh");
                shell.current_dir(REPOSITORY).args(["-euc", COPY, "sh"]);
                succeed(shell.arg(&folder).args(paths))
            }
            "RUN" => {
                let (out, target) = (self.at("/out"), &self.target);
                let mut line = rest
                    .replace("/out/", &format!("{}/", out.display()))
                    .replace(" target/", &format!(" {}/", target.display()));
                if !release {
                    line = line
                        .replace(" --release", "")
                        .replace("/release/", "/debug/");
                }
                println!("RUN {line}");
                let mut shell = process::Command::new("sh");
                shell
                    .args(["-euc", &line])
                    .current_dir(&folder)
                    .env("CARGO_TARGET_DIR", target)
                    // What nobody debugs is built in half the time.
                    .env("CARGO_PROFILE_DEV_DEBUG", "0");
                succeed(&mut shell)
            }
            _ => Err(Failure::new(format!(
                "{FILE}: {name} {rest}: nobody here knows how"
            ))),
        }
    }

    /// Runs what the second image would, as its user, with nothing to write to but the volume.
    fn try_out(&self, image: &[Instruction]) -> Result<(), Failure> {
        let copied = one(image, "COPY")?;
        let program = match copied.split_whitespace().collect::<Vec<_>>()[..] {
            ["--from=build", from, PROGRAM] => self.at(from),
            _ => return Err(Failure::new(format!("COPY {copied}: expected {PROGRAM}"))),
        };
        let entrypoint = one(image, "ENTRYPOINT")?;
        check(
            entrypoint == format!("[\"{PROGRAM}\"]"),
            "the ENTRYPOINT is the program",
        )?;
        let (name, value) = one(image, "ENV")?.split_once('=').unwrap_or_default();
        let user = one(image, "USER")?;
        let is_number = |id: &str| id.parse().is_ok_and(|id: u32| id > 0);
        let ids = user
            .split_once(':')
            .filter(|(user, group)| is_number(user) && is_number(group));
        let ids =
            ids.ok_or_else(|| Failure::new(format!("USER {user}: expected ids but root's")))?;
        if !is_root()? {
            println!("not tried out as USER {user} with a read-only root: that needs root");
            return Ok(());
        }
        let volume = self.at("/volume");
        let state = volume.join("gitpodctl");
        make(&state)?;
        let mut chown = process::Command::new("chown");
        succeed(chown.arg(user).arg(&state))?;
        let ona = Ona::start(&program)?;
        let rotate = |volume: &Path| {
            let mut sandbox = process::Command::new("unshare");
            sandbox
                .args(["--mount", "sh", "-euc", SANDBOX, "sh", ids.0, ids.1])
                .args([volume, &program])
                .args(["scim", "rotate", "--to", "file:/var/lib/gitpodctl/token"])
                .env_clear()
                .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
                .env(name, value);
            ona.point(&mut sandbox);
            let status = sandbox.stdin(Stdio::null()).status();
            let status = status.map_err(|error| Failure::new(format!("unshare: {error}")))?;
            Ok(status.code())
        };
        // The root's own folder: no volume.
        let without = rotate(Path::new("/var/lib"))?;
        check(without == Some(1), "without a volume nothing is done")?;
        check(rotate(&volume)? == Some(0), "with one it rotates")?;
        let token = fs::read_to_string(state.join("token"));
        let token = token.map_err(|error| Failure::new(format!("the volume's token: {error}")))?;
        check(ona.accepts(&token)?, "the token in the volume works")?;
        println!("rotated as USER {user}, the root file system read-only");
        Ok(())
    }
}

/// Has root and everything below it read-only but the volume, and becomes the user.
const SANDBOX: &str = r#"user=$1 group=$2 volume=$3 program=$4
shift 4
mount --make-rprivate /
mount -t tmpfs none /mnt
cp "$program" /mnt/gitpodctl
if test "$volume" != /var/lib; then mount --bind "$volume" /var/lib; fi
mount -o remount,ro /mnt
mount -o remount,bind,ro /
cd /
exec setpriv --reuid "$user" --regid "$group" --clear-groups --no-new-privs /mnt/gitpodctl "$@""#;

const PROGRAM: &str = "/usr/local/bin/gitpodctl";

fn is_root() -> Result<bool, Failure> {
    let output = process::Command::new("id").arg("-u").output();
    let output = output.map_err(|error| Failure::new(format!("id can't be run: {error}")))?;
    Ok(output.stdout.trim_ascii() == b"0")
}

fn make(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}

fn succeed(command: &mut process::Command) -> Result<(), Failure> {
    let program = command.get_program().display().to_string();
    let status = command.stdin(Stdio::null()).status();
    let status = status.map_err(|error| Failure::new(format!("{program}: {error}")))?;
    check(status.success(), &format!("{program} succeeds"))
}

/// Copies what git knows of some paths to a folder, as a fresh clone has them.
const COPY: &str = r#"folder=$1
shift
git ls-files -z --cached --others --exclude-standard -- "$@" \
    | tar --create --null --files-from - --ignore-failed-read | tar --extract --directory "$folder""#;
