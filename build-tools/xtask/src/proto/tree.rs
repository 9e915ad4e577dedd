//! The `.proto` files as they stand in the tree, compiled.

use std::{fs, path::Path};

use prost_reflect::{
    DescriptorPool,
    prost::Message as _,
    prost_types::{FileDescriptorProto, FileDescriptorSet},
};

use super::Layout;
use crate::Failure;

/// The folder of the API's files, below the root of the `.proto` files.
pub(super) const FOLDER: &str = "gitpod/v1";

/// The standing tree.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) pool: DescriptorPool,
    /// The API's files with their source information, each with its text.
    pub(super) files: Vec<(FileDescriptorProto, String)>,
}

impl Tree {
    /// Compiles the standing tree; `None` where there is none yet.
    pub(super) fn read(layout: &Layout) -> Result<Option<Self>, Failure> {
        let names = names(&layout.proto)?;
        if names.is_empty() {
            return Ok(None);
        }
        let encoded = gitpod_build::descriptors::compile(&layout.proto)
            .map_err(|error| Failure::new(format!("the tree doesn't compile: {error}")))?;
        let pool = DescriptorPool::decode(encoded.as_slice())
            .map_err(|error| Failure::new(format!("the tree's descriptors: {error}")))?;
        let set = FileDescriptorSet::decode(encoded.as_slice())
            .map_err(|error| Failure::new(format!("the tree's descriptors: {error}")))?;
        let mut files = Vec::new();
        for file in set.file {
            if names.iter().any(|name| name == file.name()) {
                let path = layout.proto.join(file.name());
                let text = fs::read_to_string(&path).map_err(|error| {
                    Failure::new(format!("cannot read {}: {error}", path.display()))
                })?;
                files.push((file, text));
            }
        }
        Ok(Some(Self { pool, files }))
    }
}

/// The names of the API's files that stand in the tree, as `import` would write them.
pub(super) fn names(proto: &Path) -> Result<Vec<String>, Failure> {
    let folder = proto.join(FOLDER);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Failure::new(format!(
                "cannot read {}: {error}",
                folder.display()
            )));
        }
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Failure::new(error.to_string()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".proto") {
            names.push(format!("{FOLDER}/{name}"));
        }
    }
    names.sort();
    Ok(names)
}
