//! Fields that arrive with an import and look as if they carried a secret.
//!
//! Upstream marks none, so a person has to. This names the new ones to look at; whether a field is
//! a secret can't be told from its name.

use std::collections::BTreeSet;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use super::input::api_files;

/// Words in names that carry secrets.
const WORDS: &[&str] = &[
    "token",
    "secret",
    "password",
    "passphrase",
    "credential",
    "credentials",
    "key",
    "private",
    "encrypted",
    "plaintext",
];

/// Last words of names that tell of a secret without holding it.
const HARMLESS: &[&str] = &["id", "ids", "name", "url", "at", "in", "type"];

/// The unmarked string and bytes fields of `upstream` that `standing` doesn't have and that are
/// named like a secret, by full name.
pub(super) fn suspects(
    upstream: &DescriptorPool,
    standing: Option<&DescriptorPool>,
) -> BTreeSet<String> {
    let known: BTreeSet<_> = standing
        .into_iter()
        .flat_map(fields)
        .map(|field| field.full_name().to_owned())
        .collect();
    fields(upstream)
        .filter(|field| is_text(field) && is_suspect(field.name()))
        .filter(|field| !is_marked(field))
        .map(|field| field.full_name().to_owned())
        .filter(|name| !known.contains(name))
        .collect()
}

fn fields(pool: &DescriptorPool) -> impl Iterator<Item = FieldDescriptor> {
    let mut messages: Vec<MessageDescriptor> = api_files(pool)
        .iter()
        .flat_map(|file| file.messages().collect::<Vec<_>>())
        .collect();
    let mut fields = Vec::new();
    while let Some(message) = messages.pop() {
        // The two fields of a map's entry are no fields that a person can mark.
        messages.extend(
            message
                .child_messages()
                .filter(|child| !child.is_map_entry()),
        );
        fields.extend(message.fields());
    }
    fields.into_iter()
}

/// Whether a field holds strings or bytes, be it as a list or as a map's values.
fn is_text(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::String | Kind::Bytes => true,
        Kind::Message(entry) if field.is_map() => is_text(&entry.map_entry_value_field()),
        _ => false,
    }
}

fn is_suspect(name: &str) -> bool {
    let words: Vec<&str> = name.split('_').collect();
    let last = words.last().copied().unwrap_or_default();
    !HARMLESS.contains(&last)
        && !words.contains(&"public")
        && words
            .iter()
            .any(|word| WORDS.contains(word) || WORDS.contains(&word.trim_end_matches('s')))
}

fn is_marked(field: &FieldDescriptor) -> bool {
    let options = field.options();
    let mark = options.get_field_by_name("debug_redact");
    mark.and_then(|mark| mark.as_bool()).unwrap_or_default()
}
