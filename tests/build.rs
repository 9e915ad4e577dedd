//! Lists the messages that OrganizationService reaches, for the tests that treat them alike.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let proto = Path::new("../proto");
    println!("cargo::rerun-if-changed={}", proto.display());
    let api = gitpod_build::Api::load(proto)?;
    let registry = api.registry(|service| service == "OrganizationService");
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(Path::new(&out).join("registry.rs"), registry)?;
    Ok(())
}
