//! `cargo xtask proto`: the `.proto` files and the descriptors that upstream publishes.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::Failure;

mod comments;
mod diff;
mod elements;
mod format;
mod import;
mod input;
mod loose;
mod names;
mod options;
mod print;
mod pyliteral;
mod reserved;
mod secrets;
mod set;
mod text;
mod tree;
mod upstream;
mod wheel;

#[cfg(test)]
mod tests;

/// The package whose files stand in `proto/`.
const PACKAGE: &str = "gitpod.v1";

/// The only import that is neither ours nor protobuf's own and that the text needs.
const VALIDATE: &str = "buf/validate/validate.proto";

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Write the structure of INPUT into `proto/`, and keep the comments and the `debug_redact`
    /// marks that stand there.
    Import {
        /// A serialized FileDescriptorSet, or a wheel of PyPI's gitpod-sdk.
        input: PathBuf,
        /// The version of gitpod-sdk that a descriptor set was taken from. A wheel says it itself.
        #[arg(long)]
        version: Option<String>,
        /// The repository's root folder.
        #[arg(long, default_value_os_t = root())]
        root: PathBuf,
    },
    /// Bring `proto/` into the form in which an import writes it.
    Format {
        /// Write nothing, name the files that aren't in it, and exit with status 1 if there are any.
        #[arg(long)]
        check: bool,
        /// The repository's root folder.
        #[arg(long, default_value_os_t = root())]
        root: PathBuf,
    },
    /// Print what INPUT has and `proto/` doesn't, and the reverse. Exit status 1 on a difference.
    Diff {
        /// A serialized FileDescriptorSet, or a wheel of PyPI's gitpod-sdk.
        input: PathBuf,
        /// The repository's root folder.
        #[arg(long, default_value_os_t = root())]
        root: PathBuf,
    },
}

impl Command {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Import {
                input,
                version,
                root,
            } => {
                let input = input::Input::read(&input)?;
                let report = import::import(&input, version, &Layout::new(&root))?;
                for line in &report.lost {
                    eprintln!("{line}");
                }
                for field in &report.unclassified {
                    eprintln!("{}", unclassified(field));
                }
                println!("{}", report.summary);
                Ok(ExitCode::SUCCESS)
            }
            Self::Format { check, root } => {
                let changed = format::format(&Layout::new(&root), check)?;
                for name in &changed {
                    println!("{name}");
                }
                if check && !changed.is_empty() {
                    eprintln!("not in the form of an import: run `cargo xtask proto format`");
                    return Ok(ExitCode::from(1));
                }
                Ok(ExitCode::SUCCESS)
            }
            Self::Diff { input, root } => {
                let input = input::Input::read(&input)?;
                let report = diff::diff(&input, &Layout::new(&root))?;
                for line in report.notes.iter().chain(&report.differences) {
                    println!("{line}");
                }
                println!("{} differences", report.differences.len());
                Ok(match report.differences.len() {
                    0 => ExitCode::SUCCESS,
                    _ => ExitCode::from(1),
                })
            }
        }
    }
}

/// What to do about a field of which nobody has said yet whether it holds a secret.
fn unclassified(field: &str) -> String {
    format!(
        "unclassified: does {field} hold a secret? Then mark it with debug_redact, otherwise add it \
         to proto/not-secret.txt"
    )
}

/// The repository that this tool was built in.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where things stand in the repository.
#[derive(Debug, Clone)]
struct Layout {
    /// The root of the `.proto` files.
    proto: PathBuf,
    /// Which upstream version the structure was taken from.
    upstream: PathBuf,
    /// Which fields of strings and bytes hold no secret.
    not_secret: PathBuf,
    /// `buf/validate/validate.proto` as a serialized `FileDescriptorSet`.
    validate: PathBuf,
}

impl Layout {
    fn new(root: &Path) -> Self {
        Self {
            proto: root.join("proto"),
            upstream: root.join("proto/UPSTREAM.toml"),
            not_secret: root.join("proto/not-secret.txt"),
            validate: root.join("build-tools/gitpod-build/imports/buf-validate.fds"),
        }
    }
}
