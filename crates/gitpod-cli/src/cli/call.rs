//! `gitpodctl call …` as it is written.

use clap::{ArgGroup, Args};

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["method", "list"]))]
pub(crate) struct Call {
    /// The method as `call --list` shows it, OrganizationService/ListMembers for instance; in front of it may stand
    /// `gitpod.v1.`
    #[arg(value_name = "SERVICE/METHOD")]
    pub(crate) method: Option<String>,

    /// The request in the API's JSON, as it is sent: itself, @FILE, or - for standard input
    ///
    /// What the descriptors don't have is an error, and nothing is sent: a field that doesn't
    /// exist, a value of the wrong type, the name of an enum value that isn't known. Arguments are
    /// visible to the whole machine: a request with a secret in it belongs in a file or on standard
    /// input.
    #[arg(short, long, value_name = "JSON|@FILE|-", default_value = "{}")]
    pub(crate) data: String,

    /// A header of the request, 'name: value'; can be given several times
    ///
    /// Not for credentials, which come from the environment alone.
    #[arg(long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,

    /// Shows what the method does, what it takes and what it answers with, and calls nothing
    #[arg(long, requires = "method")]
    pub(crate) describe: bool,

    /// Lists all methods, one in a line, and calls nothing
    #[arg(long, conflicts_with_all = ["describe", "data", "header"])]
    pub(crate) list: bool,
}
