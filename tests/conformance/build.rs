//! Generates the suite's messages, and keeps their descriptors for JSON.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let descriptors = gitpod_build::descriptors::compile("proto".as_ref())?;
    fs::write(out.join("descriptors.bin"), &descriptors)?;
    prost_build::Config::new()
        .enable_type_names()
        // They are written for protobuf's tools, not for rustdoc.
        .disable_comments(["."])
        .format(false)
        .compile_fds(prost_types::FileDescriptorSet::decode(
            descriptors.as_slice(),
        )?)?;
    Ok(())
}
