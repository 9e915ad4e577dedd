//! Commands for a person to type next.

use std::path::Path;

use super::args::StateDir;

/// What such a command has to be told as this one was: it has to find the same journal, service and sinks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Again<'a> {
    pub(super) state_dir: &'a StateDir,
    pub(super) config: Option<&'a Path>,
    pub(super) base_url: Option<&'a str>,
}

impl Again<'_> {
    /// The command that goes on with a rotation.
    pub(super) fn resume(&self, id: &str) -> String {
        self.command("resume", id)
    }

    /// The command that rotates by hand; where it goes is left open unless a file says so.
    pub(super) fn rotate(&self, id: &str) -> String {
        let command = self.command("rotate", id);
        match self.config {
            Some(_) => command,
            None => format!("{command} --to …"),
        }
    }

    fn command(&self, what: &str, id: &str) -> String {
        let mut command = format!("gitpodctl scim {what} {id}");
        for (flag, path) in [
            ("--state-dir", self.state_dir.state_dir.as_deref()),
            ("--config", self.config),
        ] {
            if let Some(path) = path {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
                command.push_str(&format!(" {flag} {}", quoted(&path.display().to_string())));
            }
        }
        if self.state_dir.allow_remote_state_dir {
            command.push_str(" --allow-remote-state-dir");
        }
        if let Some(url) = self.base_url {
            command.push_str(&format!(" --base-url {}", quoted(url)));
        }
        command
    }
}

/// One word for a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%=,".contains(c);
    if text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_finds_the_same_files_and_service() {
        let state_dir = |path: &str| StateDir {
            state_dir: Some(path.into()),
            allow_remote_state_dir: false,
        };
        let nothing = StateDir::default();
        let again = Again {
            state_dir: &nothing,
            config: None,
            base_url: None,
        };
        assert_eq!(again.resume("c"), "gitpodctl scim resume c");
        assert_eq!(again.rotate("c"), "gitpodctl scim rotate c --to …");
        if cfg!(unix) {
            let again = Again {
                state_dir: &state_dir("/var/lib/x"),
                config: Some("/etc/it's here.toml".as_ref()),
                base_url: Some("https://ona.example.com/api"),
            };
            assert_eq!(
                again.rotate("c"),
                r"gitpodctl scim rotate c --state-dir /var/lib/x --config '/etc/it'\''s here.toml' --base-url https://ona.example.com/api"
            );
        }
        let here = state_dir("x");
        let here = Again {
            state_dir: &here,
            ..again
        };
        let absolute = std::path::absolute("x").unwrap();
        let command = here.resume("c");
        assert!(command.contains(absolute.to_str().unwrap()), "{command}");
    }
}
