//! What has to have a comment has one.

use std::collections::BTreeSet;

use prost_reflect::{DynamicMessage, FieldDescriptor, Value};

use crate::proto::{Layout, input::api_files, root, tree::Tree};

/// Rules that say how much a value may hold, or that it may not be empty, which no name does.
const LIMITS: [&str; 6] = ["len", "max_len", "max_items", "max_pairs", "lte", "min_len"];

#[test]
fn the_api_is_documented() {
    let tree = Tree::read(&Layout::new(&root())).unwrap().unwrap();
    let commented: BTreeSet<(&str, &[i32])> = tree
        .files
        .iter()
        .flat_map(|(file, _)| {
            let locations = &file.source_code_info.as_ref().unwrap().location;
            locations
                .iter()
                .filter(|location| !location.leading_comments().trim().is_empty())
                .map(|location| (file.name(), location.path.as_slice()))
        })
        .collect();
    let mut missing = Vec::new();
    for file in api_files(&tree.pool) {
        let mut require = |path: &[i32], name: &str| {
            if !commented.contains(&(file.name(), path)) {
                missing.push(name.to_owned());
            }
        };
        for service in file.services() {
            require(service.path(), service.full_name());
            for method in service.methods() {
                require(method.path(), method.full_name());
            }
        }
        let mut enums: Vec<_> = file.enums().collect();
        let mut messages: Vec<_> = file.messages().collect();
        while let Some(message) = messages.pop() {
            if message.is_map_entry() {
                continue;
            }
            require(message.path(), message.full_name());
            for field in message.fields().filter(has_rule) {
                require(field.path(), field.full_name());
            }
            enums.extend(message.child_enums());
            messages.extend(message.child_messages());
        }
        for kind in enums {
            require(kind.path(), kind.full_name());
        }
    }
    assert_eq!(
        missing,
        Vec::<String>::new(),
        "say in their .proto what these are for, and of a field what its limit is, and that it is required"
    );
}

/// Whether there is a rule to tell. That an id is required goes without saying.
fn has_rule(field: &FieldDescriptor) -> bool {
    let pool = field.parent_pool();
    let rules = pool.get_extension_by_name("buf.validate.field").unwrap();
    let options = field.options();
    let Value::Message(rules) = &*options.get_extension(&rules) else {
        return false;
    };
    let text = rules.get_field_by_name("string").unwrap();
    let is_id = is_set(text.as_message().unwrap(), "uuid");
    limits(rules) || (is_set(rules, "required") && !is_id)
}

fn is_set(rules: &DynamicMessage, name: &str) -> bool {
    rules.get_field_by_name(name).unwrap().as_bool().unwrap()
}

fn limits(rules: &DynamicMessage) -> bool {
    rules.fields().any(|(field, value)| {
        LIMITS.contains(&field.name()) || matches!(value, Value::Message(rules) if limits(rules))
    })
}
