//! What can be said on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{duration, exit, uuid};

/// Administers SCIM in Ona (formerly Gitpod).
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

    /// How long to wait for an answer, from connecting to its last byte: 500ms, 15s or 2m
    #[arg(long, global = true, value_name = "TIME", default_value = "15s", value_parser = duration::timeout)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// A table; of `create` and `regenerate-token`, the token alone in one line
    Table,
    /// One JSON object in one line, the token in it
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// SCIM configurations and their tokens
    #[command(after_help = exit::HELP)]
    Scim {
        #[command(subcommand)]
        command: Scim,
    },
    /// Runs the embedded server until SIGINT, SIGTERM or SIGHUP, and prints one line of JSON: `base_url`,
    /// `api_key`, `scim_configuration_id` and `scim_base_url`
    #[command(after_help = exit::HELP)]
    Serve(Serve),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Scim {
    /// Creates a configuration and prints its token, which is shown this once
    #[command(after_help = exit::HELP)]
    Create(Create),
    /// Shows a configuration
    #[command(after_help = exit::HELP)]
    Get(Id),
    /// Lists all configurations of the credential's organization
    #[command(after_help = exit::HELP)]
    List,
    /// Changes a configuration; what isn't named stays as it is
    #[command(after_help = exit::HELP)]
    Update(Update),
    /// Deletes a configuration; its token stops working
    #[command(after_help = exit::HELP)]
    Delete(Id),
    /// Makes a new token and prints it, this once; the old token stops working AT ONCE
    ///
    /// From then until the identity provider holds the new token, nothing is provisioned. The
    /// request is sent once and never repeated. A first SIGINT, SIGTERM or SIGHUP while it is
    /// under way is noted and its answer waited for (--timeout at most); a second one gives up,
    /// with exit code 7.
    #[command(after_help = exit::HELP)]
    RegenerateToken(RegenerateToken),
}

#[derive(Debug, Args)]
pub(crate) struct Id {
    /// The configuration's id, a UUID; optional with --embedded
    #[arg(value_name = "CONFIGURATION_ID", value_parser = uuid::parse)]
    pub(crate) configuration: Option<String>,
}

/// What happens to a token, and how long it lives.
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// Writes the token to a new file of mode 0600 in place of standard output; the file holds the
    /// token and not even a line break
    ///
    /// The file is created, its space reserved, and it and its folder synced before the request
    /// leaves. A path that exists is an error, and nothing is sent.
    #[arg(long, value_name = "PATH")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The organization's id, a UUID; optional with --embedded
    #[arg(long, value_name = "ID", value_parser = uuid::parse)]
    pub(crate) organization_id: Option<String>,

    /// The id of the SSO configuration to provision for, a UUID; optional with --embedded
    #[arg(long, value_name = "ID", value_parser = uuid::parse)]
    pub(crate) sso_configuration_id: Option<String>,

    /// A name, at most 128 characters
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// The token's life, 1 day to 2 years: 180d, 26w, 4380h, 15552000s or 1y (365 days)
    /// [default: the service's, 1 year]
    #[arg(long, value_name = "TIME", value_parser = duration::token_life)]
    pub(crate) expires_in: Option<Duration>,

    /// Whether accounts may be linked by an email address that isn't verified
    #[arg(long, value_name = "BOOL")]
    pub(crate) allow_unverified_email_account_linking: Option<bool>,

    #[command(flatten)]
    pub(crate) token: Token,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    #[command(flatten)]
    pub(crate) id: Id,

    #[command(flatten)]
    pub(crate) changes: Changes,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Changes {
    /// A name, at most 128 characters
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Whether the configuration takes part in provisioning
    #[arg(long, value_name = "BOOL")]
    pub(crate) enabled: Option<bool>,

    /// The id of the SSO configuration to provision for, a UUID
    #[arg(long, value_name = "ID", value_parser = uuid::parse)]
    pub(crate) sso_configuration_id: Option<String>,

    /// Whether accounts may be linked by an email address that isn't verified
    #[arg(long, value_name = "BOOL")]
    pub(crate) allow_unverified_email_account_linking: Option<bool>,
}

#[derive(Debug, Args)]
pub(crate) struct RegenerateToken {
    #[command(flatten)]
    pub(crate) id: Id,

    /// The new token's life, 1 day to 2 years: 180d, 26w, 4380h, 15552000s or 1y (365 days)
    /// [default: the life of the old one]
    #[arg(long, value_name = "TIME", value_parser = duration::token_life)]
    pub(crate) expires_in: Option<Duration>,

    #[command(flatten)]
    pub(crate) token: Token,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
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
