//! Whether JSON is a message, as the descriptors have it. No error quotes a value: each says where
//! it is and what was expected there.

use std::collections::HashSet;

use gitpod_client::types::{Duration, DurationExt as _, Timestamp, TimestampExt as _};
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::Number;

use crate::document::Json;
use crate::schema::like;

/// How much is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rigour {
    /// What a person writes: all of it has to be known.
    Strict,
    /// What a server answers, which may be newer: unknown fields and enum names pass.
    Lenient,
}

/// Checks a whole document. The error begins with the path of what is wrong.
pub(crate) fn document(
    json: &Json,
    message: &MessageDescriptor,
    rigour: Rigour,
) -> Result<(), String> {
    Check { rigour }.message(json, message, "")
}

/// Whether this is a value of a kind that isn't a message.
pub(crate) fn is_scalar(json: &Json, kind: &Kind) -> bool {
    let rigour = Rigour::Strict;
    Check { rigour }.value(json, kind, "").is_ok()
}

/// The field of a message that a member's name stands for.
pub(crate) fn field(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message
        .get_field_by_json_name(name)
        .or_else(|| message.get_field_by_name(name))
}

/// Whether a message has a text form of its own.
pub(crate) fn is_text(message: &MessageDescriptor) -> bool {
    matches!(
        message.full_name(),
        "google.protobuf.Timestamp" | "google.protobuf.Duration"
    )
}

struct Check {
    rigour: Rigour,
}

impl Check {
    fn is_strict(&self) -> bool {
        self.rigour == Rigour::Strict
    }

    fn message(&self, json: &Json, message: &MessageDescriptor, path: &str) -> Result<(), String> {
        if is_text(message) {
            return text(json, message, path);
        }
        let Json::Object(members) = json else {
            return expected(path, &format!("an object ({})", message.name()));
        };
        let (mut fields, mut oneofs) = (HashSet::new(), HashSet::new());
        for (name, value) in members {
            let path = join(path, name);
            let Some(field) = field(message, name) else {
                if self.is_strict() {
                    return Err(no_such_field(&path, name, message));
                }
                continue;
            };
            if !fields.insert(field.number()) && self.is_strict() {
                return Err(format!("{path}: the field is there twice"));
            }
            if *value == Json::Null {
                continue;
            }
            if let Some(oneof) = field.containing_oneof()
                && !oneofs.insert(oneof.full_name().to_owned())
                && self.is_strict()
            {
                let all: Vec<_> = oneof
                    .fields()
                    .map(|one| one.json_name().to_owned())
                    .collect();
                return Err(format!(
                    "{path}: another field stands for {}; expected one of {}",
                    oneof.name(),
                    all.join(", ")
                ));
            }
            self.field(value, &field, &path)?;
        }
        Ok(())
    }

    fn field(&self, json: &Json, field: &FieldDescriptor, path: &str) -> Result<(), String> {
        match (field.kind(), json) {
            (Kind::Message(entry), _) if field.is_map() => {
                let Json::Object(members) = json else {
                    return expected(path, "an object, for it is a map");
                };
                let mut keys = HashSet::new();
                for (key, value) in members {
                    let path = format!("{path}[{key:?}]");
                    if !is_key(key, &entry.map_entry_key_field().kind()) {
                        return expected(&path, "another key, of the map's kind");
                    }
                    if !keys.insert(key) && self.is_strict() {
                        return Err(format!("{path}: the key is there twice"));
                    }
                    self.value(value, &entry.map_entry_value_field().kind(), &path)?;
                }
                Ok(())
            }
            (kind, Json::Array(items)) if field.is_list() => {
                for (index, item) in items.iter().enumerate() {
                    self.value(item, &kind, &format!("{path}[{index}]"))?;
                }
                Ok(())
            }
            _ if field.is_list() => expected(path, "an array"),
            (kind, _) => self.value(json, &kind, path),
        }
    }

    fn value(&self, json: &Json, kind: &Kind, path: &str) -> Result<(), String> {
        let (fits, what) = match kind {
            Kind::Message(message) => return self.message(json, message, path),
            Kind::Enum(enumeration) => return self.enumeration(json, enumeration, path),
            Kind::Bool => (matches!(json, Json::Bool(_)), "true or false"),
            Kind::String => (matches!(json, Json::String(_)), "a string"),
            Kind::Bytes => (is_base64(json), "a string in base64"),
            Kind::Double => (is_float(json, f64::MAX), "a number"),
            Kind::Float => (is_float(json, f64::from(f32::MAX)), "a number of 32 bits"),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => (
                is_integer(json, i32::MIN.into(), i32::MAX.into()),
                "a whole number of 32 bits",
            ),
            Kind::Uint32 | Kind::Fixed32 => (
                is_integer(json, 0, u32::MAX.into()),
                "a whole number of 32 bits, not negative",
            ),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => (
                is_integer(json, i64::MIN.into(), i64::MAX.into()),
                "a whole number of 64 bits, best as a string",
            ),
            Kind::Uint64 | Kind::Fixed64 => (
                is_integer(json, 0, u64::MAX.into()),
                "a whole number of 64 bits, not negative, best as a string",
            ),
        };
        if fits { Ok(()) } else { expected(path, what) }
    }

    fn enumeration(
        &self,
        json: &Json,
        enumeration: &EnumDescriptor,
        path: &str,
    ) -> Result<(), String> {
        match json {
            Json::String(name) if enumeration.get_value_by_name(name).is_some() => Ok(()),
            Json::String(_) if !self.is_strict() => Ok(()),
            // A number without a name is as good: a newer server may have one.
            Json::Number(_) if is_integer(json, i32::MIN.into(), i32::MAX.into()) => Ok(()),
            _ => {
                let names = enumeration.values().map(|value| value.name().to_owned());
                let text = match json {
                    Json::String(text) => text,
                    _ => "",
                };
                let what = format!("a value of {}: {}", enumeration.name(), choice(text, names));
                expected(path, &what)
            }
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn expected(path: &str, what: &str) -> Result<(), String> {
    if path.is_empty() {
        Err(format!("expected {what}"))
    } else {
        Err(format!("{path}: expected {what}"))
    }
}

fn no_such_field(path: &str, name: &str, message: &MessageDescriptor) -> String {
    let fields = message.fields().map(|field| field.json_name().to_owned());
    let hint = if message.fields().len() == 0 {
        "the message is empty".to_owned()
    } else {
        format!("expected {}", choice(name, fields))
    };
    format!("{path}: {} has no such field; {hint}", message.name())
}

/// What there is to choose from: what is like `text`, else the first of all.
fn choice(text: &str, names: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 12;
    let names: Vec<_> = names.collect();
    if let Some(near) = like(text, names.iter().cloned()) {
        return format!("{near} perhaps");
    }
    let mut all = names[..names.len().min(SHOWN)].join(", ");
    if names.len() > SHOWN {
        all.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    all
}

/// The texts of times and spans are those that the types of the client take.
fn text(json: &Json, message: &MessageDescriptor, path: &str) -> Result<(), String> {
    let is_timestamp = message.name() == "Timestamp";
    let fits = match json {
        Json::String(text) if is_timestamp => Timestamp::from_json_text(text).is_ok(),
        Json::String(text) => Duration::from_json_text(text).is_ok(),
        _ => false,
    };
    match (fits, is_timestamp) {
        (true, _) => Ok(()),
        (false, true) => expected(path, "a time such as \"2027-01-02T03:04:05Z\""),
        (false, false) => expected(path, "a span of seconds such as \"15552000s\""),
    }
}

fn is_key(key: &str, kind: &Kind) -> bool {
    match kind {
        Kind::String => true,
        Kind::Bool => matches!(key, "true" | "false"),
        kind => is_scalar(&Json::String(key.to_owned()), kind),
    }
}

/// A whole number between these: also as a string, and also as 1.0 or 1e5.
fn is_integer(json: &Json, least: i128, most: i128) -> bool {
    let fits = |number: i128| (least..=most).contains(&number);
    let whole = |number: f64| {
        // Below 2^64 the conversion is exact for what has no fraction.
        number.fract() == 0.0 && number.abs() < 2f64.powi(64) && fits(number as i128)
    };
    match json {
        Json::Number(number) => match exact(number) {
            Some(number) => fits(number),
            None => number.as_f64().is_some_and(whole),
        },
        Json::String(text) if is_number(text) => match text.parse::<i128>() {
            Ok(number) => fits(number),
            Err(_) => text.parse().is_ok_and(whole),
        },
        _ => false,
    }
}

fn exact(number: &Number) -> Option<i128> {
    let signed = number.as_i64().map(i128::from);
    signed.or_else(|| number.as_u64().map(i128::from))
}

fn is_float(json: &Json, most: f64) -> bool {
    match json {
        Json::Number(number) => number.as_f64().is_some_and(|number| number.abs() <= most),
        Json::String(text) => {
            matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity")
                || is_number(text) && text.parse().is_ok_and(|number: f64| number.abs() <= most)
        }
        _ => false,
    }
}

/// Whether a text has a number's letters: Rust takes `inf` and `+1` too.
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E'))
}

/// Base64 of either alphabet, padded or not.
fn is_base64(json: &Json) -> bool {
    let Json::String(text) = json else {
        return false;
    };
    let data = text.trim_end_matches('=');
    let padding = text.len() - data.len();
    let alphabet = |plus, slash| {
        data.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == plus || b == slash)
    };
    data.len() % 4 != 1
        && (padding == 0 || (padding <= 2 && text.len() % 4 == 0))
        && (alphabet(b'+', b'/') || alphabet(b'-', b'_'))
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
