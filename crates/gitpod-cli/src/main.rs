//! `gitpodctl`: the command line of the Ona Rust SDK.
//!
//! Standard output carries what a script wants (a token, a table, JSON) and nothing else; what is
//! for a person goes to standard error. Exit codes are listed in [`exit::Exit`].

mod auth;
mod call;
mod check;
mod cli;
mod connection;
mod describe;
mod document;
mod duration;
mod exchange;
mod exit;
mod issue;
mod output;
mod patience;
mod redact;
mod rotate;
mod schema;
mod scim;
mod scripts;
mod serve;
mod signal;
mod token_file;
mod trace;
mod uuid;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::auth::Auth;
use crate::cli::{Cli, Command};
use crate::exit::{Exit, Failure};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Clap's exit code of an error is 2, which is `Exit::Usage`.
        Err(error) => cli::without_values(error).exit(),
    };
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
    match &cli.command {
        Command::Call(args) if args.list => return call::list(cli.output),
        Command::Completions { shell } => return scripts::completions(*shell),
        Command::Man { dir } => return scripts::man(dir.as_deref()),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::local(format!("can't start: {error}")))?;
    let result = runtime.block_on(async {
        match cli.command {
            Command::Scim { command } => {
                scim::run(command, &cli.connection, cli.embedded, cli.output).await
            }
            Command::Call(args) => call::run(args, &cli.connection, cli.embedded, cli.output).await,
            Command::Auth {
                command: Auth::Status,
            } => auth::status(&cli.connection, cli.embedded, cli.output).await,
            Command::Serve(_) if cli.embedded || cli.connection.base_url.is_some() => Err(
                Failure::usage("`serve` takes neither --embedded nor --base-url: it is the server"),
            ),
            Command::Serve(args) => serve::run(&args).await,
            Command::Completions { .. } | Command::Man { .. } => Ok(Exit::Done),
        }
    });
    // A thread that waits for a line of the terminal doesn't hold the end up.
    runtime.shutdown_background();
    result
}
