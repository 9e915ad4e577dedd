//! Options of an element, flattened into the assignments that a `.proto` would make.
//!
//! They are read from a `DynamicMessage`: the structs of prost-types drop every extension, which
//! all the validation rules are.

use std::fmt::Write as _;

use prost_reflect::{DynamicMessage, Kind, MapKey, ReflectMessage as _, Value};

use crate::Failure;

/// One assignment, `name = value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    /// As it stands left of the equals sign, e.g. `(buf.validate.field).string.uuid`.
    pub(super) name: String,
    /// As it stands right of it, in protobuf's text format; of several lines if it's a message.
    pub(super) value: String,
    /// Field numbers, and indexes into repeated fields: the path in protobuf's source information.
    pub(super) path: Vec<i32>,
}

/// The options of one element.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) assignments: Vec<Assignment>,
    /// Whether options of gnostic (OpenAPI annotations) were left out.
    pub(super) gnostic: bool,
}

impl Options {
    /// Flattens the options of the element of that name.
    pub(super) fn read(options: &DynamicMessage, element: &str) -> Result<Self, Failure> {
        let mut read = Self::default();
        refuse_unknown(options, element)?;
        for (field, value) in options.fields() {
            let path = vec![number(field.number())];
            read.flatten(field.name(), &field.kind(), value, path, element)?;
        }
        for (extension, value) in options.extensions() {
            if extension.parent_file().name().starts_with("gnostic/") {
                read.gnostic = true;
                continue;
            }
            let name = format!("({})", extension.full_name());
            let path = vec![number(extension.number())];
            read.flatten(&name, &extension.kind(), value, path, element)?;
        }
        read.assignments.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(read)
    }

    fn flatten(
        &mut self,
        name: &str,
        kind: &Kind,
        value: &Value,
        path: Vec<i32>,
        element: &str,
    ) -> Result<(), Failure> {
        match value {
            Value::Message(message) if !is_leaf(message) => {
                refuse_unknown(message, element)?;
                for (field, value) in message.fields() {
                    let mut path = path.clone();
                    path.push(number(field.number()));
                    let name = format!("{name}.{}", field.name());
                    self.flatten(&name, &field.kind(), value, path, element)?;
                }
            }
            Value::List(values) => {
                for (index, value) in values.iter().enumerate() {
                    let mut path = path.clone();
                    path.push(i32::try_from(index).unwrap_or(i32::MAX));
                    self.push(name, kind, value, path, element)?;
                }
            }
            Value::Map(entries) => {
                let mut entries: Vec<_> = entries.iter().collect();
                entries.sort_by(|a, b| a.0.cmp(b.0));
                for (index, entry) in entries.into_iter().enumerate() {
                    let mut path = path.clone();
                    path.push(i32::try_from(index).unwrap_or(i32::MAX));
                    self.assignments.push(Assignment {
                        name: name.to_owned(),
                        value: map_entry(kind, entry, element)?,
                        path,
                    });
                }
            }
            value => self.push(name, kind, value, path, element)?,
        }
        Ok(())
    }

    fn push(
        &mut self,
        name: &str,
        kind: &Kind,
        value: &Value,
        path: Vec<i32>,
        element: &str,
    ) -> Result<(), Failure> {
        self.assignments.push(Assignment {
            name: name.to_owned(),
            value: text(kind, value, element)?,
            path,
        });
        Ok(())
    }

    /// Takes out the value of the option of that name.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let index = self.assignments.iter().position(|a| a.name == name)?;
        Some(self.assignments.remove(index).value)
    }
}

/// A message that is one value rather than a set of rules, or that has nothing to descend into.
fn is_leaf(message: &DynamicMessage) -> bool {
    message
        .descriptor()
        .full_name()
        .starts_with("google.protobuf.")
        || (message.fields().next().is_none() && message.extensions().next().is_none())
}

/// What the schema of the options doesn't know can't be written, and must not be dropped.
fn refuse_unknown(message: &DynamicMessage, element: &str) -> Result<(), Failure> {
    match message.unknown_fields().next() {
        None => Ok(()),
        Some(unknown) => Err(Failure::new(format!(
            "{element} has an option that {} doesn't declare: field {}",
            message.descriptor().full_name(),
            unknown.number()
        ))),
    }
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A value in protobuf's text format.
fn text(kind: &Kind, value: &Value, element: &str) -> Result<String, Failure> {
    Ok(match value {
        Value::Bool(value) => value.to_string(),
        Value::I32(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::U32(value) => value.to_string(),
        Value::U64(value) => value.to_string(),
        Value::F32(value) => format!("{value:?}").to_lowercase(),
        Value::F64(value) => format!("{value:?}").to_lowercase(),
        Value::String(value) => quote(value.as_bytes()),
        Value::Bytes(value) => quote(value),
        Value::EnumNumber(number) => {
            let value = kind.as_enum().and_then(|kind| kind.get_value(*number));
            value.map_or_else(|| number.to_string(), |value| value.name().to_owned())
        }
        Value::Message(message) => message_text(message, element)?,
        Value::List(_) | Value::Map(_) => {
            return Err(Failure::new(format!("{element} has a list inside a list")));
        }
    })
}

fn message_text(message: &DynamicMessage, element: &str) -> Result<String, Failure> {
    refuse_unknown(message, element)?;
    let mut lines = Vec::new();
    let mut line = |name: &str, kind: &Kind, value: &Value| -> Result<(), Failure> {
        let text = text(kind, value, element)?;
        let colon = if matches!(value, Value::Message(_)) {
            ""
        } else {
            ":"
        };
        lines.push(format!("{name}{colon} {text}"));
        Ok(())
    };
    for (field, value) in message.fields() {
        let kind = field.kind();
        match value {
            Value::List(values) => {
                for value in values {
                    line(field.name(), &kind, value)?;
                }
            }
            Value::Map(_) => {
                return Err(Failure::new(format!(
                    "{element} has an option with a map inside a list, which this tool doesn't print"
                )));
            }
            value => line(field.name(), &kind, value)?,
        }
    }
    for (extension, value) in message.extensions() {
        line(
            &format!("[{}]", extension.full_name()),
            &extension.kind(),
            value,
        )?;
    }
    Ok(braces(&lines))
}

fn map_entry(
    kind: &Kind,
    (key, value): (&MapKey, &Value),
    element: &str,
) -> Result<String, Failure> {
    let entry = kind
        .as_message()
        .ok_or_else(|| Failure::new(format!("{element} has a map without an entry type")))?;
    let key = text(
        &entry.map_entry_key_field().kind(),
        &Value::from(key.clone()),
        element,
    )?;
    let value = text(&entry.map_entry_value_field().kind(), value, element)?;
    Ok(braces(&[format!("key: {key}"), format!("value: {value}")]))
}

/// One short line or none stays in one line.
fn braces(lines: &[String]) -> String {
    match lines {
        [] => "{}".into(),
        [line] if !line.contains('\n') && line.len() < 60 => format!("{{{line}}}"),
        lines => {
            let mut text = String::from("{\n");
            for line in lines {
                for line in line.lines() {
                    let _ = writeln!(text, "  {line}");
                }
            }
            text.push('}');
            text
        }
    }
}

/// A string literal. Text stays readable; what would end or break the literal is escaped, and so
/// are bytes that are no UTF-8.
pub(super) fn quote(bytes: &[u8]) -> String {
    let mut quoted = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => quoted.push_str("\\\""),
                '\\' => quoted.push_str("\\\\"),
                '\n' => quoted.push_str("\\n"),
                '\r' => quoted.push_str("\\r"),
                '\t' => quoted.push_str("\\t"),
                c if c.is_control() => {
                    for byte in c.to_string().bytes() {
                        let _ = write!(quoted, "\\{byte:03o}");
                    }
                }
                c => quoted.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(quoted, "\\{byte:03o}");
        }
    }
    quoted.push('"');
    quoted
}
