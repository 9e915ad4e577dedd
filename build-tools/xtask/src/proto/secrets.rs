//! Which fields of strings and bytes hold a secret, decided field by field.
//!
//! Upstream marks none, so a person has to: a secret bears a `debug_redact` mark, and what isn't one
//! stands in `proto/not-secret.txt` with the reason. A field that is in neither place, as a new
//! one may be, is unclassified.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

use super::{Layout, PACKAGE, input::api_files};
use crate::Failure;

/// Words in names that sound like a secret. With one of them, a pattern isn't enough.
const WORDS: &[&str] = &[
    "token",
    "secret",
    "password",
    "passphrase",
    "passcode",
    "pin",
    "otp",
    "credential",
    "key",
    "private",
    "encrypted",
    "plaintext",
    "auth",
    "bearer",
    "jwt",
    "pat",
    "cookie",
    "signature",
    "signed",
    "nonce",
    "seed",
    // A URL of these is often all that one needs to have.
    "download",
    "upload",
    "webhook",
];

/// The fields that a person has found to hold no secret.
#[derive(Debug, Default)]
pub(super) struct NotSecret {
    /// A field's name or full name, or `*` and how its name ends; and the line where it stands.
    patterns: BTreeMap<String, usize>,
}

impl NotSecret {
    /// Reads `proto/not-secret.txt`; without it, nothing has been looked at.
    pub(super) fn read(layout: &Layout) -> Result<Self, Failure> {
        match fs::read_to_string(&layout.not_secret) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Failure::new(format!(
                "cannot read {}: {error}",
                layout.not_secret.display()
            ))),
        }
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        let mut patterns = BTreeMap::new();
        let mut has_reason = false;
        for (number, line) in (1..).zip(text.lines()) {
            if line.starts_with('#') || line.trim().is_empty() {
                has_reason &= !line.trim().is_empty();
                continue;
            }
            if !line.starts_with(' ') {
                has_reason = true;
                continue;
            }
            if !has_reason {
                return Err(Failure::new(format!(
                    "not-secret.txt:{number}: fields without a reason above them"
                )));
            }
            for pattern in line.split_whitespace() {
                if let Some(before) = patterns.insert(pattern.to_owned(), number) {
                    return Err(Failure::new(format!(
                        "not-secret.txt:{number}: {pattern} stands in line {before} already"
                    )));
                }
            }
        }
        Ok(Self { patterns })
    }

    /// The fields of `upstream` that are classified neither by a mark, be it there or in the
    /// standing tree, nor by this list: by full name, in its order.
    pub(super) fn unclassified(
        &self,
        upstream: &DescriptorPool,
        standing: Option<&DescriptorPool>,
    ) -> Vec<String> {
        self.classify(upstream, standing).0.into_iter().collect()
    }

    /// What stands in the list and holds for no field, with its line: it would classify a later
    /// field that nobody has looked at.
    #[cfg(test)]
    pub(super) fn unused(&self, tree: &DescriptorPool) -> Vec<String> {
        let used = self.classify(tree, None).1;
        self.patterns
            .iter()
            .filter(|(pattern, _)| !used.contains(pattern.as_str()))
            .map(|(pattern, line)| format!("not-secret.txt:{line}: {pattern}"))
            .collect()
    }

    fn classify(
        &self,
        pool: &DescriptorPool,
        standing: Option<&DescriptorPool>,
    ) -> (BTreeSet<String>, BTreeSet<&str>) {
        let marked: BTreeSet<_> = [Some(pool), standing]
            .into_iter()
            .flatten()
            .flat_map(fields)
            .filter(is_marked)
            .map(|field| field.full_name().to_owned())
            .collect();
        let mut unclassified = BTreeSet::new();
        let mut used = BTreeSet::new();
        for field in fields(pool).filter(|field| !marked.contains(field.full_name())) {
            let Some(text) = Text::of(&field) else {
                continue;
            };
            match self.reason(&field, text) {
                Some(pattern) => _ = used.insert(pattern),
                None => _ = unclassified.insert(field.full_name().to_owned()),
            }
        }
        (unclassified, used)
    }

    /// The entry by which a field is known to hold no secret.
    fn reason(&self, field: &FieldDescriptor, text: Text) -> Option<&str> {
        let name = field.name();
        let full = field.full_name().strip_prefix(PACKAGE);
        let full = full.unwrap_or(field.full_name()).trim_start_matches('.');
        let find = |wanted: &str| self.patterns.get_key_value(wanted);
        let by_name = || {
            find(name).or_else(|| {
                self.patterns.iter().find(|(pattern, _)| {
                    pattern
                        .strip_prefix('*')
                        .is_some_and(|end| name.ends_with(end))
                })
            })
        };
        let needs_full_name = text == Text::Bytes || sounds_secret(name);
        find(full)
            .or_else(|| (!needs_full_name).then(by_name).flatten())
            .map(|(pattern, _)| pattern.as_str())
    }
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    String,
    Bytes,
}

impl Text {
    /// What of the two a field holds, be it as a list or as a map's values.
    fn of(field: &FieldDescriptor) -> Option<Self> {
        match field.kind() {
            Kind::String => Some(Self::String),
            Kind::Bytes => Some(Self::Bytes),
            Kind::Message(entry) if field.is_map() => Self::of(&entry.map_entry_value_field()),
            _ => None,
        }
    }
}

/// Whether there is a word in the name that sounds like a secret. An id of one is none.
fn sounds_secret(name: &str) -> bool {
    let words: Vec<&str> = name.split('_').collect();
    !matches!(words.last(), Some(&("id" | "ids")))
        && words
            .iter()
            .any(|word| WORDS.contains(word) || WORDS.contains(&word.trim_end_matches('s')))
}

fn is_marked(field: &FieldDescriptor) -> bool {
    let options = field.options();
    let mark = options.get_field_by_name("debug_redact");
    mark.and_then(|mark| mark.as_bool()).unwrap_or_default()
}
