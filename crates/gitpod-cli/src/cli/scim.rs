//! `gitpodctl scim …` as it is written.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::rotate::args::Rotation;
use crate::{duration, exit, uuid};

#[derive(Debug, Subcommand)]
pub(crate) enum Scim {
    #[command(flatten)]
    Configuration(Configuration),
    #[command(flatten)]
    Rotation(Rotation),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Configuration {
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
