//! `cargo xtask proto format`: the tree in the form in which `import` writes it.

use super::{
    Layout,
    comments::Ours,
    text::Texts,
    tree::{FOLDER, Tree},
};
use crate::Failure;

/// Rewrites the tree, or only looks if `check`. Returns the files that aren't in that form.
///
/// A comment that belongs to no element has no place in it, so that nothing is written then.
pub(super) fn format(layout: &Layout, check: bool) -> Result<Vec<String>, Failure> {
    let tree = Tree::read(layout)?.ok_or_else(|| {
        Failure::new(format!(
            "there is no {}",
            layout.proto.join(FOLDER).display()
        ))
    })?;
    let mut ours = Ours::read(&tree)?;
    let texts = Texts::print(&tree.pool, &mut ours)?;
    let lost = ours.lost();
    if !lost.is_empty() {
        return Err(Failure::new(format!(
            "nothing is written, because this would be\n{}",
            lost.join("\n")
        )));
    }
    let changed = texts
        .changed(layout)
        .into_iter()
        .map(str::to_owned)
        .collect();
    if !check {
        texts.write(layout)?;
    }
    Ok(changed)
}
