//! JSON by pbjson-build, to the letter of the protobuf JSON mapping.
//!
//! pbjson-build writes *which* fields there are, what they are called, and what each
//! is converted to. *How* a value is written and read is ours: the traits of
//! `crate::json` of `gitpod-types`, whose two functions a message [`amend`] makes
//! of pbjson-build's implementations of serde's, and the types that it calls
//! `::pbjson::private::…`, where `pbjson` is `gitpod-types` itself.
//!
//! Enums come in by `extern_path`: pbjson-build is told that each is an
//! `OpenEnum<…>`, which knows numbers that the enum doesn't. What [`amend`] changes
//! it counts, and the counts are those of the descriptors.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io;
use std::rc::Rc;

use crate::amend::{Counts, amend};
use crate::types::{EXTERN, Part};
use crate::{Error, names};

/// What reading makes of fields and names of enum values that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// They are as if they were absent.
    Ignored,
    /// They are errors.
    Refused,
}

impl Unknown {
    /// The type that reads and writes an enum's values, before the enum.
    fn enumeration(self) -> &'static str {
        match self {
            Self::Ignored => "crate::json::OpenEnum",
            Self::Refused => "crate::strict::NamedEnum",
        }
    }
}

/// The one enum among the types that come from elsewhere.
const NULL: &str = ".google.protobuf.NullValue";

/// The implementations of JSON for the selected part, as a module.
pub(crate) fn generate(part: &Part, unknown: Unknown) -> Result<String, Error> {
    let mut builder = pbjson_build::Builder::new();
    builder.btree_map(["."]);
    if unknown == Unknown::Ignored {
        builder.ignore_unknown_fields();
    }
    let open = unknown.enumeration();
    builder.extern_path(EXTERN.0, EXTERN.1);
    builder.extern_path(NULL, format!("{open}::<::pbjson_types::NullValue>"));
    for enumeration in &part.enums {
        let proto = format!(".{}", enumeration.full_name());
        let path = names::type_path(&part.package, enumeration.full_name());
        builder.extern_path(&proto, format!("{open}::<{path}>"));
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
    let code = amend(&code.take()?, unknown, &Counts::of(&part.messages))?;

    let mut module = String::with_capacity(code.len() + 4096);
    module.push_str("mod __json {\n");
    module.push_str("use super::*;\n");
    module.push_str(&code);
    module.push_str("crate::json::messages! {\n");
    for message in &part.messages {
        let path = names::type_path(&part.package, message.full_name());
        let _ = writeln!(module, "    {path},");
    }
    module.push_str("}\ncrate::json::enums! {\n");
    for enumeration in &part.enums {
        let path = names::type_path(&part.package, enumeration.full_name());
        let _ = write!(module, "    {path} {{");
        // Only prost knows which of several names it takes for the variant.
        for value in enumeration.values() {
            let number = value.number();
            let same = enumeration
                .values()
                .filter(|other| other.number() == number);
            if same.count() > 1 {
                let _ = write!(module, " {:?} = {number}", value.name());
            }
        }
        module.push_str(" }\n");
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
