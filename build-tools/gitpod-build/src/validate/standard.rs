//! The rules that protovalidate defines for the values of a type, each as the code of a constant
//! of gitpod-types' `validate::rule`.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};

use super::read::{FieldRules, Reader};
use super::tables;
use crate::Error;

/// What is checked of a value.
#[derive(Debug, Default)]
pub(super) enum Standard {
    /// No rule for its type.
    #[default]
    None,
    /// One value.
    Value {
        /// The code of each rule.
        rules: Vec<String>,
        /// A function, with `$` for the value, that is true of most values that keep all of them,
        /// and of no other.
        quick: Option<String>,
    },
    List {
        sizes: Vec<String>,
        is_unique: bool,
        items: Option<Box<FieldRules>>,
    },
    Map {
        sizes: Vec<String>,
        keys: Option<Box<FieldRules>>,
        values: Option<Box<FieldRules>>,
    },
}

impl Standard {
    /// Reads the rules that stand under `name`, which has to be that of the value's type.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        kind: &Kind,
        name: &str,
        rules: &DynamicMessage,
        field: Option<&FieldDescriptor>,
    ) -> Result<Self, Error> {
        reader.refuse_unknown(rules)?;
        let is_list = field.is_some_and(FieldDescriptor::is_list);
        let is_map = field.is_some_and(FieldDescriptor::is_map);
        let is_duration =
            matches!(kind, Kind::Message(m) if m.full_name() == "google.protobuf.Duration");
        match (name, kind) {
            ("repeated", _) if is_list => list(reader, kind, rules),
            ("map", Kind::Message(entry)) if is_map => {
                let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
                map(reader, &key.kind(), &value.kind(), rules)
            }
            _ if is_list || is_map => Err(reader.unknown(name)),
            ("string", Kind::String) => each(reader, rules, text),
            ("bytes", Kind::Bytes) => each(reader, rules, |_, rule, value| size("", rule, value)),
            ("enum", Kind::Enum(_)) => {
                each(reader, rules, |_, rule, value| enumeration(rule, value))
            }
            ("int32", Kind::Int32) | ("int64", Kind::Int64) | ("double", Kind::Double) => {
                range(reader, rules, name)
            }
            ("duration", _) if is_duration => range(reader, rules, name),
            _ => Err(reader.unknown(name)),
        }
    }
}

/// Reads rules one by one. None: the rule isn't known; an empty text: it asks for nothing.
fn each(
    reader: &mut Reader<'_>,
    rules: &DynamicMessage,
    code: impl Fn(&mut Reader<'_>, &str, &Value) -> Option<String>,
) -> Result<Standard, Error> {
    let mut read = Vec::new();
    for (rule, value) in rules.fields() {
        let code = code(reader, rule.name(), value)
            .ok_or_else(|| reader.unknown(&full_name(rules, rule.name())))?;
        read.push(code);
    }
    read.retain(|code| !code.is_empty());
    // The most frequent rule of all.
    let quick = (read == ["Text::Uuid"]).then(|| "is_uuid($)".to_owned());
    Ok(Standard::Value { rules: read, quick })
}

fn full_name(rules: &DynamicMessage, rule: &str) -> String {
    format!("{}.{rule}", rules.descriptor().name())
}

fn text(reader: &mut Reader<'_>, rule: &str, value: &Value) -> Option<String> {
    let on = |code: &str| {
        let code = if value.as_bool()? { code } else { "" };
        Some(code.to_owned())
    };
    match rule {
        "len" => Some(format!("Text::Len({})", value.as_u64()?)),
        "min_len" => Some(format!("Text::MinLen({})", value.as_u64()?)),
        "max_len" => Some(format!("Text::MaxLen({})", value.as_u64()?)),
        "email" => on("Text::Email"),
        "uri" => on("Text::Uri"),
        "uuid" => on("Text::Uuid"),
        "in" => {
            let texts = value.as_list()?.iter().map(Value::as_str);
            Some(format!(
                "Text::In(&{:?})",
                texts.collect::<Option<Vec<_>>>()?
            ))
        }
        "pattern" => {
            let pattern = value.as_str()?;
            let Some(function) = tables::pattern(pattern) else {
                reader.gap(&format!("the pattern {pattern}"));
                return Some(String::new());
            };
            Some(format!("Text::Pattern({pattern:?}, {function})"))
        }
        "example" => Some(String::new()),
        _ => None,
    }
}

/// `min_len` of bytes, `min_items` of a list, `min_pairs` of a map.
fn size(of: &str, rule: &str, value: &Value) -> Option<String> {
    let variant = match (of, rule) {
        ("", "len") => "Len",
        ("", "min_len") => "MinLen",
        ("", "max_len") => "MaxLen",
        ("", "example") => return Some(String::new()),
        ("repeated", "min_items") => "MinItems",
        ("repeated", "max_items") => "MaxItems",
        ("map", "min_pairs") => "MinPairs",
        ("map", "max_pairs") => "MaxPairs",
        _ => return None,
    };
    Some(format!("Size::{variant}({})", value.as_u64()?))
}

fn enumeration(rule: &str, value: &Value) -> Option<String> {
    let numbers = || {
        let numbers = value.as_list()?.iter().map(Value::as_i32);
        numbers.collect::<Option<Vec<_>>>()
    };
    match rule {
        "defined_only" if value.as_bool()? => Some("Enum::DefinedOnly".to_owned()),
        "defined_only" | "example" => Some(String::new()),
        "in" => Some(format!("Enum::In(&{:?})", numbers()?)),
        "not_in" => Some(format!("Enum::NotIn(&{:?})", numbers()?)),
        _ => None,
    }
}

/// One or two bounds, whose id has the names of both.
fn range(reader: &Reader<'_>, rules: &DynamicMessage, of: &str) -> Result<Standard, Error> {
    let (mut lower, mut upper) = (None, None);
    for (rule, value) in rules.fields() {
        let name = rule.name().to_owned();
        let unknown = || reader.unknown(&full_name(rules, &name));
        let side = match name.as_str() {
            "gt" | "gte" => &mut lower,
            "lt" | "lte" => &mut upper,
            "example" => continue,
            _ => return Err(unknown()),
        };
        *side = Some((bound(value).ok_or_else(unknown)?, name));
    }
    let id = match (&lower, &upper) {
        (Some(((lower, _), low)), Some(((upper, _), high))) => {
            let exclusive = if upper < lower { "_exclusive" } else { "" };
            format!("{of}.{low}_{high}{exclusive}")
        }
        (Some((_, name)), None) | (None, Some((_, name))) => format!("{of}.{name}"),
        (None, None) => return Ok(Standard::None),
    };
    let quick = match (&lower, &upper) {
        (Some(((Number::Span(low), _), name)), Some(((Number::Span(high), _), _)))
            if low < high =>
        {
            let exclusive = i128::from(name == "gt");
            let least = low.div_euclid(SECOND) + i128::from(low.rem_euclid(SECOND) > 0) + exclusive;
            Some(format!("within($, {least}, {})", high.div_euclid(SECOND)))
        }
        _ => None,
    };
    let side = |kind: &str, bound: Option<((Number, String), String)>| match bound {
        Some(((_, code), name)) => {
            let (first, rest) = name.split_at(1);
            format!("{kind}::{}{rest}({code})", first.to_uppercase())
        }
        None => format!("{kind}::None"),
    };
    let rules = vec![format!(
        "Range {{ id: {id:?}, lower: {}, upper: {} }}",
        side("Lower", lower),
        side("Upper", upper)
    )];
    Ok(Standard::Value { rules, quick })
}

/// In nanoseconds.
const SECOND: i128 = 1_000_000_000;

/// A bound, to be compared with others of its type.
#[derive(Debug, PartialEq, PartialOrd)]
enum Number {
    Integer(i64),
    Double(f64),
    /// Nanoseconds.
    Span(i128),
}

fn bound(value: &Value) -> Option<(Number, String)> {
    Some(match value {
        Value::I32(number) => (Number::Integer((*number).into()), number.to_string()),
        Value::I64(number) => (Number::Integer(*number), number.to_string()),
        Value::F64(number) if number.is_finite() => {
            (Number::Double(*number), format!("{number:?}"))
        }
        Value::Message(duration) => {
            let seconds = duration.get_field_by_name("seconds")?.as_i64()?;
            let nanos = duration.get_field_by_name("nanos")?.as_i32()?;
            let span = i128::from(seconds) * SECOND + i128::from(nanos);
            (Number::Span(span), format!("Span({span})"))
        }
        _ => return None,
    })
}

fn list(reader: &mut Reader<'_>, kind: &Kind, rules: &DynamicMessage) -> Result<Standard, Error> {
    let (mut sizes, mut is_unique, mut items) = (Vec::new(), false, None);
    for (rule, value) in rules.fields() {
        let unknown = |reader: &Reader<'_>| reader.unknown(&full_name(rules, rule.name()));
        match rule.name() {
            // Rust has no hash of the others.
            "unique" if matches!(kind, Kind::Double | Kind::Float | Kind::Message(_)) => {
                return Err(unknown(reader));
            }
            "unique" => is_unique = value.as_bool().unwrap_or_default(),
            "items" => items = nested(reader, kind, value)?,
            name => sizes.push(size("repeated", name, value).ok_or_else(|| unknown(reader))?),
        }
    }
    Ok(Standard::List {
        sizes,
        is_unique,
        items,
    })
}

fn map(
    reader: &mut Reader<'_>,
    key: &Kind,
    value_kind: &Kind,
    rules: &DynamicMessage,
) -> Result<Standard, Error> {
    let (mut sizes, mut keys, mut values) = (Vec::new(), None, None);
    for (rule, value) in rules.fields() {
        let unknown = |reader: &Reader<'_>| reader.unknown(&full_name(rules, rule.name()));
        match rule.name() {
            "keys" => keys = nested(reader, key, value)?,
            "values" => values = nested(reader, value_kind, value)?,
            name => sizes.push(size("map", name, value).ok_or_else(|| unknown(reader))?),
        }
    }
    Ok(Standard::Map {
        sizes,
        keys,
        values,
    })
}

/// The rules of items, keys or values.
fn nested(
    reader: &mut Reader<'_>,
    kind: &Kind,
    rules: &Value,
) -> Result<Option<Box<FieldRules>>, Error> {
    let Some(rules) = rules.as_message() else {
        return Ok(None);
    };
    let rules = reader.field(kind, rules.clone(), None)?;
    Ok(Some(Box::new(rules)))
}
