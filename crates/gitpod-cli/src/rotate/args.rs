//! `gitpodctl scim rotate` and what belongs to it, as it is written.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::{duration, exit, uuid};

#[derive(Debug, Subcommand)]
pub(crate) enum Rotation {
    /// Replaces a token and brings the new one to where it is needed, so that none is lost unnoticed
    ///
    /// The old token stops working when the new one is made. So everything is proven first: that each
    /// sink would take a token, that the credential may write, that there is space. The new token is
    /// on this disk, in a private file, before anything is done with it; it is pushed to every sink,
    /// and verified; then that file goes. A rotation that was cut off, at whatever moment, is gone on
    /// with by `gitpodctl scim resume`, or by the same command.
    ///
    /// A first SIGINT, SIGTERM or SIGHUP finishes the step and stops where it can be resumed; a second
    /// one ends it at once, except while the token is nowhere else.
    #[command(after_help = exit::HELP)]
    Rotate(Rotate),
    /// Goes on with a rotation that isn't over, with its own sinks
    #[command(after_help = exit::HELP)]
    Resume(Resume),
    /// Shows all configurations, what life their tokens and this credential have left, how the last
    /// rotation ended and what is unfinished
    #[command(after_help = exit::HELP)]
    Status(Status),
}

/// How a rotation is done, whether it is begun or gone on with.
#[derive(Debug, Default, Args)]
pub(crate) struct Manner {
    /// What to do about a new token of ours that provably nobody holds [default: regenerate]
    #[arg(long, value_name = "WHAT", value_enum)]
    pub(crate) if_lost: Option<IfLost>,

    /// How long each run of a command: may take before it and all that it started are killed
    /// [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = duration::timeout)]
    pub(crate) command_timeout: Option<Duration>,

    // No doc comment: rustdoc wants URLs in angle brackets, and `--help` would show them.
    #[arg(
        long,
        value_name = "URL",
        help = "The SCIM endpoint, as Ona's settings page shows it: whether the new token works is \
                then tried there too"
    )]
    pub(crate) scim_url: Option<String>,
}

/// Where the rotation keeps what has to outlive it.
#[derive(Debug, Default, Args)]
pub(crate) struct StateDir {
    /// Where journal and escrow are, on a local disk [default: $XDG_STATE_HOME/gitpodctl, else
    /// ~/.local/state/gitpodctl]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state_dir: Option<PathBuf>,

    /// Takes a state folder on NFS, SMB or FUSE too, where what is synced doesn't reliably last
    #[arg(long)]
    pub(crate) allow_remote_state_dir: bool,
}

#[derive(Debug, Default, Args)]
pub(crate) struct Rotate {
    /// The configuration's id, a UUID; optional where there is one only
    #[arg(value_name = "CONFIGURATION_ID", value_parser = uuid::parse)]
    pub(crate) configuration: Option<String>,

    /// Where the token goes, the identity provider first; repeatable
    ///
    /// `entra`, or `entra:SERVICE_PRINCIPAL_ID`, is the provisioning of an enterprise application in
    /// Microsoft Entra ID. The application is named there, or by ENTRA_SERVICE_PRINCIPAL_ID. It is reached
    /// with GRAPH_TOKEN, AZURE_CLIENT_SECRET, AZURE_FEDERATED_TOKEN_FILE, or whoever is signed in to the
    /// Azure CLI (`az login`).
    ///
    /// `file:PATH` is a file with the token alone, mode 0600 unless it is there already.
    ///
    /// `k8s:NAMESPACE/NAME/KEY` is a key of a Secret of Kubernetes, in the cluster of the pod or of the
    /// kubeconfig's current context; `k8s:CONTEXT@NAMESPACE/NAME/KEY` names the context. (In builds with the
    /// feature k8s.)
    ///
    /// `command:COMMAND` runs a command by the shell three times, with GITPOD_ROTATION_PHASE set to
    /// preflight, push and verify, and the token on its standard input for push and verify. Exit code
    /// 64 of verify means that it can't tell.
    ///
    /// `manual:FILE` writes the token to a file, as file: does, and waits at the terminal until you
    /// have brought it to where it belongs: for what no API takes a token, as Okta.
    #[arg(long, value_name = "SINK")]
    pub(crate) to: Vec<String>,

    /// The new token's life, 1 day to 2 years: 180d, 26w, 4380h, 15552000s or 1y (365 days)
    /// [default: 365d]
    ///
    /// 5 minutes to 12 hours are taken off it (added, where it would fall below a day): every request
    /// has a life of its own, so that the expiry tells which request made the token that is alive.
    #[arg(long, value_name = "TIME", value_parser = duration::token_life)]
    pub(crate) expires_in: Option<Duration>,

    /// Does nothing while more life is left: what a scheduler runs daily
    ///
    /// An unfinished rotation is gone on with, and drift is looked for, all the same.
    #[arg(long, value_name = "TIME", value_parser = duration::life_left)]
    pub(crate) rotate_before: Option<Duration>,

    /// How long beyond its deadline a request without an answer may still be executed, and is waited
    /// for [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = duration::settle)]
    pub(crate) settle: Option<Duration>,

    /// Looks whether all that a rotation needs is there, and asks for nothing; with --rotate-before, as on
    /// the day when one is due
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// A TOML file that says the same as these flags, which count more than it: configuration, to (a
    /// list), expires-in, rotate-before, if-lost, settle, command-timeout, scim-url, state-dir, and a table "entra"
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) manner: Manner,

    #[command(flatten)]
    pub(crate) state_dir: StateDir,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The configuration's id, a UUID; optional where one rotation only isn't over
    #[arg(value_name = "CONFIGURATION_ID", value_parser = uuid::parse)]
    pub(crate) configuration: Option<String>,

    /// The TOML file that the rotation was begun with. Of "to", "expires-in" and "settle" the journal's count
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Gives the rotation up in place of going on: for one that can't come to an end, since a sink doesn't
    /// exist any more, say
    ///
    /// Nothing is asked for or pushed, and no sink is reached. An escrow that may hold the new token is kept, and
    /// its path told. A scheduled run then reports drift, until `scim rotate` is run by hand.
    #[arg(long)]
    pub(crate) abandon: bool,

    #[command(flatten)]
    pub(crate) manner: Manner,

    #[command(flatten)]
    pub(crate) state_dir: StateDir,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Ends with exit code 26 if a token or this credential ends within this time, or a rotation is
    /// unfinished, or something isn't as the last one left it; with or without it, with 1 if a journal can't be
    /// read, and with 3 to 6 if Ona can't
    #[arg(long, value_name = "TIME", value_parser = duration::life_left)]
    pub(crate) warn: Option<Duration>,

    /// The TOML file that is rotated with: "state-dir" is read from it, and the table "entra", to see when the
    /// credential for Entra ends
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) state_dir: StateDir,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IfLost {
    /// Asks for another one
    Regenerate,
    /// Stops, for a person to look
    Fail,
}

impl From<IfLost> for gitpod_rotation::IfLost {
    fn from(what: IfLost) -> Self {
        match what {
            IfLost::Regenerate => Self::Regenerate,
            IfLost::Fail => Self::Fail,
        }
    }
}
