//! Names in the text of a `.proto`.

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind};

/// A short reference to `target` (a full name without leading dot) that protobuf's scoping rules
/// resolve to it from inside `scope` (the full name of a message or a service).
///
/// Short of its package, or with all of it: half a package would be short but hard to read.
pub(super) fn reference(pool: &DescriptorPool, scope: &str, target: &str) -> String {
    let package = package(pool, target);
    let within = target.strip_prefix(package.as_str()).unwrap_or(target);
    let parts: Vec<&str> = within.trim_start_matches('.').split('.').collect();
    let short = (0..parts.len())
        .rev()
        .map(|skipped| parts[skipped..].join("."));
    short
        .chain([target.to_owned()])
        .find(|name| resolve(pool, scope, name).as_deref() == Some(target))
        .unwrap_or_else(|| format!(".{target}"))
}

fn package(pool: &DescriptorPool, target: &str) -> String {
    let message = pool
        .get_message_by_name(target)
        .map(|it| it.package_name().to_owned());
    let kind = || {
        pool.get_enum_by_name(target)
            .map(|it| it.package_name().to_owned())
    };
    message.or_else(kind).unwrap_or_default()
}

/// The innermost scope that knows the first part of a name decides what the name means.
fn resolve(pool: &DescriptorPool, scope: &str, name: &str) -> Option<String> {
    let first = name.split('.').next()?;
    let mut scope = Some(scope);
    while let Some(prefix) = scope {
        let joined = join(prefix, first);
        if is_known(pool, prefix, &joined, first) {
            return Some(join(prefix, name));
        }
        scope = match prefix.rsplit_once('.') {
            Some((outer, _)) => Some(outer),
            None if prefix.is_empty() => None,
            None => Some(""),
        };
    }
    None
}

/// Whether a scope has anything of that name. A field or an oneof counts too, so that a reference
/// never depends on how a parser treats a name that is no type.
fn is_known(pool: &DescriptorPool, prefix: &str, joined: &str, first: &str) -> bool {
    let member = pool.get_message_by_name(prefix).is_some_and(|message| {
        message.get_field_by_name(first).is_some()
            || message.oneofs().any(|oneof| oneof.name() == first)
            || message
                .child_enums()
                .any(|child| child.get_value_by_name(first).is_some())
    });
    member
        || pool.get_message_by_name(joined).is_some()
        || pool.get_enum_by_name(joined).is_some()
        || pool.get_service_by_name(joined).is_some()
        || pool.files().any(|file| {
            let package = file.package_name();
            package == joined
                || package
                    .strip_prefix(joined)
                    .is_some_and(|rest| rest.starts_with('.'))
        })
}

pub(super) fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() {
        name.to_owned()
    } else {
        format!("{scope}.{name}")
    }
}

/// The JSON name that protoc gives to a field which doesn't name one.
pub(super) fn default_json_name(name: &str) -> String {
    let mut json = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        match c {
            '_' => upper = true,
            _ if upper => {
                json.push(c.to_ascii_uppercase());
                upper = false;
            }
            _ => json.push(c),
        }
    }
    json
}

/// A field's type with full names.
pub(super) fn full_type(field: &FieldDescriptor) -> String {
    type_text(field, &|name| name.to_owned())
}

/// A field's type, as the text inside its message names it.
pub(super) fn short_type(field: &FieldDescriptor) -> String {
    let message = field.parent_message();
    type_text(field, &|name| {
        reference(message.parent_pool(), message.full_name(), name)
    })
}

fn type_text(field: &FieldDescriptor, name: &dyn Fn(&str) -> String) -> String {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => format!(
            "map<{}, {}>",
            type_text(&entry.map_entry_key_field(), name),
            type_text(&entry.map_entry_value_field(), name)
        ),
        Kind::Message(message) => name(message.full_name()),
        Kind::Enum(kind) => name(kind.full_name()),
        scalar => format!("{scalar:?}"),
    }
}
