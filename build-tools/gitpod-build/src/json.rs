//! JSON by pbjson-build, to the letter of the protobuf JSON mapping.
//!
//! pbjson-build writes *which* fields there are and what they are called. *How* a
//! value is written and read is ours, and comes in by name resolution, not by
//! editing text: the generated code says `serde::Serialize`, `serde::Deserialize`
//! and `::pbjson::private::NumberDeserialize`, and where it is included, `serde`
//! is a module of `gitpod-types` with traits of ours, and `pbjson` is
//! `gitpod-types` itself.
//!
//! Enums come in by `extern_path`: pbjson-build is told that each is an
//! `OpenEnum<…>`, which knows numbers that the enum doesn't. What is left is a
//! cast, `as i32`, which has to become a field access; and maps of enums, which
//! are collected in random order. [`amend`] does both and counts.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io;
use std::rc::Rc;

use prost_reflect::{Kind, MessageDescriptor};

use crate::types::{EXTERN, Part};
use crate::{Error, names};

/// The implementations of JSON for the selected part, as a module.
pub(crate) fn generate(part: &Part) -> Result<String, Error> {
    let mut builder = pbjson_build::Builder::new();
    builder.ignore_unknown_fields().btree_map(["."]);
    for (proto, rust) in EXTERN {
        builder.extern_path(proto, rust);
    }
    for enumeration in &part.enums {
        let proto = format!(".{}", enumeration.full_name());
        let path = names::type_path(&part.package, enumeration.full_name());
        builder.extern_path(&proto, format!("crate::json::OpenEnum::<{path}>"));
        // The enums' own implementations are ours.
        builder.exclude([proto]);
    }
    for (oneof, path) in renamed_oneofs(part) {
        builder.extern_path(oneof, path);
    }
    for file in &part.files {
        builder.register_file_descriptor(file.clone());
    }

    let code = Buffer::default();
    builder
        .generate(&[format!(".{}", part.package)], |_| Ok(code.clone()))
        .map_err(|error| Error::new(format!("pbjson-build: {error}")))?;
    let code = amend(code.take()?, &Casts::of(part))?;

    let mut module = String::with_capacity(code.len() + 4096);
    module.push_str("mod __json {\n");
    module.push_str("use super::*;\n");
    module.push_str("use crate::json::serde;\n");
    module.push_str(&code);
    module.push_str("crate::json::messages! {\n");
    for message in &part.messages {
        let path = names::type_path(&part.package, message.full_name());
        let _ = writeln!(module, "    {path},");
    }
    module.push_str("}\ncrate::json::enums! {\n");
    for enumeration in &part.enums {
        let path = names::type_path(&part.package, enumeration.full_name());
        let _ = writeln!(module, "    {path},");
    }
    module.push_str("}\n}\n");
    Ok(module)
}

/// prost renames a oneof whose type would have the name of a nested type;
/// pbjson-build has to be told.
fn renamed_oneofs(part: &Part) -> Vec<(String, String)> {
    let mut renamed = Vec::new();
    for message in &part.messages {
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            if names::oneof_clashes(&oneof) {
                renamed.push((
                    format!(".{}", oneof.full_name()),
                    names::oneof_path(&part.package, &oneof),
                ));
            }
        }
    }
    renamed
}

/// How often pbjson-build has to write each thing that [`amend`] changes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Casts {
    /// One a field whose values are of an enum.
    enums: usize,
    /// One a map whose values need a conversion.
    maps: usize,
}

impl Casts {
    fn of(part: &Part) -> Self {
        let mut casts = Self::default();
        for message in &part.messages {
            casts.add(message);
        }
        casts
    }

    fn add(&mut self, message: &MessageDescriptor) {
        for field in message.fields() {
            let value = match field.kind() {
                Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
                kind => kind,
            };
            let is_enum = matches!(value, Kind::Enum(_));
            self.enums += usize::from(is_enum);
            let is_converted = is_enum
                || matches!(
                    value,
                    Kind::Int64
                        | Kind::Sint64
                        | Kind::Sfixed64
                        | Kind::Uint64
                        | Kind::Fixed64
                        | Kind::Bytes
                );
            self.maps += usize::from(field.is_map() && is_converted);
        }
    }
}

/// The one place where pbjson-build's text is changed.
fn amend(code: String, expected: &Casts) -> Result<String, Error> {
    let mut found = Casts::default();
    let mut amended = String::with_capacity(code.len());
    let mut rest = code.as_str();
    // Each is a whole expression as 0.9 writes it; anything else that has
    // `as i32` in it is caught by the count, and by the compiler.
    const CAST: &str = " as i32";
    while let Some(at) = rest.find(CAST) {
        let (before, after) = rest.split_at(at);
        amended.push_str(before);
        if before.ends_with(['x', 'v', '?']) {
            amended.push_str(".0");
            found.enums += 1;
        } else {
            amended.push_str(CAST);
        }
        rest = &after[CAST.len()..];
    }
    amended.push_str(rest);

    const RANDOM: &str = "let v: std::collections::HashMap<_, _> = ";
    const ORDERED: &str = "let v: std::collections::BTreeMap<_, _> = ";
    found.maps = amended.matches(RANDOM).count();
    let amended = amended.replace(RANDOM, ORDERED);

    if found != *expected {
        return Err(Error::new(format!(
            "pbjson-build writes other code than this crate was made for: {found:?} where the \
             descriptors have {expected:?}. Exact JSON isn't certain any more; see json.rs of gitpod-build"
        )));
    }
    Ok(amended)
}

/// pbjson-build asks for a writer for each package and we have one.
#[derive(Clone, Default)]
struct Buffer(Rc<RefCell<Vec<u8>>>);

impl Buffer {
    fn take(self) -> Result<String, Error> {
        String::from_utf8(self.0.take())
            .map_err(|error| Error::new(format!("pbjson-build: {error}")))
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_become_field_accesses() {
        let code = "map(|x| x as i32) next::<E>()? as i32) (k, v as i32)".to_owned();
        let expected = Casts { enums: 3, maps: 0 };
        assert_eq!(
            amend(code, &expected).unwrap(),
            "map(|x| x.0) next::<E>()?.0) (k, v.0)"
        );
    }

    #[test]
    fn code_of_another_generator_is_refused() {
        let expected = Casts { enums: 2, maps: 0 };
        let error = amend("x as i32".to_owned(), &expected).unwrap_err();
        assert!(error.to_string().contains("enums: 1"), "{error}");
        let error = amend("into_i32(x) x as i32".to_owned(), &expected).unwrap_err();
        assert!(error.to_string().contains("enums: 2"), "{error}");
    }
}
