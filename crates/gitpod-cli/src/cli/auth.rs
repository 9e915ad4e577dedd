//! `gitpodctl auth …` as it is written.

use clap::Subcommand;

use crate::exit;

#[derive(Debug, Subcommand)]
pub(crate) enum Auth {
    /// Says which credential is used, from where, whose it is, and whether it works
    ///
    /// Asks the service, and shows no part of the credential. The exit code is 0 if it works, 3 if
    /// it is refused, 2 if there is none, and 6 if that can't be told.
    #[command(after_help = exit::HELP)]
    Status,
}
