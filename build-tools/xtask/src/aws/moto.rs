//! AWS, as far as `moto_server` is.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Failure;
use crate::ona::Running;

/// AWS, as far as `moto_server` is.
#[derive(Debug)]
pub(super) struct Moto {
    url: String,
    _running: Running,
}

impl Moto {
    pub(super) fn start(programs: &Path) -> Result<Self, Failure> {
        let mut command = Command::new(programs.join("moto_server"));
        // It takes a free port, and says which when it listens.
        command
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stderr(Stdio::piped());
        let mut running = Running::start(&mut command)?;
        let stderr = running.0.stderr.take();
        let mut lines = BufReader::new(stderr.ok_or_else(|| Failure::new("no pipe"))?);
        let mut said = String::new();
        loop {
            let from = said.len();
            if !matches!(lines.read_line(&mut said), Ok(1..)) {
                return Err(Failure::new(format!("moto_server doesn't start: {said}")));
            }
            if let Some((_, url)) = said[from..].split_once("Running on ") {
                let url = url.trim().to_owned();
                // What it says of each request has to go somewhere.
                std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
                return Ok(Self {
                    url,
                    _running: running,
                });
            }
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }
}
