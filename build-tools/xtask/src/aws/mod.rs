//! `cargo xtask aws`: the recipe for AWS Secrets Manager, with the official AWS CLI, against `moto_server`,
//! which serves the HTTP API of AWS.

mod moto;
mod python;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};

use self::moto::Moto;
use crate::conformance::build;
use crate::ona::Ona;
use crate::{Failure, check};

const RECIPE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../crates/gitpod-cli/recipes/aws-secrets-manager.sh"
);
const SECRET: &str = "ona-scim-token";

pub(crate) fn run() -> Result<ExitCode, Failure> {
    let own = std::env::current_exe();
    let own = own.map_err(|error| Failure::new(format!("where am I? {error}")))?;
    let own = own.with_file_name("aws");
    // First, so that a Python that is missing is told at once.
    let programs = python::install(&own)?;
    let world = World::new(&own, programs, &build("gitpod-cli")?)?;
    world.aws(&["create-secret", "--name", SECRET, "--secret-string", "none"])?;

    let first = world.rotated(&[])?;
    let second = world.rotated(&["--expires-in", "90d"])?;
    check(first != second, "the second rotation brings another token")?;
    check(!world.ona.accepts(&first)?, "the first token is dead")?;
    println!("rotated twice; each time the secret held the token that the SCIM endpoint takes");

    let daily = world.rotate(SECRET, &["--rotate-before", "30d"])?;
    ended(&daily, 0, "nothing is due")?;
    println!("a daily run finds nothing to do");

    let missing = world.rotate("no-such-secret", &[])?;
    ended(&missing, 20, "nothing was changed")?;
    check(world.held()? == second, "the secret is as it was")?;
    check(world.ona.accepts(&second)?, "the token from before works")?;
    println!("a secret that isn't there stops the rotation while the old token works");
    Ok(ExitCode::SUCCESS)
}

/// The two servers, and what is run between them.
struct World {
    gitpodctl: PathBuf,
    programs: PathBuf,
    ona: Ona,
    moto: Moto,
    state: PathBuf,
}

impl World {
    fn new(own: &Path, programs: PathBuf, built: &Path) -> Result<Self, Failure> {
        // Not even what an earlier run has left.
        let state = own.join("state");
        let _ = std::fs::remove_dir_all(&state);
        let gitpodctl = built
            .join("gitpodctl")
            .with_extension(std::env::consts::EXE_EXTENSION);
        Ok(Self {
            ona: Ona::start(&gitpodctl)?,
            moto: Moto::start(&programs)?,
            gitpodctl,
            programs,
            state,
        })
    }

    /// A program with what the AWS CLI goes by, and nothing of the user's own.
    fn command(&self, program: &Path) -> Result<Command, Failure> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(self.programs.clone()).chain(std::env::split_paths(&path));
        let path = std::env::join_paths(path)
            .map_err(|error| Failure::new(format!("PATH can't be extended: {error}")))?;
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("AWS_")) {
                command.env_remove(name);
            }
        }
        command
            .env("PATH", path)
            .env("AWS_ENDPOINT_URL", self.moto.url())
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_DEFAULT_REGION", "eu-central-1")
            .env("AWS_CONFIG_FILE", self.state.join("no-config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.state.join("none"))
            .stdin(Stdio::null());
        Ok(command)
    }

    /// What `aws secretsmanager …` prints.
    fn aws(&self, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = self.command(Path::new("aws"))?;
        command.arg("secretsmanager").args(arguments);
        let output = command.stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| Failure::new(format!("aws can't be run: {error}")))?;
        check(output.status.success(), "aws secretsmanager succeeds")?;
        Ok(String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned())
    }

    fn held(&self) -> Result<String, Failure> {
        let value = ["--query", "SecretString", "--output", "text"];
        self.aws(&[&["get-secret-value", "--secret-id", SECRET], &value[..]].concat())
    }

    fn rotate(&self, secret: &str, more: &[&str]) -> Result<Output, Failure> {
        let mut command = self.command(&self.gitpodctl)?;
        command
            .args(["scim", "rotate", "--to"])
            .arg(format!("command:'{RECIPE}' {secret}"))
            .arg("--state-dir")
            .arg(&self.state)
            .args(more);
        self.ona.point(&mut command);
        let output = command.output();
        output.map_err(|error| Failure::new(format!("gitpodctl can't be run: {error}")))
    }

    /// Rotates, and returns the token that the secret then holds, which is alive.
    fn rotated(&self, more: &[&str]) -> Result<String, Failure> {
        let output = self.rotate(SECRET, more)?;
        ended(&output, 0, ": verified")?;
        let held = self.held()?;
        check(!told(&output).contains(&held), "no token is printed")?;
        check(self.ona.accepts(&held)?, "the secret holds the live token")?;
        Ok(held)
    }
}

fn told(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .concat()
}

/// Checks how gitpodctl ended.
fn ended(output: &Output, code: i32, says: &str) -> Result<(), Failure> {
    let told = told(output);
    if output.status.code() == Some(code) && told.contains(says) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "gitpodctl ended with {}, expected {code} and \"{says}\":\n{told}",
        output.status
    )))
}
