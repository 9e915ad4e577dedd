//! The recipes for the command sink: the real binary runs them, with stand-ins for the command lines of
//! others. `cargo xtask aws` runs one of them with the real one.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::rotate::Setting;
use crate::support::Run;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/recipes");
const PAGE: &str = include_str!("../../docs/recipes.md");

/// A recipe, what it is called with, and whether what it writes can be read again.
const RECIPES: [(&str, &str, bool); 5] = [
    ("vault.sh", "secret ona/scim token", true),
    ("aws-secrets-manager.sh", "ona-scim-token", true),
    (
        "google-secret-manager.sh",
        "our-project ona-scim-token",
        true,
    ),
    ("1password.sh", "Infrastructure ona-scim-token", true),
    ("github-actions.sh", "our/repository ONA_SCIM_TOKEN", false),
];

/// Keeps what it is given on standard input in the file HELD, and writes down arguments and environment.
const STAND_IN: &str = r#"name=${0##*/}
{ echo "$name $*"; env; } >> LOG
case "$name $*" in
"aws secretsmanager put-secret-value "*GITPODCTL_PREFLIGHT*) test ! -e DENIED ;;
"aws secretsmanager put-secret-value --secret-id ona-scim-token --secret-string file:///dev/stdin") cat > HELD ;;
"aws secretsmanager get-secret-value --secret-id ona-scim-token "*) cat HELD ;;
"vault token capabilities secret/data/ona/scim") if test -e DENIED; then echo read; else echo read, update; fi ;;
"vault kv get -mount=secret ona/scim") ;;
"vault kv patch -mount=secret ona/scim token=-") cat > HELD ;;
"vault kv get -mount=secret -field=token ona/scim") cat HELD ;;
"gcloud auth print-access-token") echo an-access-token ;;
"curl "*"/v1/projects/our-project/secrets/ona-scim-token:testIamPermissions")
    grep -q 'Bearer an-access-token' || exit 22
    if test -e DENIED; then echo '{}'; else echo '{"permissions": ["secretmanager.versions.add"]}'; fi ;;
"gcloud secrets versions add ona-scim-token --project=our-project --data-file=-") cat > HELD ;;
"gcloud secrets versions access latest --secret=ona-scim-token --project=our-project") cat HELD ;;
"op document get ona-scim-token --vault Infrastructure") cat HELD ;;
"op document edit ona-scim-token - --vault Infrastructure") test ! -e DENIED && cat > HELD ;;
"gh secret set ONA_SCIM_TOKEN_PREFLIGHT --repo our/repository") test ! -e DENIED && cat > /dev/null ;;
"gh secret delete ONA_SCIM_TOKEN_PREFLIGHT --repo our/repository") ;;
"gh secret set ONA_SCIM_TOKEN --repo our/repository") cat > HELD ;;
*) echo "$name $*: nobody expects this" >&2; exit 2 ;;
esac"#;

/// A setting with the stand-ins.
struct Stores(Setting);

impl Stores {
    fn new() -> Self {
        let setting = Setting::new();
        let at = |name: &str| setting.folder().join(name).display().to_string();
        let script = STAND_IN
            .replace("LOG", &at("log"))
            .replace("DENIED", &at("denied"))
            .replace("HELD", &at("token"));
        for name in ["aws", "vault", "gcloud", "curl", "op", "gh"] {
            setting.program(name, &script);
        }
        Self(setting)
    }

    fn path(&self) -> String {
        let path = std::env::var("PATH").expect("a path");
        format!("{}:{path}", self.0.folder().join("bin").display())
    }

    fn rotate(&self, recipe: &str, arguments: &str, more: &[&str]) -> Run {
        let to = format!("command:{FOLDER}/{recipe} {arguments}");
        let mut command = self.0.command(&[&["rotate", "--to", &to], more].concat());
        command.env("PATH", self.path());
        let run = self.0.finish(command.spawn().expect("the binary runs"));
        let log = fs::read_to_string(self.0.folder().join("log")).expect("a log");
        for token in self.0.server().tokens_issued() {
            assert!(
                !log.contains(&token),
                "{recipe}: a token in arguments or environment"
            );
        }
        run
    }

    /// A verification of its own, with this token.
    fn verify(&self, recipe: &str, arguments: &str, token: &str) -> Option<i32> {
        let mut child = Command::new("sh")
            .args(["-c", &format!("{FOLDER}/{recipe} {arguments}")])
            .env("PATH", self.path())
            .env("GITPOD_ROTATION_PHASE", "verify")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        // One that can't tell doesn't read it.
        let _ = child
            .stdin
            .take()
            .expect("a pipe")
            .write_all(token.as_bytes());
        child.wait().expect("it ends").code()
    }
}

#[test]
fn each_one_brings_the_token_to_where_it_belongs() {
    for (recipe, arguments, is_readable) in RECIPES {
        let stores = Stores::new();
        let run = stores.rotate(recipe, arguments, &[]).expect(0);
        let said = if is_readable {
            ": verified"
        } else {
            "not verified"
        };
        assert!(run.stdout.contains(said), "{recipe}: {run:?}");
        stores.0.is_rotated();
        // What a scheduler runs knows no token.
        let run = stores
            .rotate(recipe, arguments, &["--rotate-before", "30d"])
            .expect(0);
        assert!(run.stdout.contains("not checked"), "{recipe}: {run:?}");
        stores.0.is_rotated();
    }
}

#[test]
fn a_right_that_is_missing_is_found_while_the_old_token_lives() {
    for (recipe, arguments, _) in RECIPES {
        let stores = Stores::new();
        fs::write(stores.0.folder().join("denied"), "").expect("a file");
        let run = stores.rotate(recipe, arguments, &[]).expect(20);
        assert!(
            run.stdout.contains("nothing was changed"),
            "{recipe}: {run:?}"
        );
        stores.0.is_unchanged();
    }
}

#[test]
fn what_cannot_be_read_is_not_called_dead() {
    for (recipe, arguments, is_readable) in RECIPES {
        let stores = Stores::new();
        let held = stores.0.held();
        let (works, doesnt) = if is_readable { (0, 1) } else { (64, 64) };
        assert_eq!(
            stores.verify(recipe, arguments, &held),
            Some(works),
            "{recipe}"
        );
        assert_eq!(
            stores.verify(recipe, arguments, "other"),
            Some(doesnt),
            "{recipe}"
        );
        assert_eq!(stores.verify(recipe, arguments, ""), Some(64), "{recipe}");
        fs::remove_file(stores.0.token_path()).expect("it is there");
        assert_eq!(
            stores.verify(recipe, arguments, &held),
            Some(64),
            "{recipe}"
        );
    }
}

#[test]
fn a_shell_takes_all_of_them_and_the_page_has_them() {
    let mut names = Vec::new();
    for entry in fs::read_dir(FOLDER).expect("a folder") {
        let path = entry.expect("an entry").path();
        let status = Command::new("sh").arg("-n").arg(&path).status();
        assert!(status.expect("a shell").success(), "{path:?}");
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name")
            .to_owned();
        assert!(
            RECIPES.iter().any(|recipe| recipe.0 == name),
            "{name} isn't tested"
        );
        let row = PAGE
            .lines()
            .find(|line| line.contains(&format!("recipes/{name})")));
        let row = row.unwrap_or_else(|| panic!("{name} isn't on the page"));
        assert!(
            row.contains("| tested") || row.contains("| not tested"),
            "{row}"
        );
        // It says itself how it is called.
        let usage = format!("gitpodctl scim rotate --to 'command:/etc/gitpodctl/{name} ");
        assert!(
            fs::read_to_string(&path).expect("a file").contains(&usage),
            "{name}"
        );
        names.push(name);
    }
    assert_eq!(names.len(), RECIPES.len(), "{names:?}");
}
