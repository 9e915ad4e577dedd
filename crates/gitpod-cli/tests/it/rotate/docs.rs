//! Every command of the documentation, in its order.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Setting, accepts};

/// The blocks of a page that are commands; of each, what stands behind its language.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let parts = page.split("\n```").skip(1).step_by(2);
    parts
        .filter_map(|block| block.split_once('\n'))
        .filter_map(|(language, text)| Some((language.strip_prefix("sh")?.trim(), text)))
        .collect()
}

#[test]
fn rotate_by_hand() {
    let setting = Setting::new();
    let page = include_str!("../../../docs/rotate-by-hand.md");
    let program = Path::new(env!("CARGO_BIN_EXE_gitpodctl"));
    let programs = program.parent().expect("a folder").display();
    let path = format!("{programs}:{}", std::env::var("PATH").expect("a path"));
    let blocks = blocks(page);
    assert!(blocks.len() >= 8, "{blocks:?}");
    for (kind, text) in blocks {
        let script = format!("set -eu\n{text}");
        let mut command = match kind {
            "" => Command::new("sh"),
            "tty" => Command::new("script"),
            other => panic!("{other}"),
        };
        let file = setting.folder().join("block.sh");
        std::fs::write(&file, &script).expect("a file");
        match kind {
            "tty" => command.args(["-qec", "sh block.sh", "/dev/null"]),
            _ => command.arg(&file),
        };
        let clean = crate::support::gitpodctl();
        for (name, value) in clean.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut child = command
            .current_dir(setting.folder())
            .env("PATH", &path)
            .env("HOME", setting.folder())
            .env("XDG_STATE_HOME", setting.state())
            .env("ONA_API_KEY", setting.server().api_key())
            .env("ONA_BASE_URL", setting.server().base_url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut stdin = child.stdin.take().expect("a pipe");
        if kind == "tty" {
            stdin.write_all(b"yes\n").expect("a line");
        }
        let run = setting.finish(child);
        drop(stdin);
        assert_eq!(run.code, Some(0), "{text}\n{run:#?}");
    }
    let held = std::fs::read_to_string(setting.folder().join("store/scim-token"));
    assert!(accepts(setting.server(), &held.expect("a file")));
}
