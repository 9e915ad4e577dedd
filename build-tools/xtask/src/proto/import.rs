//! `cargo xtask proto import`: upstream's structure into the tree, what is ours kept.

use std::fs;

use super::{
    Layout,
    comments::Ours,
    diff::diff,
    input::Input,
    secrets::NotSecret,
    set,
    text::{Texts, write},
    tree::Tree,
    upstream,
};
use crate::Failure;

/// What an import did.
#[derive(Debug)]
pub(super) struct Report {
    /// What of ours found no place in the new tree.
    pub(super) lost: Vec<String>,
    /// Full names of the fields of which nobody has said yet whether they hold a secret.
    pub(super) unclassified: Vec<String>,
    pub(super) summary: String,
}

/// Writes the tree anew from `input`. Nothing is written unless everything could be read.
pub(super) fn import(
    input: &Input,
    version: Option<String>,
    layout: &Layout,
) -> Result<Report, Failure> {
    let tree = Tree::read(layout)?;
    let mut ours = match &tree {
        Some(tree) => Ours::read(tree)?,
        None => Ours::default(),
    };
    let standing = fs::read_to_string(&layout.upstream).ok();
    let upstream = upstream::render(input, version, standing.as_deref())?;
    let unclassified =
        NotSecret::read(layout)?.unclassified(&input.pool, tree.as_ref().map(|tree| &tree.pool));
    let texts = Texts::print(&input.pool, &mut ours)?;

    let mut changed = texts.write(layout)?;
    let mut schema_changed = false;
    if let Some(validate) = &input.validate {
        schema_changed = write(&layout.validate, &set::join([validate.as_slice()]))?;
    }
    changed +=
        usize::from(schema_changed) + usize::from(write(&layout.upstream, upstream.as_bytes())?);
    let mut summary = format!("{} files of the API, {changed} files changed", texts.len());
    if schema_changed {
        // It is compiled into this program, which therefore can't read the new tree yet.
        summary += "; the schema of the validation rules is new: run `cargo xtask proto diff` on the \
                    same input to check the result";
    } else {
        check(input, layout)?;
    }
    Ok(Report {
        lost: ours.lost(),
        unclassified,
        summary,
    })
}

/// Reads back what was written: the text has to mean what upstream's descriptors say.
fn check(input: &Input, layout: &Layout) -> Result<(), Failure> {
    let differences = diff(input, layout)?.differences;
    if differences.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the text that was written isn't what upstream has, which is a defect of this tool:\n{}",
        differences.join("\n")
    )))
}
