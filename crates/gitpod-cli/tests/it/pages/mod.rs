//! The pages of the documentation: every command on them, in their order.

mod by_hand;
mod schedule;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::rotate::Setting;
use crate::support::{Run, gitpodctl};

/// A block of a page that is commands.
#[derive(Debug)]
struct Block<'a> {
    /// The heading that it stands under.
    heading: &'a str,
    text: String,
    /// ```` ```sh tty ````: at a terminal, where a person says "yes".
    at_terminal: bool,
    /// ```` ```sh exit=25 ````: how it ends.
    code: i32,
}

impl<'a> Block<'a> {
    /// Of what stands behind the language.
    fn new(heading: &'a str, how: &str) -> Self {
        let mut block = Self {
            heading,
            text: String::new(),
            at_terminal: false,
            code: 0,
        };
        for word in how.split_whitespace() {
            match word.split_once('=') {
                None if word == "tty" => block.at_terminal = true,
                Some(("exit", code)) => block.code = code.parse().expect("an exit code"),
                _ => panic!("{word} of a block under {heading}"),
            }
        }
        block
    }
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut heading = "";
    let mut open: Option<Option<Block<'_>>> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(how)) => {
                let commands = how
                    .strip_prefix("sh")
                    .filter(|how| !how.starts_with(|c: char| c.is_alphabetic()));
                open = Some(commands.map(|how| Block::new(heading, how)));
            }
            (Some(_), Some(_)) => blocks.extend(open.take().flatten()),
            (Some(Some(block)), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (Some(None), None) => {}
            (None, None) => heading = line.strip_prefix("## ").unwrap_or(heading),
        }
    }
    assert!(open.is_none(), "a block without an end");
    blocks
}

/// Runs blocks one after another, as one person in one folder would. What one exports the next has.
struct Person<'a> {
    setting: &'a Setting,
    environment: Vec<(OsString, Option<OsString>)>,
}

impl<'a> Person<'a> {
    /// One with this command's environment. The programs in the setting's folder `bin` come first.
    fn new(setting: &'a Setting, command: &Command) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_gitpodctl"));
        let programs = program.parent().expect("a folder").display();
        let stand_ins = setting.folder().join("bin");
        let path = std::env::var("PATH").expect("a path");
        let path = format!("{}:{programs}:{path}", stand_ins.display());
        let set = |name: &str, value: OsString| (name.into(), Some(value));
        let environment = [&gitpodctl(), command]
            .into_iter()
            .flat_map(Command::get_envs)
            .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
            .chain([
                set("PATH", path.into()),
                set("HOME", setting.folder().into()),
                set("XDG_STATE_HOME", setting.state().into()),
            ])
            .collect();
        std::fs::write(setting.folder().join("exported"), "").expect("a file");
        Self {
            setting,
            environment,
        }
    }

    /// Runs a block, which has to end as it says.
    fn run(&self, block: &Block<'_>) -> Run {
        let text = &block.text;
        let script = format!("set -eu\n. ./exported\n{text}\nexport -p > ./exported\n");
        let file = self.setting.folder().join("block.sh");
        std::fs::write(&file, &script).expect("a file");
        let mut command = if block.at_terminal {
            let mut command = Command::new("script");
            command.args(["-qec", "sh block.sh", "/dev/null"]);
            command
        } else {
            let mut command = Command::new("sh");
            command.arg(&file);
            command
        };
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut child = command
            .current_dir(self.setting.folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut stdin = child.stdin.take().expect("a pipe");
        if block.at_terminal {
            stdin.write_all(b"yes\n").expect("a line");
        }
        let run = self.setting.finish(child);
        drop(stdin);
        assert_eq!(run.code, Some(block.code), "{text}\n{run:#?}");
        run
    }
}

#[test]
fn commands_are_what_is_marked_as_a_shells() {
    let page = "# Page\n\n```toml\nto = []\n```\n## One\n\n```sh\na\n```\n```shell\nb\n```\n\
                ## Two\n```sh tty exit=3\nc\nd\n```\n";
    let blocks = blocks(page);
    assert_eq!(blocks.len(), 2, "{blocks:?}");
    assert_eq!((blocks[0].heading, &*blocks[0].text), ("One", "a\n"));
    assert_eq!((blocks[1].heading, &*blocks[1].text), ("Two", "c\nd\n"));
    assert!(blocks[1].at_terminal && blocks[1].code == 3);
}
