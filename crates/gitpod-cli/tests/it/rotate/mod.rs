//! `scim rotate` and `resume`: the real binary, the embedded server, real files.

mod abandon;
#[cfg(target_os = "linux")]
#[cfg(unix)]
pub(crate) mod entra;
mod faults;
mod files;
mod happy;
mod kills;
mod signals;
mod sinks;
mod stages;
mod status;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use gitpod_testing::{Builder, Server};
use tempfile::TempDir;

use crate::support::{Embedded, Run, finish, gitpodctl};

/// A server, a state folder, and the file that the token goes to.
pub(crate) struct Setting {
    embedded: Embedded,
    folder: TempDir,
}

impl Setting {
    pub(crate) fn new() -> Self {
        Self::with(Server::builder())
    }

    pub(crate) fn with(builder: Builder) -> Self {
        let setting = Self {
            embedded: Embedded::start(builder),
            folder: tempfile::tempdir().expect("a folder"),
        };
        std::fs::write(setting.token_path(), setting.server().scim_token()).expect("a file");
        setting
    }

    pub(crate) fn server(&self) -> &Server {
        &self.embedded.server
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn id(&self) -> &str {
        self.server().scim_configuration_id()
    }

    pub(crate) fn token_path(&self) -> PathBuf {
        self.folder().join("token")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder().join("state")
    }

    pub(crate) fn escrow(&self) -> PathBuf {
        self.state().join(format!("{}.escrow", self.id()))
    }

    pub(crate) fn journal(&self) -> String {
        let path = self.state().join(format!("{}.journal.json", self.id()));
        std::fs::read_to_string(path).unwrap_or_default()
    }

    pub(crate) fn held(&self) -> String {
        std::fs::read_to_string(self.token_path()).expect("a file")
    }

    /// `gitpodctl scim …` against the server, with the state folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = gitpodctl();
        command
            .env("ONA_API_KEY", self.server().api_key())
            .env("ONA_BASE_URL", self.server().base_url())
            .arg("scim")
            .args(arguments)
            .arg("--state-dir")
            .arg(self.state());
        command
    }

    /// `scim rotate --to file:…` and more.
    pub(crate) fn rotation(&self, more: &[&str]) -> Command {
        let to = format!("file:{}", self.token_path().display());
        self.command(&[&["rotate", "--to", &to], more].concat())
    }

    pub(crate) fn rotate(&self, more: &[&str]) -> Run {
        self.finish(self.rotation(more).spawn().expect("the binary runs"))
    }

    pub(crate) fn resume(&self, more: &[&str]) -> Run {
        self.run(&[&["resume"], more].concat())
    }

    pub(crate) fn status(&self, more: &[&str]) -> Run {
        self.run(&[&["status"], more].concat())
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let child = self.command(arguments).spawn();
        self.finish(child.expect("the binary runs"))
    }

    /// A program in `bin`, a folder that a test puts in front of the others.
    pub(crate) fn program(&self, name: &str, script: &str) -> PathBuf {
        let folder = self.folder().join("bin");
        std::fs::create_dir_all(&folder).expect("a folder");
        let program = folder.join(name);
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("a file");
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).expect("a program");
        folder
    }

    /// Waits for its end, and looks for every token in what it printed and in the journal.
    pub(crate) fn finish(&self, child: Child) -> Run {
        let run = finish(child);
        let shown = format!("{}{}{}", run.stdout, run.stderr, self.journal());
        for token in self.server().tokens_issued() {
            assert!(!shown.contains(&token), "a token is shown");
        }
        run
    }

    /// The file holds the live token, and nothing is left over.
    pub(crate) fn is_rotated(&self) {
        assert!(accepts(self.server(), &self.held()), "the token is dead");
        assert_ne!(self.held(), self.server().scim_token(), "it is the old one");
        assert!(!self.escrow().exists(), "an escrow is left");
        let journal: serde_json::Value = serde_json::from_str(&self.journal()).expect("JSON");
        assert!(journal["unfinished"].is_null(), "{journal}");
        assert_eq!(journal["last"]["end"], "finished");
    }

    /// The old token lives, and the file holds it.
    pub(crate) fn is_unchanged(&self) {
        assert_eq!(self.server().tokens_issued().len(), 1);
        assert_eq!(self.held(), self.server().scim_token());
        assert!(accepts(self.server(), &self.held()));
    }
}

/// Whether the SCIM endpoint takes a token.
pub(crate) fn accepts(server: &Server, token: &str) -> bool {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("a connection");
    let filter = "filter=userName%20eq%20%22nobody%22&count=1";
    write!(
        stream,
        "GET /scim/v2/Users?{filter} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         authorization: Bearer {token}\r\n\r\n"
    )
    .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    match answer.split(' ').nth(1) {
        Some("200") => true,
        Some("401") => false,
        other => panic!("{other:?}"),
    }
}
