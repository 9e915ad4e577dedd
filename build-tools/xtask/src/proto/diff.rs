//! `cargo xtask proto diff`: the tree against what upstream publishes, element by element.

use std::{collections::BTreeMap, fs};

use prost_reflect::DescriptorPool;

use super::{
    Layout, PACKAGE, VALIDATE,
    elements::{Element, Elements},
    input::Input,
    secrets::NotSecret,
    set,
    tree::{FOLDER, Tree},
    unclassified,
};
use crate::Failure;

/// What a comparison found.
#[derive(Debug)]
pub(super) struct Report {
    /// What was left out of the comparison, and what a difference means for other parts.
    pub(super) notes: Vec<String>,
    /// `+` upstream alone has it, `-` the tree alone has it, `~` both have it, differently.
    pub(super) differences: Vec<String>,
}

/// Compares `input` with the standing tree.
pub(super) fn diff(input: &Input, layout: &Layout) -> Result<Report, Failure> {
    let tree = Tree::read(layout)?.ok_or_else(|| {
        Failure::new(format!(
            "there is no {}",
            layout.proto.join(FOLDER).display()
        ))
    })?;
    let upstream = Elements::read(&input.pool)?;
    let here = Elements::read(&tree.pool)?;
    let mut differences = compare(&upstream, &here);
    if let Some(validate) = &input.validate {
        // The rules mean what their schema says, so the schema is part of the structure.
        if fs::read(&layout.validate).ok() != Some(set::join([validate.as_slice()])) {
            differences.push(format!(
                "~ file {VALIDATE}: upstream's differs from the one kept in {}",
                layout.validate.display()
            ));
        }
    }
    let mut notes = notes(&upstream, &input.pool);
    let fields = NotSecret::read(layout)?.unclassified(&input.pool, Some(&tree.pool));
    notes.extend(fields.iter().map(|field| unclassified(field)));
    Ok(Report { notes, differences })
}

fn notes(upstream: &Elements, pool: &DescriptorPool) -> Vec<String> {
    let mut notes = Vec::new();
    if !upstream.gnostic.is_empty() {
        let messages = upstream.gnostic.iter();
        let messages = messages
            .filter(|element| element.starts_with("message "))
            .count();
        let others = upstream.gnostic.len() - messages;
        let others = if others == 0 {
            String::new()
        } else {
            format!(" and {others} other elements")
        };
        notes.push(format!(
            "note: gnostic options are left out; upstream, {messages} messages{others} carry them"
        ));
    }
    let unchecked = gitpod_build::unchecked_rules(pool, PACKAGE);
    notes.extend(unchecked.into_iter().map(|rule| format!("note: {rule}")));
    notes
}

/// The differences, in the order of names.
fn compare(upstream: &Elements, here: &Elements) -> Vec<String> {
    let mut names: Vec<_> = upstream.by_name.keys().chain(here.by_name.keys()).collect();
    names.sort();
    names.dedup();
    let mut differences = Vec::new();
    for name in names {
        match (upstream.by_name.get(name), here.by_name.get(name)) {
            (Some(a), None) => differences.push(whole('+', name, a)),
            (None, Some(b)) => differences.push(whole('-', name, b)),
            (Some(a), Some(b)) if a.kind == b.kind => {
                let changes = changes(&a.attributes, &b.attributes);
                differences.extend(
                    changes
                        .into_iter()
                        .map(|change| format!("~ {} {name}: {change}", a.kind)),
                );
            }
            (Some(a), Some(b)) => {
                differences.push(whole('+', name, a));
                differences.push(whole('-', name, b));
            }
            (None, None) => {}
        }
    }
    differences
}

fn whole(sign: char, name: &str, element: &Element) -> String {
    let attributes = element.attributes.iter();
    let attributes: Vec<_> = attributes
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    let colon = if attributes.is_empty() { "" } else { ": " };
    format!(
        "{sign} {} {name}{colon}{}",
        element.kind,
        attributes.join(", ")
    )
}

fn changes(upstream: &BTreeMap<String, String>, here: &BTreeMap<String, String>) -> Vec<String> {
    let mut names: Vec<_> = upstream.keys().chain(here.keys()).collect();
    names.sort();
    names.dedup();
    let side = |value: Option<&String>| value.map_or("nothing", String::as_str).to_owned();
    names
        .into_iter()
        .map(|name| (name, upstream.get(name), here.get(name)))
        .filter(|(_, a, b)| a != b)
        .map(|(name, a, b)| format!("{name}: upstream {}, here {}", side(a), side(b)))
        .collect()
}
