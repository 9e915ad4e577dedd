//! How a run ends: exit codes, and the failures that lead to them.

use gitpod_client::{Code, Error};

/// The exit codes. They are part of the interface; `--help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// Something failed on this machine, and nothing was changed.
    Local = 1,
    /// The command line or a setting is wrong; nothing was sent. Clap exits with 2 itself.
    Usage = 2,
    /// The credential isn't accepted, or doesn't allow this.
    NotAuthenticated = 3,
    /// There is no such thing.
    NotFound = 4,
    /// The service refused the request; nothing was changed.
    Refused = 5,
    /// No connection, no answer, or a failure of the service; nothing was changed.
    Unavailable = 6,
    /// Nobody on this side can tell whether the request was executed.
    Ambiguous = 7,
    /// The token couldn't be written to the file and went to standard output.
    FileFailed = 8,
    /// The service answered with success, and the answer is cut off or can't be understood.
    Unreadable = 9,
    /// The token was received and could be written nowhere.
    Lost = 10,
    /// Done, but the result couldn't be printed. A token is safe in its file.
    Unprinted = 11,
    /// `scim rotate`: it can't be done, and nothing was changed.
    NothingChanged = 20,
    /// A rotation isn't over; `scim resume` goes on with it.
    Unfinished = 21,
    /// The service has a token that isn't ours.
    Superseded = 22,
    /// The token is lost: the old one is dead, and nobody holds the new one.
    TokenLost = 23,
    /// The service or a sink isn't as the last rotation left it.
    Drift = 24,
    /// Our own credential ends before the next rotation is due.
    CredentialEnds = 25,
    /// `scim status --warn`: something ends soon, or isn't as it should be.
    Warning = 26,
}

/// What `--help` says about them.
pub(crate) const HELP: &str = "\
Exit codes:
   0  done
   1  something failed on this machine; nothing was changed
   2  the command line or a setting is wrong; nothing was sent
   3  not authenticated, or not permitted; nothing was changed
   4  not found; nothing was changed
   5  refused by the service; nothing was changed
   6  no connection, no answer, or a failure of the service; nothing was changed
   7  ambiguous: the request may have been executed
   8  executed; the token couldn't be written to --token-file and is on standard output
   9  answered with success, but the answer is cut off or not understood; assume that it was
      executed: what arrived, which may hold the token, is in --token-file, else on standard output
  10  executed; the token, or the answer with a secret in it, could be written nowhere and is lost
  11  done, but the result couldn't be printed; a token is in --token-file
  20  rotate: preflight failed, the service refused or a signal came first; nothing was changed
  21  rotate, resume: unfinished; `gitpodctl scim resume` goes on with it
  22  rotate, resume: superseded; the service has a token that isn't ours
  23  rotate, resume: lost; the old token is dead and nobody holds the new one
  24  rotate: drift; the service or a sink isn't as the last rotation left it; nothing was changed
  25  rotate: our own credential ends before the next rotation is due; nothing was changed
  26  status: with --warn, something ends within that time or isn't as it should be (1: a journal
      can't be read, 3 to 6: Ona can't; what can be is shown)

Environment:
  ONA_API_KEY, else GITPOD_API_KEY, else ONA_TOKEN   the credential; there is no flag for it, since
                                                     arguments are visible to the whole machine
  ONA_BASE_URL                                       where the API is, unless --base-url says so";

/// Why a run failed: one message for a person, one code for a script.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }

    /// Something failed on this machine, and nothing was changed.
    pub(crate) fn local(message: impl Into<String>) -> Self {
        Self::new(Exit::Local, message)
    }

    /// The command line or a setting is wrong, and nothing was sent.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A setting is missing or wrong; the error names it.
    pub(crate) fn of_setting(error: &Error) -> Self {
        Self::usage(describe(error))
    }

    /// A call that only reads failed: whether it was executed doesn't matter.
    pub(crate) fn of_read(error: &Error) -> Self {
        Self::new(by_code(error), describe(error))
    }

    /// A call that changes something failed.
    pub(crate) fn of_write(error: &Error) -> Self {
        let exit = if error.may_have_executed() {
            Exit::Ambiguous
        } else {
            by_code(error)
        };
        Self::new(exit, describe(error))
    }

    /// Whether it is neither a mistake in what was asked for nor the end of something that was begun.
    pub(crate) fn is_of_the_surroundings(&self) -> bool {
        matches!(
            self.exit,
            Exit::Local
                | Exit::NotAuthenticated
                | Exit::NotFound
                | Exit::Refused
                | Exit::Unavailable
        )
    }
}

fn by_code(error: &Error) -> Exit {
    match error.code() {
        Code::Unauthenticated | Code::PermissionDenied => Exit::NotAuthenticated,
        Code::NotFound => Exit::NotFound,
        Code::InvalidArgument
        | Code::FailedPrecondition
        | Code::AlreadyExists
        | Code::OutOfRange
        | Code::ResourceExhausted
        | Code::Unimplemented
            if error.is_from_server() =>
        {
            Exit::Refused
        }
        // Ours, and never sent: what was asked for is wrong.
        Code::InvalidArgument if !error.may_have_executed() => Exit::Usage,
        _ => Exit::Unavailable,
    }
}

/// The error and what lies below it, in one line.
pub(crate) fn describe(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(below) = source {
        let below_text = below.to_string();
        if !text.contains(&below_text) {
            text.push_str(": ");
            text.push_str(&below_text);
        }
        source = below.source();
    }
    if error.code() == Code::Unauthenticated && error.http_status().is_some() {
        text.push_str("; check the credential in ONA_API_KEY, GITPOD_API_KEY or ONA_TOKEN");
    }
    text
}
