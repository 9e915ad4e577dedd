#![doc = include_str!("../README.md")]

mod amend;
mod api;
mod client;
mod debug;
pub mod descriptors;
mod docs;
mod embedded;
mod error;
mod fields;
mod json;
mod listing;
mod names;
mod prune;
mod redact;
mod registry;
mod selection;
mod types;
mod validate;
mod watched;

use std::path::{Path, PathBuf};
use std::{env, fs};

pub use crate::api::Api;
pub use crate::error::Error;
pub use crate::validate::gaps as unchecked_rules;

/// Writes into cargo's output folder, for the build script of `gitpod-types`:
/// `types.rs`, the messages and enums of the services whose features are on, and
/// `rules.rs`, what checks them. With the feature `descriptors` it writes
/// `descriptors.bin` too, those of the whole API.
///
/// On a failure it prints what is wrong and ends the process. It warns of rules that
/// nobody has written a function for.
pub fn types() {
    build(|api| {
        write("types.rs", api.types(is_on)?)?;
        for gap in api.unchecked_rules() {
            tell_cargo(&format!("warning={gap}"));
        }
        write("rules.rs", api.rules(is_on)?)?;
        if env::var_os("CARGO_FEATURE_DESCRIPTORS").is_some() {
            write("descriptors.bin", api.descriptors()?)?;
        }
        Ok(())
    });
}

/// Writes `client.rs` into cargo's output folder: the clients of the services
/// whose features are on. For the build script of `gitpod-client`.
///
/// On a failure it prints what is wrong and ends the process.
pub fn client() {
    build(|api| write("client.rs", api.client(is_on)));
}

/// The folder with the .proto files of a crate: `proto` in the crate, else the
/// workspace's. The one in the crate is a link that a checkout may lack, and
/// real files in a packaged crate.
///
/// # Errors
///
/// When neither has the API's package.
pub fn proto_root(manifest_dir: &Path) -> Result<PathBuf, Error> {
    let candidates = [manifest_dir.join("proto"), manifest_dir.join("../../proto")];
    candidates
        .iter()
        .filter(|root| root.join("gitpod/v1").is_dir())
        .find_map(|root| root.canonicalize().ok())
        .ok_or_else(|| {
            let [own, workspace] = &candidates;
            Error::new(format!(
                "there is no folder gitpod/v1 with .proto files in {} nor in {}",
                own.display(),
                workspace.display()
            ))
        })
}

fn is_on(service: &str) -> bool {
    env::var_os(names::feature_variable(service)).is_some()
}

fn build(generate: impl Fn(&Api) -> Result<(), Error>) {
    if let Err(error) = try_build(generate) {
        for line in error.to_string().lines() {
            tell_cargo(&format!("error={line}"));
        }
        std::process::exit(1);
    }
}

fn try_build(generate: impl Fn(&Api) -> Result<(), Error>) -> Result<(), Error> {
    let root = proto_root(&variable("CARGO_MANIFEST_DIR")?)?;
    tell_cargo(&format!("rerun-if-changed={}", root.display()));
    generate(&Api::load(&root)?)
}

/// Writes a file into cargo's output folder.
fn write(file: &str, content: impl AsRef<[u8]>) -> Result<(), Error> {
    let path = variable("OUT_DIR")?.join(file);
    fs::write(&path, content)
        .map_err(|error| Error::new(format!("can't write {}: {error}", path.display())))
}

fn variable(name: &str) -> Result<PathBuf, Error> {
    env::var_os(name)
        .map(PathBuf::from)
        .ok_or_else(|| Error::new(format!("{name} isn't set: this runs in a build script")))
}

/// A build script speaks to cargo on its standard output.
#[allow(clippy::print_stdout)]
fn tell_cargo(directive: &str) {
    println!("cargo::{directive}");
}
