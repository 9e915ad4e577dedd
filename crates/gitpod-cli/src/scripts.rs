//! What is made of the command line's own definitions: completions and man pages.

use std::fs;
use std::path::Path;

use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::exit::{Exit, Failure};
use crate::output;
use crate::schema::{self, Schema};

const NAME: &str = "gitpodctl";
const FISH_METHODS: &str = "complete -c gitpodctl -n \"__fish_gitpodctl_using_subcommand call\" -f \
                            -a \"(gitpodctl call --list)\"\n";

const POWERSHELL_CALL: &str = "        'gitpodctl;call' {\n";
const POWERSHELL_METHODS: &str = "            gitpodctl call --list | ForEach-Object { \
    [CompletionResult]::new($_, $_, [CompletionResultType]::ParameterValue, $_) }\n";

/// Prints a shell's script.
pub(crate) fn completions(shell: Shell) -> Result<Exit, Failure> {
    let methods = Schema::load()?.methods();
    // The parser takes any text, to say more of a mistyped one than clap would.
    let names: Vec<&'static str> = methods
        .iter()
        .map(|method| &*schema::name(method).leak())
        .collect();
    let mut command = Cli::command().mut_subcommand("call", |call| {
        call.mut_arg("method", |method| {
            method.value_parser(PossibleValuesParser::new(names))
        })
    });
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, NAME, &mut script);
    // clap_complete has no values of arguments without a flag for these.
    match shell {
        Shell::Fish => script.extend_from_slice(FISH_METHODS.as_bytes()),
        Shell::PowerShell => {
            let text = String::from_utf8_lossy(&script);
            let offered = [POWERSHELL_CALL, POWERSHELL_METHODS].concat();
            script = text.replacen(POWERSHELL_CALL, &offered, 1).into_bytes();
        }
        _ => {}
    }
    print(&script)
}

/// Prints the page of the command itself, or writes all pages into a folder.
pub(crate) fn man(folder: Option<&Path>) -> Result<Exit, Failure> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        Man::new(command())
            .render(&mut page)
            .map_err(|error| Failure::local(format!("can't make the page: {error}")))?;
        return print(&page);
    };
    fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(command(), folder))
        .map_err(|error| {
            Failure::local(format!(
                "--dir {}: can't write the pages: {error}",
                folder.display()
            ))
        })?;
    output::note(&format!("the man pages are in {}", folder.display()));
    Ok(Exit::Done)
}

/// Without clap's own `help` command, of which no page says anything.
fn command() -> Command {
    Cli::command().disable_help_subcommand(true)
}

fn print(bytes: &[u8]) -> Result<Exit, Failure> {
    output::raw(bytes).map_err(|error| output::unprinted(&error))?;
    Ok(Exit::Done)
}
