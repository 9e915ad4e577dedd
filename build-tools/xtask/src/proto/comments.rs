//! What of the standing tree is ours: the comments and the `debug_redact` marks, by full name.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, FileDescriptorProto, ServiceDescriptorProto,
    source_code_info::Location,
};

use super::{input::api_files, loose, names::join, options::Options, print, tree::Tree};
use crate::Failure;

/// The comments at one place. Lines are as they stand after the slashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Comment {
    pub(super) detached: Vec<String>,
    pub(super) leading: Option<String>,
    pub(super) trailing: Option<String>,
}

impl Comment {
    fn texts(&self) -> impl Iterator<Item = &String> {
        self.detached
            .iter()
            .chain(&self.leading)
            .chain(&self.trailing)
    }
}

/// Everything of ours that has not been written into the new tree yet.
#[derive(Debug, Default)]
pub(super) struct Ours {
    /// Key and where it stood.
    comments: BTreeMap<String, (Comment, String)>,
    redacted: BTreeSet<String>,
    /// Comments that protobuf attaches to nothing: file and line, text.
    loose: Vec<(String, String)>,
}

impl Ours {
    pub(super) fn read(tree: &Tree) -> Result<Self, Failure> {
        let mut ours = Self::default();
        for (file, text) in &tree.files {
            let mut attached = vec![print::HEADER.to_owned()];
            let info = file.source_code_info.as_ref();
            for location in info.map_or(&[][..], |info| &info.location) {
                let Some(comment) = comment(location) else {
                    continue;
                };
                // A place without a key is one that the printer doesn't know; its comment is
                // left among the loose ones.
                if let Some(key) = key(file, &location.path) {
                    attached.extend(comment.texts().cloned());
                    ours.add(key, comment, file.name());
                }
            }
            for (line, text) in loose::find(text, &attached) {
                ours.loose.push((format!("{}:{line}", file.name()), text));
            }
        }
        for file in api_files(&tree.pool) {
            let mut messages: Vec<_> = file.messages().collect();
            while let Some(message) = messages.pop() {
                messages.extend(message.child_messages());
                for field in message.fields() {
                    let mut options = Options::read(&field.options(), field.full_name())?;
                    if options.take("debug_redact").as_deref() == Some("true") {
                        ours.redacted.insert(field.full_name().to_owned());
                    }
                }
            }
        }
        Ok(ours)
    }

    fn add(&mut self, key: String, comment: Comment, file: &str) {
        let (there, _) = self
            .comments
            .entry(key)
            .or_insert_with(|| (Comment::default(), file.to_owned()));
        there.detached.extend(comment.detached);
        // Two statements that become one (two of `reserved`) keep both comments.
        there.leading = concat(there.leading.take(), comment.leading);
        there.trailing = concat(there.trailing.take(), comment.trailing);
    }

    /// The comment for a place that is being written.
    pub(super) fn take(&mut self, key: &str) -> Comment {
        self.comments
            .remove(key)
            .map(|(comment, _)| comment)
            .unwrap_or_default()
    }

    /// Whether the field that is being written is marked.
    pub(super) fn take_redacted(&mut self, field: &str) -> bool {
        self.redacted.remove(field)
    }

    /// One line for each thing of ours that found no place, a comment's own lines below it.
    pub(super) fn lost(&self) -> Vec<String> {
        let mut lost = Vec::new();
        for (key, (comment, file)) in &self.comments {
            lost.push(format!(
                "lost: the comment on {key} ({file}), which upstream doesn't have:"
            ));
            for text in comment.texts() {
                lost.extend(text.lines().map(|line| format!("  //{line}")));
            }
        }
        for field in &self.redacted {
            lost.push(format!(
                "lost: the debug_redact mark on {field}, which upstream doesn't have"
            ));
        }
        for (place, text) in &self.loose {
            lost.push(format!(
                "lost: the comment in {place}, which belongs to no element: {text}"
            ));
        }
        lost
    }
}

fn concat(a: Option<String>, b: Option<String>) -> Option<String> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + &b),
        (a, b) => a.or(b),
    }
}

fn comment(location: &Location) -> Option<Comment> {
    let comment = Comment {
        detached: location
            .leading_detached_comments
            .iter()
            .filter(|text| text.as_str() != print::HEADER)
            .cloned()
            .collect(),
        leading: location
            .leading_comments
            .clone()
            .filter(|text| text != print::HEADER),
        trailing: location.trailing_comments.clone(),
    };
    (comment != Comment::default()).then_some(comment)
}

/// The key of the place that a path of protobuf's source information means: the full name of an
/// element, or the element that holds it and what it is.
fn key(file: &FileDescriptorProto, path: &[i32]) -> Option<String> {
    let package = file.package();
    match path {
        [12] => Some(place(file.name(), "syntax")),
        [2] => Some(place(file.name(), "package")),
        [3, i] => Some(import(file.name(), file.dependency.get(index(*i)?)?)),
        [8, rest @ ..] => Some(option(file.name(), rest)),
        [4, i, rest @ ..] => message_key(package, file.message_type.get(index(*i)?)?, rest),
        [5, i, rest @ ..] => enum_key(package, file.enum_type.get(index(*i)?)?, rest),
        [6, i, rest @ ..] => service_key(package, file.service.get(index(*i)?)?, rest),
        _ => None,
    }
}

fn message_key(scope: &str, message: &DescriptorProto, path: &[i32]) -> Option<String> {
    let name = join(scope, message.name());
    match path {
        [] => Some(name),
        [2, i, rest @ ..] => {
            let field = message.field.get(index(*i)?)?;
            element_key(join(&name, field.name()), 8, rest)
        }
        [3, i, rest @ ..] => message_key(&name, message.nested_type.get(index(*i)?)?, rest),
        [4, i, rest @ ..] => enum_key(&name, message.enum_type.get(index(*i)?)?, rest),
        [8, i, rest @ ..] => {
            let oneof = message.oneof_decl.get(index(*i)?)?;
            element_key(join(&name, oneof.name()), 2, rest)
        }
        [7, rest @ ..] => Some(option(&name, rest)),
        [9] => Some(place(&name, "reserved numbers")),
        [10] => Some(place(&name, "reserved names")),
        _ => None,
    }
}

fn enum_key(scope: &str, kind: &EnumDescriptorProto, path: &[i32]) -> Option<String> {
    let name = join(scope, kind.name());
    match path {
        [] => Some(name),
        [2, i, rest @ ..] => {
            let value = kind.value.get(index(*i)?)?;
            element_key(value_key(&name, value.name()), 3, rest)
        }
        [3, rest @ ..] => Some(option(&name, rest)),
        [4] => Some(place(&name, "reserved numbers")),
        [5] => Some(place(&name, "reserved names")),
        _ => None,
    }
}

fn service_key(scope: &str, service: &ServiceDescriptorProto, path: &[i32]) -> Option<String> {
    let name = join(scope, service.name());
    match path {
        [] => Some(name),
        [2, i, rest @ ..] => {
            let method = service.method.get(index(*i)?)?;
            element_key(join(&name, method.name()), 4, rest)
        }
        [3, rest @ ..] => Some(option(&name, rest)),
        _ => None,
    }
}

/// The key of an element without parts of its own, or of one of its options.
fn element_key(name: String, options: i32, path: &[i32]) -> Option<String> {
    match path {
        [] => Some(name),
        [field, rest @ ..] if *field == options => Some(option(&name, rest)),
        _ => None,
    }
}

/// An enum's values share the scope that the enum stands in, so the enum's name is no part of a
/// value's full name; here it is, because that is how people name one.
pub(super) fn value_key(kind: &str, value: &str) -> String {
    join(kind, value)
}

pub(super) fn place(owner: &str, place: &str) -> String {
    format!("{place} of {owner}")
}

pub(super) fn import(file: &str, dependency: &str) -> String {
    format!("import of {dependency} in {file}")
}

pub(super) fn option(owner: &str, path: &[i32]) -> String {
    let path: Vec<String> = path.iter().map(i32::to_string).collect();
    format!("option {} of {owner}", path.join("."))
}

fn index(index: i32) -> Option<usize> {
    usize::try_from(index).ok()
}
