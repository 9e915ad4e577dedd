//! The `buf.validate` rules of messages, fields and oneofs, as code that checks them.
//!
//! [`read`] takes the rules from the descriptors' options and refuses a kind that it doesn't
//! know; [`emit`] writes the calls that check them, and [`need`] when they do. What the rules mean is in the module
//! `validate` of gitpod-types.

mod emit;
mod need;
mod read;
mod repeated;
mod standard;
mod tables;
mod value;

use std::collections::{HashMap, HashSet};

use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};

use self::read::MessageRules;
use crate::Error;
use crate::api::Api;
use crate::selection::Selection;
use crate::types::Part;

/// The whole of `rules.rs`.
pub(crate) fn generate(api: &Api, selection: &Selection) -> Result<String, Error> {
    let part = Part::new(api, selection);
    let mut rules = HashMap::new();
    for message in &part.messages {
        let read = MessageRules::read(message, &mut Vec::new())?;
        rules.insert(message.full_name().to_owned(), read);
    }
    let checked = checked(&part.messages, &rules);
    emit::code(&part, &rules, &checked)
}

/// What the rules of the package's messages ask for that nobody has written a function for: these
/// rules aren't checked. And what is no rule that could be, which keeps the package from being
/// generated at all.
#[must_use]
pub fn gaps(pool: &DescriptorPool, package: &str) -> Vec<String> {
    let mut gaps = Vec::new();
    for message in pool.all_messages() {
        if message.package_name() == package
            && !message.is_map_entry()
            && let Err(error) = MessageRules::read(&message, &mut gaps)
        {
            gaps.push(error.to_string());
        }
    }
    gaps.sort();
    gaps.dedup();
    gaps
}

/// The messages that have rules or hold a message that has, by full name.
fn checked(
    messages: &[MessageDescriptor],
    rules: &HashMap<String, MessageRules>,
) -> HashSet<String> {
    let mut checked = HashSet::new();
    loop {
        let before = checked.len();
        for message in messages {
            let Some(own) = rules
                .get(message.full_name())
                .filter(|own| !own.is_disabled)
            else {
                continue;
            };
            let holds_checked = || {
                message.fields().any(|field| {
                    held(&field).is_some_and(|held| checked.contains(held.full_name()))
                })
            };
            if own.has_any() || holds_checked() {
                checked.insert(message.full_name().to_owned());
            }
        }
        if checked.len() == before {
            return checked;
        }
    }
}

/// The message that a field holds, once or many times.
fn held(field: &prost_reflect::FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => match entry.map_entry_value_field().kind() {
            Kind::Message(message) => Some(message),
            _ => None,
        },
        Kind::Message(message) => Some(message),
        _ => None,
    }
}
