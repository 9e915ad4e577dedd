//! `Debug` of messages: what prost's own would print, with `[redacted]` in place of the fields that
//! are marked `debug_redact`.
//!
//! prost derives none. Its own has a function and a type of their own for each field, all of which
//! every user's compiler would have to check; this one has a list of fields.

use std::fmt::Write as _;

use prost_reflect::{
    Cardinality, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor,
};

use crate::names;
use crate::redact::is_redacted;
use crate::types::{EXTERN, Part};

/// The implementations for all messages of the part, and their oneofs.
pub(crate) fn generate(part: &Part) -> String {
    let mut code = String::new();
    for message in &part.messages {
        message_impl(&mut code, &part.package, message);
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            oneof_impl(&mut code, &part.package, &oneof);
        }
    }
    code
}

fn real_oneof(field: &FieldDescriptor) -> Option<OneofDescriptor> {
    field
        .containing_oneof()
        .filter(|oneof| !oneof.is_synthetic())
}

fn message_impl(code: &mut String, package: &str, message: &MessageDescriptor) {
    let path = names::type_path(package, message.full_name());
    let name = names::camel(message.name());
    // prost has the oneofs behind all other fields, and the fields in the order
    // in which they are declared.
    let mut fields: Vec<_> = message
        .fields()
        .filter(|field| real_oneof(field).is_none())
        .collect();
    let declared = |field: &FieldDescriptor| field.path().last().copied();
    fields.sort_by_key(declared);
    let mut labels = Vec::new();
    let mut values = Vec::new();
    for field in fields {
        let name = names::snake(field.name());
        values.push(if is_redacted(&field) {
            secret(&field, &name)
        } else {
            plain(package, &field, &name)
        });
        labels.push(name);
    }
    for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
        let name = names::snake(oneof.name());
        values.push(format!("&self.{name}"));
        labels.push(name);
    }
    start(code, &path);
    let _ = writeln!(
        code,
        "        crate::debug::message(f, {name:?}, &{labels:?}, &[{}])\n    }}\n}}",
        values.join(", ")
    );
}

fn oneof_impl(code: &mut String, package: &str, oneof: &OneofDescriptor) {
    start(code, &names::oneof_path(package, oneof));
    code.push_str("        match self {\n");
    for field in oneof.fields() {
        let variant = names::camel(field.name());
        let (binding, value) = match field.kind() {
            _ if is_redacted(&field) => ("_", "&crate::debug::Secret::Present".to_owned()),
            Kind::Enum(enumeration) => {
                let show = show(package, &enumeration);
                ("value", format!("&{show}(*value)"))
            }
            _ => ("value", "value".to_owned()),
        };
        let _ = writeln!(
            code,
            "            Self::{variant}({binding}) => crate::debug::member(f, \"{variant}\", {value}),"
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
    let show = show(package, &enumeration);
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

/// The function that shows the enum's numbers.
fn show(package: &str, enumeration: &EnumDescriptor) -> String {
    let path = if enumeration.package_name() == &EXTERN.0[1..] {
        format!("{}::{}", EXTERN.1, names::camel(enumeration.name()))
    } else {
        names::type_path(package, enumeration.full_name())
    };
    format!("crate::debug::enumeration::<{path}>")
}
