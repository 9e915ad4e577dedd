//! The texts of all files of the API, printed and written.

use std::{fs, path::Path};

use prost_reflect::DescriptorPool;

use super::{
    Layout,
    comments::Ours,
    input::api_files,
    print,
    tree::{self, FOLDER},
};
use crate::Failure;

/// Each file's name and text.
#[derive(Debug)]
pub(super) struct Texts(Vec<(String, String)>);

impl Texts {
    /// Prints the API's files of a pool, with what `ours` has for them taken out of there.
    pub(super) fn print(pool: &DescriptorPool, ours: &mut Ours) -> Result<Self, Failure> {
        let mut texts = Vec::new();
        for file in api_files(pool) {
            let name = file.name().to_owned();
            // The folder is the one that the build scripts read, and no name may lead out of it.
            let base = name
                .strip_prefix(FOLDER)
                .and_then(|rest| rest.strip_prefix('/'));
            if base.is_none_or(|base| base.contains(['/', '\\'])) {
                return Err(Failure::new(format!("{name} is not a file of {FOLDER}/")));
            }
            texts.push((name, print::print(&file, ours)?));
        }
        Ok(Self(texts))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The names of the files whose standing text is another one.
    pub(super) fn changed(&self, layout: &Layout) -> Vec<&str> {
        let changed = self.0.iter().filter(|(name, text)| {
            let standing = fs::read(layout.proto.join(name));
            !standing.is_ok_and(|standing| standing == text.as_bytes())
        });
        changed.map(|(name, _)| name.as_str()).collect()
    }

    /// Makes the tree consist of these files. Returns how many it wrote or removed.
    pub(super) fn write(&self, layout: &Layout) -> Result<usize, Failure> {
        let mut changed = 0;
        for name in tree::names(&layout.proto)? {
            if !self.0.iter().any(|(written, _)| *written == name) {
                let path = layout.proto.join(&name);
                fs::remove_file(&path).map_err(|error| {
                    Failure::new(format!("cannot remove {}: {error}", path.display()))
                })?;
                changed += 1;
            }
        }
        for (name, text) in &self.0 {
            changed += usize::from(write(&layout.proto.join(name), text.as_bytes())?);
        }
        Ok(changed)
    }
}

/// Writes a file if that changes it.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<bool, Failure> {
    if fs::read(path).is_ok_and(|standing| standing == bytes) {
        return Ok(false);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| {
            Failure::new(format!("cannot create {}: {error}", folder.display()))
        })?;
    }
    fs::write(path, bytes)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
    Ok(true)
}
