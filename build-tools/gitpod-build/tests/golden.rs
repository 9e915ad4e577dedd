//! What the generator writes for a toy service, to the letter, so that a review
//! sees what a change of the generator does to the code.
//!
//! `BLESS=1 cargo test -p gitpod-build` writes the golden files anew.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::{env, fs};

use gitpod_build::Api;

fn toy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/toy")
}

fn api() -> Api {
    Api::load(&toy().join("proto")).unwrap()
}

fn check(file: &str, code: &str) {
    let path = toy().join(file);
    if env::var_os("BLESS").is_some() {
        fs::write(&path, code).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    let differs = golden
        .lines()
        .zip(code.lines())
        .position(|(golden, code)| golden != code);
    assert!(
        golden == code,
        "{} is not what the generator writes (first difference: line {}). If that is meant, \
         run BLESS=1 cargo test -p gitpod-build and look at the difference",
        path.display(),
        differs.unwrap_or_else(|| golden.lines().count().min(code.lines().count())) + 1,
    );
}

fn box_service(service: &str) -> bool {
    service == "BoxService"
}

#[test]
fn types_are_golden() {
    check("types.rs", &api().types(box_service).unwrap());
}

#[test]
fn rules_are_golden() {
    check("rules.rs", &api().rules(box_service).unwrap());
}

#[test]
fn clients_are_golden() {
    check("client.rs", &api().client(box_service));
}
