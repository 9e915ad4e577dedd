//! The descriptors inside a wheel of PyPI's `gitpod-sdk`.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
};

use zip::ZipArchive;

use super::pyliteral::bytes_literal;
use crate::Failure;

/// The call with which a `*_pb2.py` hands over its file's descriptor.
const REGISTRATION: &str = "AddSerializedFile(";

/// More than any module of the API takes, less than a zip bomb.
const LIMIT: u64 = 64 << 20;

/// What a wheel holds.
#[derive(Debug)]
pub(super) struct Wheel {
    /// The package's name and version, from its metadata.
    pub(super) name: String,
    pub(super) version: String,
    /// Serialized `FileDescriptorProto`s, by the path of the module that registers each.
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

impl Wheel {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Failure> {
        let mut archive = ZipArchive::new(Cursor::new(bytes))
            .map_err(|error| Failure::new(format!("not a readable wheel: {error}")))?;
        let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
        let mut files = BTreeMap::new();
        let mut metadata = None;
        for name in names {
            if name.ends_with("_pb2.py") {
                let text = entry(&mut archive, &name)?;
                let literal = match text.split_once(REGISTRATION) {
                    Some((_, literal)) => literal,
                    None => {
                        return Err(Failure::new(format!(
                            "{name} in the wheel registers no descriptor ({REGISTRATION}b'…'))"
                        )));
                    }
                };
                let bytes = bytes_literal(literal)
                    .map_err(|error| Failure::new(format!("{name} in the wheel: {error}")))?;
                files.insert(name, bytes);
            } else if name.ends_with(".dist-info/METADATA") {
                metadata = Some(entry(&mut archive, &name)?);
            }
        }
        if files.is_empty() {
            return Err(Failure::new("the wheel has no *_pb2.py, so no descriptors"));
        }
        let metadata = metadata.ok_or_else(|| Failure::new("the wheel has no METADATA"))?;
        let header = |key: &str| {
            let lines = metadata.lines().take_while(|line| !line.is_empty());
            lines
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| *name == key)
                .map(|(_, value)| value.trim().to_owned())
                .ok_or_else(|| Failure::new(format!("the wheel's METADATA has no {key}")))
        };
        Ok(Self {
            name: header("Name")?,
            version: header("Version")?,
            files,
        })
    }
}

fn entry(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<String, Failure> {
    let fail =
        |error: &dyn std::fmt::Display| Failure::new(format!("{name} in the wheel: {error}"));
    let file = archive.by_name(name).map_err(|error| fail(&error))?;
    let mut text = String::new();
    file.take(LIMIT)
        .read_to_string(&mut text)
        .map_err(|error| fail(&error))?;
    if text.len() as u64 == LIMIT {
        return Err(fail(&"larger than 64 MiB"));
    }
    Ok(text)
}
