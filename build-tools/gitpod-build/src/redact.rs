//! `Debug` of messages with a field that is marked `debug_redact`.
//!
//! prost is told to derive no `Debug` for them, and the one written here prints
//! what prost's would, with `[redacted]` in place of the marked fields.

use std::collections::HashSet;
use std::fmt::Write as _;

use prost_reflect::{Cardinality, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

use crate::descriptors::flag;
use crate::names;
use crate::types::Part;

/// Whether the field is marked as a secret in the .proto file.
pub(crate) fn is_redacted(field: &FieldDescriptor) -> bool {
    flag(&field.options(), "debug_redact")
}

/// Which messages get a `Debug` of ours, by full name with a dot in front.
/// prost-build takes such a name as a prefix: what is nested in it goes without,
/// too, oneofs among it.
pub(crate) struct Redaction {
    names: HashSet<String>,
}

impl Redaction {
    pub(crate) fn of(part: &Part) -> Self {
        let mut names = HashSet::new();
        for message in &part.messages {
            if message.fields().any(|field| is_redacted(&field)) {
                names.insert(format!(".{}", message.full_name()));
            }
        }
        Self { names }
    }

    pub(crate) fn skipped(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.names.iter().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Enums nested in such a message: for them, `Debug` is simply derived.
    pub(crate) fn enums_without_debug(&self, part: &Part) -> Vec<String> {
        part.enums
            .iter()
            .map(|enumeration| format!(".{}", enumeration.full_name()))
            .filter(|name| self.has(name))
            .collect()
    }

    pub(crate) fn debug_impls(&self, part: &Part) -> String {
        let mut code = String::new();
        for message in &part.messages {
            if self.has(&format!(".{}", message.full_name())) {
                message_impl(&mut code, &part.package, message);
            }
            for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
                if self.has(&format!(".{}", oneof.full_name())) {
                    oneof_impl(&mut code, &part.package, &oneof);
                }
            }
        }
        code
    }

    fn has(&self, name: &str) -> bool {
        let mut name = name;
        while !name.is_empty() {
            if self.names.contains(name) {
                return true;
            }
            name = &name[..name.rfind('.').unwrap_or(0)];
        }
        false
    }
}

fn real_oneof(field: &FieldDescriptor) -> Option<OneofDescriptor> {
    field
        .containing_oneof()
        .filter(|oneof| !oneof.is_synthetic())
}

fn message_impl(code: &mut String, package: &str, message: &MessageDescriptor) {
    let path = names::type_path(package, message.full_name());
    let name = names::camel(message.name());
    start(code, &path);
    let _ = writeln!(code, "        f.debug_struct(\"{name}\")");
    // prost has the oneofs behind all other fields, and the fields in the order
    // in which they are declared.
    let mut fields: Vec<_> = message
        .fields()
        .filter(|field| real_oneof(field).is_none())
        .collect();
    let declared = |field: &FieldDescriptor| field.path().last().copied();
    fields.sort_by_key(declared);
    for field in fields {
        let name = names::snake(field.name());
        let value = if is_redacted(&field) {
            secret(&field, &name)
        } else {
            plain(package, &field, &name)
        };
        let _ = writeln!(code, "            .field(\"{name}\", {value})");
    }
    for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
        let name = names::snake(oneof.name());
        let _ = writeln!(code, "            .field(\"{name}\", &self.{name})");
    }
    code.push_str("            .finish()\n    }\n}\n");
}

fn oneof_impl(code: &mut String, package: &str, oneof: &OneofDescriptor) {
    start(code, &names::oneof_path(package, oneof));
    code.push_str("        match self {\n");
    for field in oneof.fields() {
        let variant = names::camel(field.name());
        let (binding, value) = match field.kind() {
            _ if is_redacted(&field) => ("_", "&crate::debug::Secret::Present".to_owned()),
            Kind::Enum(enumeration) => {
                let path = names::type_path(package, enumeration.full_name());
                (
                    "value",
                    format!("&crate::debug::enumeration::<{path}>(*value)"),
                )
            }
            _ => ("value", "value".to_owned()),
        };
        let _ = writeln!(
            code,
            "            Self::{variant}({binding}) => f.debug_tuple(\"{variant}\").field({value}).finish(),"
        );
    }
    code.push_str("        }\n    }\n}\n");
}

fn start(code: &mut String, path: &str) {
    let _ = writeln!(code, "impl ::core::fmt::Debug for {path} {{");
    code.push_str("    #[allow(deprecated)]\n");
    code.push_str(
        "    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {\n",
    );
}

/// That a secret is absent is worth knowing and gives nothing away.
fn secret(field: &FieldDescriptor, name: &str) -> String {
    let (is_present, absent) = if field.is_list() {
        (format!("!self.{name}.is_empty()"), "[]")
    } else if field.is_map() {
        (format!("!self.{name}.is_empty()"), "{}")
    } else if field.supports_presence() {
        (format!("self.{name}.is_some()"), "None")
    } else {
        match field.kind() {
            Kind::String => (format!("!self.{name}.is_empty()"), "\\\"\\\""),
            Kind::Bytes => (format!("!self.{name}.is_empty()"), "[]"),
            _ => ("true".to_owned(), ""),
        }
    };
    format!("&crate::debug::secret({is_present}, \"{absent}\")")
}

fn plain(package: &str, field: &FieldDescriptor, name: &str) -> String {
    let kind = match field.kind() {
        Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
        kind => kind,
    };
    let Kind::Enum(enumeration) = kind else {
        return format!("&self.{name}");
    };
    let path = names::type_path(package, enumeration.full_name());
    let show = format!("crate::debug::enumeration::<{path}>");
    if field.is_map() {
        format!("&crate::debug::map(&self.{name}, {show})")
    } else if field.cardinality() == Cardinality::Repeated {
        format!("&crate::debug::list(&self.{name}, {show})")
    } else if field.supports_presence() {
        format!("&self.{name}.map({show})")
    } else {
        format!("&{show}(self.{name})")
    }
}
