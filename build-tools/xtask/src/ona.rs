//! Ona, as far as `gitpodctl serve` is.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::Failure;

/// A program that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Result<Self, Failure> {
        let child = command.stdin(Stdio::null()).spawn();
        let child = child.map_err(|error| {
            let program = command.get_program().display();
            Failure::new(format!("{program} can't be run: {error}"))
        });
        child.map(Self)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Ona, as far as the embedded server is.
pub(crate) struct Ona {
    base_url: String,
    api_key: String,
    /// Host and port of the SCIM endpoint, and its path.
    scim: (String, String),
    _running: Running,
}

impl Ona {
    pub(crate) fn start(gitpodctl: &Path) -> Result<Self, Failure> {
        let mut running =
            Running::start(Command::new(gitpodctl).arg("serve").stdout(Stdio::piped()))?;
        let stdout = running.0.stdout.take();
        let mut line = String::new();
        let read = stdout.map(|stdout| BufReader::new(stdout).read_line(&mut line));
        let told: Value = serde_json::from_str(&line).unwrap_or_default();
        let text = |name: &str| {
            let value = told[name].as_str().map(str::to_owned);
            value.ok_or_else(|| Failure::new(format!("gitpodctl serve: no {name}: {read:?}")))
        };
        let scim = text("scim_base_url")?;
        let (host, path) = scim
            .strip_prefix("http://")
            .and_then(|scim| scim.split_once('/'))
            .ok_or_else(|| Failure::new(format!("no URL: {scim}")))?;
        Ok(Self {
            base_url: text("base_url")?,
            api_key: text("api_key")?,
            scim: (host.to_owned(), format!("/{}", path.trim_end_matches('/'))),
            _running: running,
        })
    }

    /// Has a command call it.
    pub(crate) fn point(&self, command: &mut Command) {
        command
            .env("ONA_BASE_URL", &self.base_url)
            .env("ONA_API_KEY", &self.api_key);
    }

    /// Whether its SCIM endpoint takes a token.
    pub(crate) fn accepts(&self, token: &str) -> Result<bool, Failure> {
        let failed = |error| Failure::new(format!("the SCIM endpoint doesn't answer: {error}"));
        let (host, path) = &self.scim;
        let mut stream = TcpStream::connect(host).map_err(failed)?;
        write!(
            stream,
            "GET {path}/Users?filter=userName%20eq%20%22nobody%22&count=1 HTTP/1.1\r\n\
             host: {host}\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n"
        )
        .map_err(failed)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(failed)?;
        match answer.split(' ').nth(1) {
            Some("200") => Ok(true),
            Some("401") => Ok(false),
            status => Err(Failure::new(format!(
                "the SCIM endpoint answers {status:?}"
            ))),
        }
    }
}
