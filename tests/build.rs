//! Lists messages from the descriptors, for the tests that treat them alike.

use std::collections::HashSet;
use std::error::Error;
use std::path::Path;
use std::{env, fs};

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

fn main() -> Result<(), Box<dyn Error>> {
    let proto = Path::new("../proto");
    println!("cargo::rerun-if-changed={}", proto.display());
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    let write = |file: &str, code: String| fs::write(Path::new(&out).join(file), code);
    // A package has no tree beside it, and needs none to compile: only the tests use the lists.
    if !proto.is_dir() {
        for file in ["registry.rs", "all.rs", "holders.rs", "carriers.rs"] {
            write(file, String::new())?;
        }
        return Ok(());
    }
    let api = gitpod_build::Api::load(proto)?;
    write(
        "registry.rs",
        api.registry(|service| service == "OrganizationService"),
    )?;
    write("all.rs", api.registry_of(|_| true))?;
    let pool = gitpod_build::descriptors::pool(proto)?;
    let holders = holders(&pool);
    write("holders.rs", api.registry_of(|name| holders.contains(name)))?;
    let carriers = carriers(&pool, holders);
    write(
        "carriers.rs",
        api.registry_of(|name| carriers.contains(name)),
    )?;
    Ok(())
}

/// The messages with a field that is marked as a secret.
fn holders(pool: &DescriptorPool) -> HashSet<String> {
    let is_secret = |field: &FieldDescriptor| {
        let options = field.options();
        let mark = options.get_field_by_name("debug_redact");
        mark.and_then(|mark| mark.as_bool()).unwrap_or_default()
    };
    pool.all_messages()
        .filter(|message| message.fields().any(|field| is_secret(&field)))
        .map(|message| message.full_name().to_owned())
        .collect()
}

/// These, and all that have one of these in them, at whatever depth.
fn carriers(pool: &DescriptorPool, mut known: HashSet<String>) -> HashSet<String> {
    let has_one = |message: &MessageDescriptor, known: &HashSet<String>| {
        message.fields().any(|field| match field.kind() {
            Kind::Message(message) => known.contains(message.full_name()),
            _ => false,
        })
    };
    loop {
        let before = known.len();
        for message in pool.all_messages() {
            if has_one(&message, &known) {
                known.insert(message.full_name().to_owned());
            }
        }
        if known.len() == before {
            return known;
        }
    }
}
