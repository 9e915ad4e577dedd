//! `cargo xtask proto import`: upstream's structure into the tree, what is ours kept.

use std::{fs, path::Path};

use super::{
    Layout,
    comments::Ours,
    input::{Input, api_files},
    print, set,
    tree::{self, Tree},
    upstream,
};
use crate::Failure;

/// What an import did.
#[derive(Debug)]
pub(super) struct Report {
    /// What of ours found no place in the new tree.
    pub(super) lost: Vec<String>,
    pub(super) summary: String,
}

/// Writes the tree anew from `input`. Nothing is written unless everything could be read.
pub(super) fn import(
    input: &Input,
    version: Option<String>,
    layout: &Layout,
) -> Result<Report, Failure> {
    let mut ours = match Tree::read(layout)? {
        Some(tree) => Ours::read(&tree)?,
        None => Ours::default(),
    };
    let standing = fs::read_to_string(&layout.upstream).ok();
    let upstream = upstream::render(input, version, standing.as_deref())?;

    let mut texts = Vec::new();
    for file in api_files(&input.pool) {
        let name = file.name().to_owned();
        // The folder is the one that the build scripts read, and no name may lead out of it.
        let base = name
            .strip_prefix(tree::FOLDER)
            .and_then(|rest| rest.strip_prefix('/'));
        if base.is_none_or(|base| base.contains(['/', '\\'])) {
            return Err(Failure::new(format!(
                "{name} is not a file of {}/",
                tree::FOLDER
            )));
        }
        texts.push((name, print::print(&file, &mut ours)?));
    }

    let mut changed = 0;
    for name in tree::names(&layout.proto)? {
        if !texts.iter().any(|(written, _)| *written == name) {
            let path = layout.proto.join(&name);
            fs::remove_file(&path).map_err(|error| {
                Failure::new(format!("cannot remove {}: {error}", path.display()))
            })?;
            changed += 1;
        }
    }
    for (name, text) in &texts {
        changed += usize::from(write(&layout.proto.join(name), text.as_bytes())?);
    }
    if let Some(validate) = &input.validate {
        changed += usize::from(write(&layout.validate, &set::join([validate.as_slice()]))?);
    }
    changed += usize::from(write(&layout.upstream, upstream.as_bytes())?);
    Ok(Report {
        lost: ours.lost(),
        summary: format!("{} files of the API, {changed} files changed", texts.len()),
    })
}

/// Writes a file if that changes it.
fn write(path: &Path, bytes: &[u8]) -> Result<bool, Failure> {
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
