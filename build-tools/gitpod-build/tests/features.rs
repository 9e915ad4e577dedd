//! The cargo features of the generated crates are the services of the API.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::process::Command;

use gitpod_build::Api;

/// The crate's features, each with what it switches on.
fn features(crate_name: &str) -> BTreeMap<String, Vec<String>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let package = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|package| package["name"] == crate_name)
        .unwrap();
    serde_json::from_value(package["features"].clone()).unwrap()
}

fn services() -> Vec<String> {
    let root = gitpod_build::proto_root(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/gitpod-types"),
    )
    .unwrap();
    let api = Api::load(&root).unwrap();
    let mut features: Vec<_> = api
        .services()
        .iter()
        .map(|service| Api::feature(service))
        .collect();
    features.sort();
    features
}

#[test]
fn every_service_is_a_feature_of_the_types_and_of_the_client() {
    let services = services();
    let types = features("gitpod-types");
    let client = features("gitpod-client");
    for (name, features) in [("gitpod-types", &types), ("gitpod-client", &client)] {
        let mut full = features["full"].clone();
        full.sort();
        assert_eq!(
            full, services,
            "`full` of {name}: one entry a service in proto/"
        );
        for service in &services {
            assert!(features.contains_key(service), "{name} lacks {service}");
        }
        assert!(features["default"].contains(&"organization".to_owned()));
    }
    for service in &services {
        assert!(types[service].is_empty(), "gitpod-types: {service}");
        assert_eq!(
            client[service],
            [format!("gitpod-types/{service}")],
            "gitpod-client: {service}"
        );
    }
}

#[test]
fn no_feature_stands_for_a_service_that_is_gone() {
    let services = services();
    for (name, others) in [
        (
            "gitpod-types",
            &["default", "full", "jiff", "time", "descriptors"][..],
        ),
        (
            "gitpod-client",
            &[
                "default",
                "full",
                "jiff",
                "time",
                "tls",
                "unstable-rustls",
                "gzip",
                "br",
                "zstd",
            ][..],
        ),
    ] {
        for feature in features(name).keys() {
            assert!(
                others.contains(&feature.as_str()) || services.contains(feature),
                "{name}: {feature} is neither a service in proto/ nor a feature that this test knows"
            );
        }
    }
}
