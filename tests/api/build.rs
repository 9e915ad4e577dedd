//! Lists, from the descriptors, what the tests treat alike: RPCs, and the details of errors.

use std::collections::HashSet;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use heck::ToSnakeCase as _;
use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};

fn main() -> Result<(), Box<dyn Error>> {
    let proto = Path::new("../../proto");
    println!("cargo::rerun-if-changed={}", proto.display());
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let write = |file: &str, code: String| fs::write(out.join(file), code);
    // A package has no tree beside it, and needs none to compile: only the tests use the lists.
    if !proto.is_dir() {
        for file in ["details.rs", "calls.rs", "listings.rs"] {
            write(file, String::new())?;
        }
        return Ok(());
    }
    let api = gitpod_build::Api::load(proto)?;
    let pool = gitpod_build::descriptors::pool(proto)?;
    let of_calls = of_calls(&pool);
    write(
        "details.rs",
        api.registry_of(|name| !of_calls.contains(name)),
    )?;
    write("calls.rs", calls(&pool))?;
    write("listings.rs", listings(&pool))?;
    Ok(())
}

/// The messages that calls are made of. All others are there for the details of errors.
fn of_calls(pool: &DescriptorPool) -> HashSet<String> {
    let methods = pool.services().flat_map(|service| {
        let methods: Vec<_> = service.methods().collect();
        methods
    });
    let mut found = HashSet::new();
    let mut left: Vec<MessageDescriptor> = methods
        .flat_map(|method| [method.input(), method.output()])
        .collect();
    while let Some(message) = left.pop() {
        if found.insert(message.full_name().to_owned()) {
            left.extend(message.fields().filter_map(|field| match field.kind() {
                Kind::Message(message) => Some(message),
                _ => None,
            }));
        }
    }
    found
}

/// A function with the call of every RPC, by the one rule for names: a service's accessor is its
/// name without `Service`, a method is its own, both in snake case.
fn calls(pool: &DescriptorPool) -> String {
    let mut code =
        String::from("#[allow(deprecated)]\npub(crate) fn rpcs() -> Vec<Rpc> {\n    vec![\n");
    for service in pool.services() {
        let accessor = service.name().trim_end_matches("Service").to_snake_case();
        for method in service.methods() {
            let function = method.name().to_snake_case();
            let make = if method.is_server_streaming() {
                "stream"
            } else {
                "unary"
            };
            let _ = writeln!(
                code,
                "        Rpc {{ service: \"{}\", method: \"{}\", make: |client, request| \
                 {make}(client.{accessor}().{function}(read(request))) }},",
                service.full_name(),
                method.name(),
            );
        }
    }
    code.push_str("    ]\n}\n");
    code
}

/// A function with the streams of every RPC that has `pagination` in its request.
fn listings(pool: &DescriptorPool) -> String {
    let mut code = String::from(
        "#[allow(deprecated)]\npub(crate) fn listings() -> Vec<Listing> {\n    vec![\n",
    );
    for service in pool.services() {
        let accessor = service.name().trim_end_matches("Service").to_snake_case();
        for method in service.methods() {
            if method.input().get_field_by_name("pagination").is_none() {
                continue;
            }
            let function = method.name().to_snake_case();
            let _ = writeln!(
                code,
                "        Listing {{ service: \"{}\", method: \"{}\", \
                 items: |client, request, how| items(client.{accessor}().{function}(read(request)), how), \
                 pages: |client, request| pages(client.{accessor}().{function}(read(request))) }},",
                service.full_name(),
                method.name(),
            );
        }
    }
    code.push_str("    ]\n}\n");
    code
}
