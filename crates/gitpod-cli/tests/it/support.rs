//! Running the binary, and a server that answers exactly what a test says.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use gitpod_testing::{Builder, Server};
use tokio::runtime::Runtime;

/// The configuration that the scripted server's answers are about.
pub(crate) const ID: &str = "d2c94c27-3b76-4a42-b88c-95a85e392c68";
/// The token in the scripted server's answers.
pub(crate) const TOKEN: &str = "scim_S3cretS3cretS3cret";
/// The credential that the binary is given.
pub(crate) const API_KEY: &str = "key_Cr3dentialCr3dential";

/// The binary with a clean environment, no standard input, and the credential set.
pub(crate) fn gitpodctl() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gitpodctl"));
    for name in [
        "ONA_API_KEY",
        "GITPOD_API_KEY",
        "ONA_TOKEN",
        "ONA_BASE_URL",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ] {
        command.env_remove(name);
    }
    command
        .env("ONA_API_KEY", API_KEY)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Checks the exit code.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Checks that standard error says this.
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no {text:?} in {self:#?}");
        self
    }

    /// Checks that standard output is empty.
    pub(crate) fn silent(self) -> Self {
        assert_eq!(self.stdout, "", "{self:#?}");
        self
    }

    /// Standard output, which must be one line, without its line break.
    pub(crate) fn line(&self) -> &str {
        let line = self.stdout.strip_suffix('\n').expect("a line break");
        assert!(!line.is_empty() && !line.contains('\n'), "{self:#?}");
        line
    }
}

pub(crate) fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Run {
    finish(
        gitpodctl()
            .args(arguments)
            .spawn()
            .expect("the binary runs"),
    )
}

pub(crate) fn finish(child: Child) -> Run {
    let output = child.wait_with_output().expect("it ends");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    // What the embedded server gives out begins with these. No run may print it where people look.
    for secret in [TOKEN, API_KEY, "ona_scim_", "ona_pat_"] {
        assert!(!stderr.contains(secret), "a secret on standard error");
    }
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr,
    }
}

/// The embedded server, in this process.
pub(crate) struct Embedded {
    pub(crate) server: Server,
    // Behind the server, so that it outlives it.
    _runtime: Runtime,
}

impl Embedded {
    pub(crate) fn start(builder: Builder) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        Self {
            server: runtime.block_on(builder.start()).expect("a server"),
            _runtime: runtime,
        }
    }

    /// Regenerates the seeded configuration's token.
    pub(crate) fn regenerate(&self, arguments: &[&str]) -> Run {
        self.regenerate_as(|command| command.args(arguments))
    }

    /// The same with settings of the process, and a look for every token on standard error.
    pub(crate) fn regenerate_as(&self, set: impl FnOnce(&mut Command) -> &mut Command) -> Run {
        let mut command = gitpodctl();
        command
            .env("ONA_API_KEY", self.server.api_key())
            .env("ONA_BASE_URL", self.server.base_url())
            .args([
                "scim",
                "regenerate-token",
                self.server.scim_configuration_id(),
            ]);
        let run = finish(set(&mut command).spawn().expect("the binary runs"));
        let issued = self.server.tokens_issued();
        for secret in issued
            .iter()
            .map(String::as_str)
            .chain([self.server.api_key()])
        {
            assert!(!run.stderr.contains(secret), "{run:#?}");
        }
        run
    }
}

/// What the scripted server does with a request that it has read to its end.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Sends these bytes and closes.
    Answer(Vec<u8>),
    /// Waits for [`Scripted::go_on`], then sends these bytes and closes.
    AnswerWhenTold(Vec<u8>),
    /// Sends these bytes, waits for [`Scripted::go_on`], then closes.
    AnswerAndHold(Vec<u8>),
}

/// A server that does the same to every request.
#[derive(Debug)]
pub(crate) struct Scripted {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    arrived: Mutex<Receiver<()>>,
    told: Sender<()>,
}

impl Scripted {
    pub(crate) fn start(act: Act) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (arrive, arrived) = channel();
        let (told, wait) = channel::<()>();
        let log = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let Some(request) = read_request(&mut stream) else {
                    continue;
                };
                log.lock().expect("the log").push(request);
                let _ = arrive.send(());
                let wait = || {
                    let _ = wait.recv_timeout(Duration::from_secs(60));
                };
                match &act {
                    Act::Answer(bytes) => {
                        let _ = stream.write_all(bytes);
                    }
                    Act::AnswerWhenTold(bytes) => {
                        wait();
                        let _ = stream.write_all(bytes);
                    }
                    Act::AnswerAndHold(bytes) => {
                        let _ = stream.write_all(bytes);
                        wait();
                    }
                }
            }
        });
        Self {
            port,
            requests,
            arrived: Mutex::new(arrived),
            told,
        }
    }

    /// Answers everything with a status and a JSON body.
    pub(crate) fn json(status: &str, body: &str) -> Self {
        Self::start(Act::Answer(response(status, "application/json", body)))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/api", self.port)
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.lock().expect("the log").len()
    }

    pub(crate) fn request(&self, number: usize) -> String {
        self.requests.lock().expect("the log")[number].clone()
    }

    /// Waits until a request is here.
    pub(crate) fn wait_for_request(&self) {
        self.arrived
            .lock()
            .expect("the receiver")
            .recv_timeout(Duration::from_secs(60))
            .expect("a request");
    }

    pub(crate) fn go_on(&self) {
        self.told.send(()).expect("the server lives");
    }

    /// Runs `gitpodctl scim` with these arguments against this server.
    pub(crate) fn scim<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        finish(self.start_with(|command| command.arg("scim").args(arguments)))
    }

    /// Runs `gitpodctl call` with these arguments against this server.
    pub(crate) fn call<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
        finish(self.start_with(|command| command.arg("call").args(arguments)))
    }

    /// Starts `gitpodctl` against this server.
    pub(crate) fn start_with(&self, set: impl FnOnce(&mut Command) -> &mut Command) -> Child {
        let mut command = gitpodctl();
        set(command.args(["--base-url", &self.url()]))
            .spawn()
            .expect("the binary runs")
    }
}

/// A whole HTTP response. It says that the connection is closed, or a second call may be sent there.
pub(crate) fn response(status: &str, content_type: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A stream of responses, as far as these envelopes: flags, and a message.
pub(crate) fn stream(envelopes: &[(u8, &str)]) -> Vec<u8> {
    let mut bytes =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/connect+json\r\nconnection: close\r\n\r\n"
            .to_vec();
    for (flags, message) in envelopes {
        let length = u32::try_from(message.len()).expect("a short message");
        bytes.push(*flags);
        bytes.extend(length.to_be_bytes());
        bytes.extend(message.bytes());
    }
    bytes
}

/// The answer to a regenerate request.
pub(crate) fn regenerated() -> String {
    format!(r#"{{"token":"{TOKEN}","tokenExpiresAt":"2027-01-02T03:04:05Z"}}"#)
}

/// Reads head and body; `None` if the peer goes away before their end.
fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.trim().parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return Some(text);
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}
