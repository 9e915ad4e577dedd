//! Generates the messages of protobuf's conformance tests as those of the API are generated, lenient
//! and strict; and, if asked to, a list of the API's messages.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use gitpod_build::{Api, descriptors};
use prost::Message as _;

const API: &str = "../../proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);

    let messages = Api::load("proto/messages".as_ref())?;
    fs::write(out.join("lenient.rs"), messages.types(|_| true)?)?;
    fs::write(out.join("strict.rs"), messages.strict_types(|_| true)?)?;

    let runner = descriptors::compile("proto/runner".as_ref())?;
    prost_build::Config::new()
        .enable_type_names()
        // They are written for protobuf's tools, not for rustdoc.
        .disable_comments(["."])
        .format(false)
        .compile_fds(prost_types::FileDescriptorSet::decode(runner.as_slice())?)?;

    if env::var_os("CARGO_FEATURE_VECTORS").is_some() {
        println!("cargo::rerun-if-changed={API}");
        let root = Path::new(API);
        fs::write(out.join("registry.rs"), Api::load(root)?.registry(|_| true))?;
        fs::write(out.join("api.bin"), descriptors::compile(root)?)?;
    }
    Ok(())
}
