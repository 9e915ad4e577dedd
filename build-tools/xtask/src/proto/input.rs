//! What upstream publishes: a descriptor set or a wheel, made into one pool of descriptors.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use prost_reflect::{
    DescriptorPool, FileDescriptor, prost::Message as _, prost_types::FileDescriptorProto,
};
use protox::file::{FileResolver as _, GoogleFileResolver};
use sha2::{Digest as _, Sha256};

use super::{PACKAGE, VALIDATE, set, wheel::Wheel};
use crate::Failure;

/// Upstream's descriptors and where they come from.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) pool: DescriptorPool,
    pub(super) kind: Kind,
    /// Hexadecimal, of the file as it was given.
    pub(super) sha256: String,
    /// `buf/validate/validate.proto`, serialized, if any file of the API imports it.
    pub(super) validate: Option<Vec<u8>>,
}

/// The form in which upstream's descriptors came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    DescriptorSet,
    Wheel { name: String, version: String },
}

impl Input {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = fs::read(path)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
        Self::decode(&bytes)
            .map_err(|failure| Failure::new(format!("{}: {failure}", path.display())))
    }

    /// Reads a wheel (a zip archive) or a serialized `FileDescriptorSet`.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Failure> {
        let (kind, files) = if bytes.starts_with(b"PK\x03\x04") {
            let wheel = Wheel::read(bytes)?;
            let kind = Kind::Wheel {
                name: wheel.name,
                version: wheel.version,
            };
            (kind, wheel.files.into_values().collect())
        } else {
            (Kind::DescriptorSet, set::split(bytes)?)
        };
        let (files, validate) = closure(files)?;
        let mut pool = DescriptorPool::new();
        for file in files {
            pool.decode_file_descriptor_proto(file.as_slice())
                .map_err(|error| {
                    Failure::new(format!("not a usable set of descriptors: {error}"))
                })?;
        }
        let mut sha256 = String::new();
        for byte in Sha256::digest(bytes) {
            let _ = write!(sha256, "{byte:02x}");
        }
        Ok(Self {
            pool,
            kind,
            sha256,
            validate,
        })
    }
}

/// The files of the API in a pool, by name.
pub(super) fn api_files(pool: &DescriptorPool) -> Vec<FileDescriptor> {
    let mut files: Vec<_> = pool
        .files()
        .filter(|file| file.package_name() == PACKAGE)
        .collect();
    files.sort_by(|a, b| a.name().cmp(b.name()));
    files
}

type Closure = (Vec<Vec<u8>>, Option<Vec<u8>>);

/// The API's files and all that they import, each after its imports, and the validation schema.
/// Other files that a wheel may carry are none of ours.
fn closure(files: Vec<Vec<u8>>) -> Result<Closure, Failure> {
    let mut known = BTreeMap::new();
    for bytes in files {
        let file = FileDescriptorProto::decode(bytes.as_slice()).map_err(|error| {
            Failure::new(format!("not a serialized FileDescriptorProto: {error}"))
        })?;
        known.insert(file.name().to_owned(), (file, bytes));
    }
    let wanted: Vec<String> = known
        .iter()
        .filter(|(_, (file, _))| file.package() == PACKAGE)
        .map(|(name, _)| name.clone())
        .collect();
    if wanted.is_empty() {
        return Err(Failure::new(format!("no file of package {PACKAGE} in it")));
    }
    let mut ordered = Vec::new();
    let mut done = BTreeMap::new();
    for name in &wanted {
        visit(name, PACKAGE, &known, &mut done, &mut ordered)?;
    }
    let validate = done
        .contains_key(VALIDATE)
        .then(|| known.get(VALIDATE).map(|(_, bytes)| bytes.clone()))
        .flatten();
    Ok((ordered, validate))
}

fn visit(
    name: &str,
    importer: &str,
    known: &BTreeMap<String, (FileDescriptorProto, Vec<u8>)>,
    done: &mut BTreeMap<String, ()>,
    ordered: &mut Vec<Vec<u8>>,
) -> Result<(), Failure> {
    if done.insert(name.to_owned(), ()).is_some() {
        return Ok(());
    }
    let google;
    let (file, bytes) = match known.get(name) {
        Some(known) => known,
        // A wheel leaves protobuf's own files to the protobuf runtime; so do we.
        None => {
            let file = GoogleFileResolver::new().open_file(name).map_err(|_| {
                Failure::new(format!(
                    "{importer} imports {name}, which is not among the descriptors given"
                ))
            })?;
            let file = file.file_descriptor_proto().clone();
            let bytes = file.encode_to_vec();
            google = (file, bytes);
            &google
        }
    };
    for dependency in &file.dependency {
        visit(dependency, name, known, done, ordered)?;
    }
    ordered.push(bytes.clone());
    Ok(())
}
