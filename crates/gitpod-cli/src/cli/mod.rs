//! What can be said on the command line.

pub(crate) mod auth;
pub(crate) mod call;
pub(crate) mod scim;

use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{duration, exit};

/// Calls the API of Ona (formerly Gitpod), and administers SCIM.
///
/// Standard output carries the result and nothing else: a token, a table or JSON. Everything for a
/// person goes to standard error.
#[derive(Debug, Parser)]
#[command(name = "gitpodctl", version, after_help = exit::HELP, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) connection: Connection,

    /// Starts an embedded server in this process, with an organization and a SCIM configuration,
    /// and calls that one over a loopback socket; its configuration stands in where no id is given
    #[arg(long, global = true)]
    pub(crate) embedded: bool,

    /// The form of what goes to standard output
    #[arg(long, global = true, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How the service is reached. The credential comes from the environment alone.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    // No doc comment: rustdoc wants URLs in angle brackets, and `--help` would show them.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help = "Where the API is [default: ONA_BASE_URL, else https://app.ona.com/api]"
    )]
    pub(crate) base_url: Option<String>,

    /// How long to wait for an answer, from connecting to its last byte (of a stream, to its
    /// start): 500ms, 15s or 2m
    #[arg(long, global = true, value_name = "TIME", default_value = "15s", value_parser = duration::timeout)]
    pub(crate) timeout: Duration,

    /// Shows on standard error what is sent and what comes back; secrets are left out
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// A table; of `scim create` and `scim regenerate-token`, the token alone in one line
    Table,
    /// One JSON object in one line, a token in it (`call` prints JSON in any case)
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// SCIM configurations and their tokens
    #[command(after_help = exit::HELP)]
    Scim {
        #[command(subcommand)]
        command: scim::Scim,
    },
    /// Calls any method of the API with a request in JSON, and prints its answer as one line of JSON
    ///
    /// A method with a stream of answers prints a line for each, until the stream ends or a SIGINT,
    /// SIGTERM or SIGHUP ends it. The answer is complete, secrets included: a method that shows one
    /// this once is better called by a command of its own that keeps it, `scim regenerate-token` for
    /// instance.
    #[command(after_help = exit::HELP)]
    Call(call::Call),
    /// The credential that calls are made with
    #[command(after_help = exit::HELP)]
    Auth {
        #[command(subcommand)]
        command: auth::Auth,
    },
    /// Prints a script by which a shell completes commands, flags and the methods of `call`
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Prints the man page of gitpodctl, or writes those of all commands to a folder
    Man {
        /// The folder, which is made if it isn't there
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,
    },
    /// Runs the embedded server until SIGINT, SIGTERM or SIGHUP, and prints one line of JSON: `base_url`,
    /// `api_key`, `scim_configuration_id` and `scim_base_url`
    #[command(after_help = exit::HELP)]
    Serve(Serve),
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
}

/// The error without the values that it quotes: one may be a secret in the wrong place.
pub(crate) fn without_values(mut error: clap::Error) -> clap::Error {
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidValue] {
        let is_value = match error.get(kind) {
            Some(ContextValue::String(text)) => {
                kind == ContextKind::InvalidValue && !text.is_empty()
                    || error.kind() == ErrorKind::UnknownArgument && !text.starts_with('-')
            }
            _ => false,
        };
        if is_value {
            error.insert(kind, ContextValue::String("(not shown)".to_owned()));
        }
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_flag_takes_a_credential() {
        fn look(command: &clap::Command) {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                assert!(
                    name == "token_file"
                        || !["token", "key", "secret"]
                            .iter()
                            .any(|word| name.contains(word)),
                    "{name}"
                );
            }
            command.get_subcommands().for_each(look);
        }
        look(&Cli::command());
    }
}
