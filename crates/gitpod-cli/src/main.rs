//! `gitpodctl`: the command line of the Ona Rust SDK.
//!
//! Standard output carries what a script wants (a token, a table, JSON) and nothing else; what is
//! for a person goes to standard error. Exit codes are listed in [`exit::Exit`].

mod cli;
mod connection;
mod duration;
mod exit;
mod issue;
mod output;
mod scim;
mod serve;
mod signal;
mod token_file;
mod uuid;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::exit::{Exit, Failure};

fn main() -> ExitCode {
    // Clap prints usage errors itself and exits with 2, which is `Exit::Usage`.
    let cli = Cli::parse();
    let exit = match run(cli) {
        Ok(exit) => exit,
        Err(failure) => {
            output::note(&failure.message);
            failure.exit
        }
    };
    ExitCode::from(exit as u8)
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::local(format!("can't start: {error}")))?;
    runtime.block_on(async {
        match cli.command {
            Command::Scim { command } => {
                scim::run(command, &cli.connection, cli.embedded, cli.output).await
            }
            Command::Serve(_) if cli.embedded || cli.connection.base_url.is_some() => Err(
                Failure::usage("`serve` takes neither --embedded nor --base-url: it is the server"),
            ),
            Command::Serve(args) => serve::run(&args).await,
        }
    })
}
