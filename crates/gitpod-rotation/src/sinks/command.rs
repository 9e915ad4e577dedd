//! `command:…`: a command of the user's own.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use super::tail::Tail;
use crate::sink::{Sink, SinkError, SinkFuture, Verdict};
use crate::token::Token;

/// Says which of its three runs a command is in.
const PHASE: &str = "GITPOD_ROTATION_PHASE";
/// Verify's exit code for "can't tell" (EX_USAGE of sysexits.h).
const CANT_TELL: i32 = 64;
/// What a shell ends with if it couldn't run the command.
const NOT_RUN: [i32; 2] = [126, 127];
/// How long a command may take unless told otherwise.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// What a command that has ended may have left behind holds its standard error open for so long.
const LEFT_BEHIND: Duration = Duration::from_secs(1);
/// Our own credential is no business of the command's.
const CREDENTIALS: [&str; 3] = ["ONA_API_KEY", "GITPOD_API_KEY", "ONA_TOKEN"];

/// Runs a command by the shell, three times, with `GITPOD_ROTATION_PHASE` set:
///
/// | phase | standard input | exit code |
/// |---|---|---|
/// | `preflight` | empty | 0: it would take a token |
/// | `push` | the token, without a line break | 0: it has it |
/// | `verify` | the token; empty, where nobody here knows it | 0: what it holds works; 64: can't tell; anything else: it doesn't |
///
/// The token is never in its arguments or environment. It has 60 s for each run unless told
/// otherwise; then it and all that it has started (its process group, where there are any) are
/// killed. Its standard output is thrown away. If it fails, the last lines of its standard error are
/// in the error, searched for the token first.
#[derive(Debug, Clone)]
pub struct CommandSink {
    name: String,
    command: String,
    limit: Duration,
}

/// How a run ended in time.
struct Ended {
    status: ExitStatus,
    said: String,
}

impl CommandSink {
    /// A command line, for `sh -c` (on Windows, `cmd /C`). It is the sink's name too, so no secret may
    /// be in it.
    pub fn new(command: impl Into<String>) -> Self {
        let command = command.into();
        Self {
            name: format!("command:{command}"),
            command,
            limit: TIME_LIMIT,
        }
    }

    /// How long each run may take.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    async fn run(&self, phase: &str, token: Option<&Token>) -> Result<Ended, SinkError> {
        let failed = |what: &str, error: std::io::Error| {
            SinkError::new(format!("{phase}: can't {what} the command: {error}"))
        };
        let mut child = self
            .command(phase, token.is_some())
            .spawn()
            .map_err(|error| failed("run", error))?;
        let group = Group::of(&child);
        let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
        let mut tail = Tail::default();
        let running = async {
            let write = async {
                if let (Some(mut stdin), Some(token)) = (stdin, token) {
                    // One that doesn't want it closes the pipe, and says by its exit code what that
                    // means.
                    let _ = stdin.write_all(token.expose().as_bytes()).await;
                }
            };
            let read = async {
                if let Some(stderr) = stderr {
                    let _ = tail.read(stderr).await;
                }
            };
            let (mut read, mut reading) = (std::pin::pin!(read), true);
            let mut ended = std::pin::pin!(async { tokio::join!(write, child.wait()).1 });
            let status = loop {
                tokio::select! {
                    status = &mut ended => break status,
                    () = &mut read, if reading => reading = false,
                }
            };
            if reading {
                let _ = tokio::time::timeout(LEFT_BEHIND, read).await;
            }
            status
        };
        let status = tokio::time::timeout(self.limit, running).await;
        let said = tail.lines(token.map(Token::expose));
        match status {
            Ok(Ok(status)) => {
                group.let_go();
                Ok(Ended { status, said })
            }
            Ok(Err(error)) => Err(failed("wait for", error)),
            Err(_) => {
                drop(group);
                let _ = child.kill().await;
                Err(SinkError::new(format!(
                    "{phase}: the command took longer than {:?} and was killed{}",
                    self.limit,
                    quoted(&said)
                )))
            }
        }
    }

    fn command(&self, phase: &str, takes_token: bool) -> Command {
        let (shell, flag) = if cfg!(windows) {
            ("cmd", "/C")
        } else {
            ("sh", "-c")
        };
        let mut command = Command::new(shell);
        command
            .arg(flag)
            .arg(&self.command)
            .env(PHASE, phase)
            .stdin(if takes_token {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for name in CREDENTIALS {
            command.env_remove(name);
        }
        #[cfg(unix)]
        command.process_group(0);
        command
    }

    /// A run that has to succeed.
    async fn succeed(&self, phase: &str, token: Option<&Token>) -> Result<(), SinkError> {
        let ended = self.run(phase, token).await?;
        if ended.status.success() {
            return Ok(());
        }
        Err(ended.error(phase))
    }
}

impl Ended {
    fn error(&self, phase: &str) -> SinkError {
        SinkError::new(format!(
            "{phase}: the command ended with {}{}",
            self.status,
            quoted(&self.said)
        ))
    }
}

fn quoted(said: &str) -> String {
    if said.is_empty() {
        String::new()
    } else {
        format!("; it said: {said}")
    }
}

impl Sink for CommandSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn preflight(&self) -> SinkFuture<'_, ()> {
        Box::pin(self.succeed("preflight", None))
    }

    fn push<'a>(&'a self, token: &'a Token) -> SinkFuture<'a, ()> {
        Box::pin(self.succeed("push", Some(token)))
    }

    fn verify<'a>(&'a self, token: Option<&'a Token>) -> SinkFuture<'a, Verdict> {
        Box::pin(async move {
            let ended = self.run("verify", token).await?;
            match ended.status.code() {
                Some(0) => Ok(Verdict::Works),
                Some(CANT_TELL) => Ok(Verdict::CantTell),
                Some(code) if !NOT_RUN.contains(&code) => Ok(Verdict::Doesnt),
                _ => Err(ended.error("verify")),
            }
        })
    }
}

/// The process group of a command, which is killed with this value.
#[derive(Debug)]
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

impl Group {
    #[cfg(unix)]
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self {
            leader: id.and_then(rustix::process::Pid::from_raw),
        }
    }

    #[cfg(not(unix))]
    fn of(_child: &Child) -> Self {
        Self {}
    }

    /// It has ended, and its number may be another's soon.
    #[cfg_attr(not(unix), allow(unused_mut))]
    fn let_go(mut self) {
        #[cfg(unix)]
        {
            self.leader = None;
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(leader) = self.leader {
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;

    use super::*;

    fn token() -> Token {
        Token::new("very-secret".into())
    }

    #[tokio::test]
    async fn it_is_told_the_phase_and_gets_the_token_on_standard_input_alone() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let command = format!(
            r#"{{ printf '%s:' "$GITPOD_ROTATION_PHASE"; cat; printf '|'; env | grep -c very-secret; }} >> {}"#,
            log.display()
        );
        let sink = CommandSink::new(&command);
        assert_eq!(sink.name(), format!("command:{command}"));
        // grep finds nothing, and says so by its exit code.
        assert!(sink.preflight().await.is_err());
        let _ = sink.push(&token()).await;
        let _ = sink.verify(Some(&token())).await;
        let _ = sink.verify(None).await;
        assert_eq!(
            fs::read_to_string(&log).unwrap(),
            "preflight:|0\npush:very-secret|0\nverify:very-secret|0\nverify:|0\n"
        );
    }

    #[tokio::test]
    async fn exit_codes() {
        for (code, verdict) in [
            (0, Some(Verdict::Works)),
            (64, Some(Verdict::CantTell)),
            (1, Some(Verdict::Doesnt)),
            (127, None),
        ] {
            let sink = CommandSink::new(format!("exit {code}"));
            assert_eq!(sink.verify(Some(&token())).await.ok(), verdict, "{code}");
            assert_eq!(sink.push(&token()).await.is_ok(), code == 0, "{code}");
            assert_eq!(sink.preflight().await.is_ok(), code == 0, "{code}");
        }
        let killed = CommandSink::new("kill -9 $$");
        assert!(killed.verify(None).await.is_err());
    }

    #[tokio::test]
    async fn what_it_says_comes_without_the_token() {
        let sink = CommandSink::new("cat >&2; echo ' is what I got' >&2; exit 3");
        let error = sink.push(&token()).await.unwrap_err();
        assert!(
            error.message().contains("[redacted] is what I got"),
            "{error}"
        );
        assert!(error.message().contains("exit status: 3"), "{error}");
    }

    #[tokio::test]
    async fn one_that_hangs_is_killed_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        let sink = CommandSink::new(format!(
            "sleep 1000 & echo $! > {0}; echo waiting >&2; wait",
            pids.display()
        ))
        .time_limit(Duration::from_millis(500));
        let error = sink.push(&token()).await.unwrap_err();
        assert!(
            error.message().contains("killed; it said: waiting"),
            "{error}"
        );
        let pid: i32 = fs::read_to_string(&pids).unwrap().trim().parse().unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        // Whoever inherits it has to notice first.
        while is_running(pid) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A process that has ended and isn't waited for doesn't run.
    fn is_running(pid: rustix::process::Pid) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
        match stat {
            Ok(stat) => !stat.contains(") Z "),
            Err(_) => {
                !std::path::Path::new("/proc/self").exists()
                    && rustix::process::test_kill_process(pid).is_ok()
            }
        }
    }

    #[tokio::test]
    async fn a_run_that_is_given_up_takes_the_command_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        let sink = CommandSink::new(format!("echo $$ > {}; sleep 1000 & wait", path.display()));
        let token = token();
        let mut push = sink.push(&token);
        let pid = loop {
            tokio::select! {
                _ = &mut push => panic!("it ended"),
                () = tokio::time::sleep(Duration::from_millis(10)) => {}
            }
            let text = fs::read_to_string(&path).unwrap_or_default();
            if let Ok(pid) = text.trim().parse() {
                break rustix::process::Pid::from_raw(pid).unwrap();
            }
        };
        drop(push);
        while is_running(pid) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn one_that_closes_its_standard_error_gets_the_whole_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let command = format!("exec 2>&-; sleep 0.1; cat > {}", path.display());
        CommandSink::new(command).push(&token()).await.unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "very-secret");
    }

    #[tokio::test]
    async fn one_that_leaves_something_behind_has_ended() {
        let sink = CommandSink::new("sleep 3 & exit 0");
        sink.push(&token()).await.unwrap();
    }
}
