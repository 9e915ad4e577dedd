//! Lists the messages that OrganizationService reaches, for the tests that treat them alike.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let proto = Path::new("../proto");
    println!("cargo::rerun-if-changed={}", proto.display());
    // A package has no tree beside it, and needs none to compile: only the tests use the list.
    let registry = if proto.is_dir() {
        gitpod_build::Api::load(proto)?.registry(|service| service == "OrganizationService")
    } else {
        String::new()
    };
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(Path::new(&out).join("registry.rs"), registry)?;
    Ok(())
}
