//! Completions and man pages, as far as the programs that read them are here.

use std::fs;
use std::process::{Command, Stdio};

use crate::support::run;

/// Has a program read a file, if it is installed.
fn reads(program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.is_empty(),
        "{program}: {said}"
    );
}

#[test]
fn completions_know_commands_flags_and_methods() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(["completions", shell]).expect(0).stdout;
        for word in ["regenerate-token", "completions", "verbose"] {
            assert!(script.contains(word), "{shell} lacks {word}");
        }
        let path = folder.path().join(shell);
        fs::write(&path, &script).unwrap();
        if shell != "elvish" {
            let methods = match shell {
                "fish" => "using_subcommand call\" -f -a \"(gitpodctl call --list)\"\n",
                "powershell" => {
                    "'gitpodctl;call' {\n            gitpodctl call --list | ForEach-Object {"
                }
                _ => "OrganizationService/ListMembers",
            };
            assert!(script.contains(methods), "{shell}");
        }
        if ["bash", "zsh", "fish"].contains(&shell) {
            reads(shell, &["-n", path.to_str().unwrap()]);
        }
    }
    run(["completions", "csh"]).expect(2).silent().says("zsh");
}

/// What bash would offer behind these words.
#[cfg(unix)]
#[test]
fn bash_completes_a_method() {
    let script = run(["completions", "bash"]).expect(0).stdout;
    let offered = Command::new("bash")
        .args(["-c", "source /dev/stdin; COMP_WORDS=(gitpodctl call WebhookService/Lis); COMP_CWORD=2; _gitpodctl gitpodctl WebhookService/Lis call; echo \"${COMPREPLY[@]}\""])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .and_then(|mut child| {
            use std::io::Write as _;
            let mut stdin = child.stdin.take().expect("a pipe");
            stdin.write_all(script.as_bytes())?;
            drop(stdin);
            child.wait_with_output()
        });
    let Ok(offered) = offered else {
        eprintln!("skipped: no bash here");
        return;
    };
    let offered = String::from_utf8(offered.stdout).unwrap();
    assert!(offered.contains("WebhookService/ListWebhooks"), "{offered}");
}

#[test]
fn a_man_page_for_each_command() {
    let page = run(["man"]).expect(0).stdout;
    assert!(page.contains(".TH gitpodctl 1"), "{page}");

    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("new/man1");
    run(["man", "--dir", pages.to_str().unwrap()])
        .expect(0)
        .silent();
    for name in [
        "gitpodctl",
        "gitpodctl-call",
        "gitpodctl-scim-regenerate-token",
        "gitpodctl-auth-status",
    ] {
        let path = pages.join(format!("{name}.1"));
        let page = fs::read_to_string(&path).unwrap();
        assert!(page.contains(&format!(".TH {name} 1")), "{page}");
        assert!(page.contains(".SH OPTIONS"), "{page}");
        reads(
            "groff",
            &["-man", "-Tascii", "-ww", "-z", path.to_str().unwrap()],
        );
    }
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    run(["man", "--dir", file.to_str().unwrap()])
        .expect(1)
        .silent()
        .says("--dir");
}
