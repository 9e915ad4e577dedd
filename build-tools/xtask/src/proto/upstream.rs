//! `proto/UPSTREAM.toml`: which published version the structure was taken from.

use std::collections::BTreeMap;

use super::input::{Input, Kind};
use crate::Failure;

/// The package that publishes the descriptors.
const NAME: &str = "gitpod-sdk";

/// The text of `UPSTREAM.toml` after an import of `input`, given the one that stands.
///
/// The same version may be checked as a descriptor set and as a wheel: both hashes are kept.
/// Another version starts anew.
pub(super) fn render(
    input: &Input,
    version: Option<String>,
    standing: Option<&str>,
) -> Result<String, Failure> {
    let standing = standing.map(parse).unwrap_or_default();
    let (key, own) = match &input.kind {
        Kind::DescriptorSet => ("descriptor-set-sha256", None),
        Kind::Wheel { name, .. } if name != NAME => {
            return Err(Failure::new(format!(
                "the wheel is of {name}, not of {NAME}"
            )));
        }
        Kind::Wheel { version, .. } => ("wheel-sha256", Some(version.clone())),
    };
    if let (Some(own), Some(version)) = (&own, &version)
        && own != version
    {
        return Err(Failure::new(format!(
            "the wheel says that it is {own}, not {version}"
        )));
    }
    let known = (standing.get(key) == Some(&input.sha256))
        .then(|| standing.get("version").cloned())
        .flatten();
    let version = own.or(version).or(known).ok_or_else(|| {
        Failure::new(format!(
            "a descriptor set doesn't say which version of {NAME} it is from: give --version"
        ))
    })?;
    let mut hashes = BTreeMap::from([(key, input.sha256.clone())]);
    if standing.get("version") == Some(&version) {
        for key in ["descriptor-set-sha256", "wheel-sha256"] {
            if let Some(hash) = standing.get(key) {
                hashes.entry(key).or_insert_with(|| hash.clone());
            }
        }
    }
    let mut text = format!(
        "# Written by `cargo xtask proto import`: where the structure of the .proto files is from.\n\
         package = \"{NAME}\"\n\
         registry = \"PyPI\"\n\
         version = \"{version}\"\n"
    );
    for (key, hash) in hashes {
        text.push_str(&format!("{key} = \"{hash}\"\n"));
    }
    Ok(text)
}

/// The `key = "value"` lines that this module writes.
fn parse(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, value)| (key.to_owned(), value.trim_matches('"').to_owned()))
        .collect()
}
