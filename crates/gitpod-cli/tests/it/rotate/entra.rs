//! `--to entra`: the real binary, and an Entra that tries what it is given.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use gitpod_testing::{Entra, EntraBuilder, EntraRight};
use tokio::runtime::Runtime;

use super::Setting;
use crate::support::Run;

/// A setting whose tokens go to Entra.
pub(crate) struct WithEntra {
    pub(crate) setting: Setting,
    pub(crate) entra: Entra,
    runtime: Runtime,
}

impl WithEntra {
    pub(crate) fn new() -> Self {
        Self::with(|entra| entra)
    }

    pub(crate) fn with(set: impl FnOnce(EntraBuilder) -> EntraBuilder) -> Self {
        let setting = Setting::new();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let server = setting.server();
        let builder = Entra::builder().saved(server.scim_base_url(), server.scim_token());
        let entra = runtime.block_on(set(builder).start()).expect("an Entra");
        Self {
            setting,
            entra,
            runtime,
        }
    }

    /// `scim …` with what says where Entra is, and no credential for it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.setting.command(arguments);
        for name in [
            "GRAPH_TOKEN",
            "AZURE_FEDERATED_TOKEN_FILE",
            "ENTRA_CREDENTIAL",
        ] {
            command.env_remove(name);
        }
        command
            .env(
                "ENTRA_SERVICE_PRINCIPAL_ID",
                self.entra.service_principal_id(),
            )
            .env("ENTRA_GRAPH_URL", self.entra.graph_url())
            .env("AZURE_AUTHORITY_HOST", self.entra.authority_host())
            .env("AZURE_TENANT_ID", self.entra.tenant_id())
            .env("AZURE_CLIENT_ID", self.entra.client_id());
        command
    }

    /// The same, as the application with its secret.
    fn run(&self, arguments: &[&str]) -> Run {
        let mut command = self.command(arguments);
        command.env("AZURE_CLIENT_SECRET", self.entra.client_secret());
        self.finish(command)
    }

    pub(crate) fn finish(&self, mut command: Command) -> Run {
        let run = self
            .setting
            .finish(command.spawn().expect("the binary runs"));
        let secret = self.entra.client_secret();
        assert!(!format!("{run:?}").contains(&secret), "{run:?}");
        run
    }

    pub(crate) fn provisions(&self) -> bool {
        self.runtime.block_on(self.entra.provisions())
    }

    /// A folder with an `az` that does this.
    pub(crate) fn az(&self, script: &str) -> PathBuf {
        self.setting.program("az", script)
    }
}

#[test]
fn with_the_session_of_the_azure_cli() {
    let world = WithEntra::new();
    let token = world.entra.access_token();
    let script = format!(
        "test \"$1 $2\" = 'account get-access-token' && echo '{{\"accessToken\":\"{token}\"}}'"
    );
    let folder = world.az(&script);
    let mut command = world.command(&["rotate", "--to", "entra"]);
    command
        .env_remove("AZURE_CLIENT_SECRET")
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    let run = world.finish(command).expect(0);
    assert!(run.stdout.contains(": verified\n"), "{run:?}");
    assert!(!format!("{run:?}").contains(&token), "{run:?}");
    assert!(world.provisions());
    assert_eq!(world.entra.writes(), 1);
}

#[test]
fn without_a_credential_for_entra_nothing_is_asked_for() {
    let world = WithEntra::new();
    for (script, words) in [
        ("exit 1", "az login"),
        ("echo no JSON", "can't be understood"),
    ] {
        let folder = world.az(script);
        let mut command = world.command(&["rotate", "--to", "entra"]);
        command
            .env_remove("AZURE_CLIENT_SECRET")
            .env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
        world.finish(command).expect(20).says(words);
    }
    let mut command = world.command(&["rotate", "--to", "entra"]);
    command
        .env_remove("AZURE_CLIENT_SECRET")
        .env("PATH", world.setting.folder());
    world.finish(command).expect(20).says("isn't installed");
    assert!(world.provisions(), "the old token works");
}

#[test]
fn by_a_file_and_again_by_a_scheduler() {
    let world = WithEntra::new();
    let file = world.setting.folder().join("rotate.toml");
    let text = format!(
        "to = [\"entra\"]\nexpires-in = \"90d\"\n\n[entra]\nservice-principal-id = \"{}\"\ncredential = \"client-secret\"\n",
        world.entra.service_principal_id()
    );
    fs::write(&file, text).expect("a file");
    let path = file.to_str().expect("Unicode");
    let daily = ["rotate", "--config", path, "--rotate-before", "30d"];
    // The seeded token lives for a year.
    world.run(&daily).expect(0);
    assert_eq!(world.entra.writes(), 0);
    world.run(&["rotate", "--config", path]).expect(0);
    assert!(world.provisions());
    world.run(&daily).expect(0);
    assert_eq!(world.entra.writes(), 1);

    // Somebody puts an old token back.
    world
        .entra
        .save("SecretToken", world.setting.server().scim_token());
    world.run(&daily).expect(24).says("entra:");
    assert_eq!(world.entra.writes(), 1);
}

#[test]
fn a_dry_run_says_what_to_do_about_a_missing_right() {
    let world = WithEntra::new();
    let run = world
        .run(&["rotate", "--to", "entra", "--dry-run"])
        .expect(0);
    assert!(run.stdout.contains("entra:"), "{run:?}");
    world.entra.revoke(EntraRight::Write);
    let run = world
        .run(&["rotate", "--to", "entra", "--dry-run"])
        .expect(20);
    assert!(
        run.stdout.contains("Synchronization.ReadWrite.All"),
        "{run:?}"
    );
    assert!(world.provisions());
}

#[test]
fn what_is_wrong_with_a_file_is_named_with_its_line() {
    let world = WithEntra::new();
    let file = world.setting.folder().join("rotate.toml");
    for (text, words) in [
        (
            "to = [\"entra\"]\n[entra]\ntenent-id = \"x\"\n",
            "unknown field `tenent-id`",
        ),
        (
            "[entra]\nclient-secret = \"S3cret\"\n",
            "unknown field `client-secret`",
        ),
        ("[entra]\ncloud = \"S3cret\"\n", "expected"),
        ("entra = \"S3cret\"\n", "expected"),
        ("to = [\"entra:\"]\n", "expected entra, file:PATH"),
    ] {
        fs::write(&file, text).expect("a file");
        let run = world
            .run(&["rotate", "--config", file.to_str().expect("Unicode")])
            .expect(2);
        let run = run.says(words).says("rotate.toml:");
        assert!(!run.stderr.contains("S3cret"), "{run:?}");
    }
    // Which application, and that it is one.
    let mut command = world.command(&["rotate", "--to", "entra"]);
    command.env_remove("ENTRA_SERVICE_PRINCIPAL_ID");
    world
        .finish(command)
        .expect(2)
        .says("ENTRA_SERVICE_PRINCIPAL_ID");
    world
        .run(&["rotate", "--to", "entra:my-app"])
        .expect(2)
        .says("expected a UUID");
}

/// Killed when Entra has the token and another sink hasn't.
#[test]
fn what_was_cut_off_is_gone_on_with_by_the_same_file() {
    let world = WithEntra::new();
    let folder = world.setting.folder();
    let script = folder.join("sink");
    let killed = folder.join("killed");
    let text = format!(
        "#!/bin/sh\ncase $GITPOD_ROTATION_PHASE in\n\
         push) test -e {killed} || {{ touch {killed}; kill -9 $PPID; }}; cat > /dev/null ;;\n\
         verify) exit 64 ;;\nesac\n",
        killed = killed.display()
    );
    fs::write(&script, text).expect("a file");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).expect("a program");
    let file = folder.join("rotate.toml");
    let text = format!(
        "to = [\"entra\", \"command:exec {}\"]\n[entra]\nservice-principal-id = \"{}\"\n",
        script.display(),
        world.entra.service_principal_id()
    );
    fs::write(&file, text).expect("a file");
    let config = file.to_str().expect("Unicode");
    let run = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.env_remove("ENTRA_SERVICE_PRINCIPAL_ID");
        command.env("AZURE_CLIENT_SECRET", world.entra.client_secret());
        world.finish(command)
    };
    let cut_off = run(&["rotate", "--config", config]);
    assert!(killed.exists(), "{cut_off:?}");
    assert!(world.setting.escrow().exists(), "{cut_off:?}");
    // The journal names the application, but not how it is reached.
    let mut command = world.command(&["resume"]);
    command
        .env("AZURE_CLIENT_ID", "")
        .env("AZURE_CLIENT_SECRET", "a-secret");
    world.finish(command).expect(2).says("AZURE_CLIENT_ID");

    run(&["resume", "--config", config]).expect(0);
    assert!(world.provisions());
    assert!(!world.setting.escrow().exists());
}

#[test]
fn when_the_credential_for_entra_ends() {
    let world = WithEntra::with(EntraBuilder::owned);
    world.run(&["rotate", "--to", "entra"]).expect(0);
    let run = world.run(&["status"]).expect(0);
    assert!(
        run.stdout.contains("its credential ends at 2031-05-20"),
        "{run:?}"
    );
    // In some five years, and not in 30 days.
    let run = world.run(&["status", "--warn", "30d"]).expect(0);
    assert!(!run.stderr.contains("entra:"), "{run:?}");

    // Who may not read that doesn't know, and says nothing.
    let world = WithEntra::new();
    world.run(&["rotate", "--to", "entra"]).expect(0);
    let run = world.run(&["status", "--output", "json"]).expect(0);
    let status: serde_json::Value = serde_json::from_str(run.line()).expect("JSON");
    assert_eq!(status["sinks"], serde_json::json!([]));
    let mut command = world.command(&["status"]);
    command.env("AZURE_CLIENT_SECRET", "a-wrong-secret");
    let run = world.finish(command).expect(0);
    assert!(run.stdout.contains("can't be read: "), "{run:?}");
    assert!(!format!("{run:?}").contains("a-wrong-secret"), "{run:?}");
}
