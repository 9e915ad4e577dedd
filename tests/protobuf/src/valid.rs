//! Messages that keep all of their rules, and the rules by reflection.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use crate::filled::{Filling, Ordinary, filled};

/// A message that keeps the rules of all of its fields, every one of which is set. Of a oneof, the
/// member with this number, counted in rounds.
#[must_use]
pub fn valid(descriptor: &MessageDescriptor, member: usize) -> DynamicMessage {
    let mut message = filled(descriptor, member, &Valid);
    lengthen(&mut message);
    message
}

/// Some of the rules of a field: those of its `buf.validate.field` that stand under this name.
#[must_use]
pub fn rules(field: &FieldDescriptor, path: &[&str]) -> Option<DynamicMessage> {
    path.iter()
        .try_fold(own_rules(&field.options())?, |rules, name| {
            rule(&rules, name)?.as_message().cloned()
        })
}

/// The rules among the options of a field, a oneof or a message.
#[must_use]
pub fn own_rules(options: &DynamicMessage) -> Option<DynamicMessage> {
    let mut rules = options
        .extensions()
        .filter(|(extension, _)| extension.full_name().starts_with("buf.validate."));
    rules.next()?.1.as_message().cloned()
}

/// A rule that is set.
#[must_use]
pub fn rule(rules: &DynamicMessage, name: &str) -> Option<Value> {
    let is_set = rules.has_field_by_name(name);
    let value = rules.get_field_by_name(name)?;
    is_set.then(|| value.into_owned())
}

/// A rule that says how many.
#[must_use]
pub fn size(rules: &DynamicMessage, name: &str) -> Option<usize> {
    usize::try_from(rule(rules, name)?.as_u64()?).ok()
}

/// A rule that is a number, or a span in seconds.
#[must_use]
pub fn number(rules: &DynamicMessage, name: &str) -> Option<i64> {
    match rule(rules, name)? {
        Value::I32(number) => Some(number.into()),
        Value::I64(number) => Some(number),
        Value::F64(number) => Some(number as i64),
        Value::Message(span) => span.get_field_by_name("seconds")?.as_i64(),
        _ => None,
    }
}

/// The rules of a field's values: of its items, if it is a list.
#[must_use]
pub fn of_values(field: &FieldDescriptor, of: &str) -> Option<DynamicMessage> {
    if field.is_list() {
        rules(field, &["repeated", "items", of])
    } else {
        rules(field, &[of])
    }
}

/// The rules in CEL, each with its id and expression.
#[must_use]
pub fn cel(rules: &DynamicMessage) -> Vec<(String, String)> {
    let text = |rule: &Value, name: &str| {
        let text = rule.as_message()?.get_field_by_name(name)?;
        text.as_str().map(str::to_owned)
    };
    rule(rules, "cel")
        .iter()
        .filter_map(Value::as_list)
        .flatten()
        .filter_map(|rule| Some((text(rule, "id")?, text(rule, "expression")?)))
        .collect()
}

/// The number behind the last `<=` of an expression in CEL.
#[must_use]
pub fn most(expression: &str) -> Option<usize> {
    expression.rsplit_once("<= ")?.1.parse().ok()
}

/// Values that keep the rules.
struct Valid;

impl Filling for Valid {
    fn scalar(&self, field: &FieldDescriptor) -> Value {
        let expressions = rules(field, &[])
            .map(|rules| cel(&rules))
            .unwrap_or_default();
        match field.kind() {
            Kind::String => Value::String(text(field, &expressions)),
            Kind::Bytes => {
                let rules = rules(field, &["bytes"]);
                let length = rules.and_then(|rules| size(&rules, "len"));
                Value::Bytes(vec![1; length.unwrap_or(1)].into())
            }
            Kind::Int32 => {
                let most = expressions.iter().find_map(|(_, text)| most(text));
                let most = most.and_then(|most| i32::try_from(most).ok());
                Value::I32(most.unwrap_or_else(|| least(field, "int32") as i32))
            }
            Kind::Int64 => Value::I64(least(field, "int64")),
            Kind::Double => Value::F64(1.0),
            Kind::Enum(_) => match of_values(field, "enum").and_then(|rules| rule(&rules, "in")) {
                Some(Value::List(numbers)) => {
                    Value::EnumNumber(numbers[0].as_i32().unwrap_or_default())
                }
                _ => Ordinary.scalar(field),
            },
            _ => Ordinary.scalar(field),
        }
    }

    fn timestamp(&self) -> (i64, i32) {
        Ordinary.timestamp()
    }

    fn duration(&self) -> (i64, i32) {
        (86_400, 0)
    }

    /// A day, where that isn't too long.
    fn duration_of(&self, field: &FieldDescriptor) -> (i64, i32) {
        let most = rules(field, &["duration"]).and_then(|rules| number(&rules, "lte"));
        (most.unwrap_or(i64::MAX).min(86_400), 0)
    }
}

fn least(field: &FieldDescriptor, of: &str) -> i64 {
    let Some(rules) = rules(field, &[of]) else {
        return 1;
    };
    let least = number(&rules, "gte").or_else(|| number(&rules, "gt").map(|number| number + 1));
    least.unwrap_or(1)
}

fn text(field: &FieldDescriptor, expressions: &[(String, String)]) -> String {
    for (_, expression) in expressions {
        if expression.contains("'^/[^/]") {
            return "/a".to_owned();
        }
    }
    let Some(rules) = of_values(field, "string") else {
        return "x".to_owned();
    };
    if rule(&rules, "uuid").is_some() {
        "8a1c0f32-5b0e-4d5a-9c53-0a9c3f6f2d11".to_owned()
    } else if rule(&rules, "uri").is_some() {
        "https://ona.com/a".to_owned()
    } else if rule(&rules, "email").is_some() {
        "a@ona.com".to_owned()
    } else if let Some(Value::String(pattern)) = rule(&rules, "pattern") {
        match &*pattern {
            "^[A-Z]{2}$" => "DE".to_owned(),
            pattern if pattern.contains("\\.") => "ona.com".to_owned(),
            _ => "abc".to_owned(),
        }
    } else if let Some(Value::List(texts)) = rule(&rules, "in") {
        texts[0].as_str().unwrap_or_default().to_owned()
    } else if !expressions.is_empty() {
        "x".to_owned()
    } else {
        // Each is two bytes, and counts once.
        let least = size(&rules, "min_len").or_else(|| size(&rules, "len"));
        "é".repeat(least.unwrap_or(1).max(1))
    }
}

/// Repeats the items of lists that need more than one.
fn lengthen(message: &mut DynamicMessage) {
    let fields: Vec<_> = message
        .fields()
        .map(|(field, value)| (field, value.clone()))
        .collect();
    for (field, mut value) in fields {
        match &mut value {
            Value::Message(inner) => lengthen(inner),
            Value::List(items) => {
                items
                    .iter_mut()
                    .filter_map(Value::as_message_mut)
                    .for_each(lengthen);
                let least =
                    rules(&field, &["repeated"]).and_then(|rules| size(&rules, "min_items"));
                while items.len() < least.unwrap_or_default() {
                    items.push(items[0].clone());
                }
            }
            Value::Map(pairs) => pairs
                .values_mut()
                .filter_map(Value::as_message_mut)
                .for_each(lengthen),
            _ => continue,
        }
        message.set_field(&field, value);
    }
}
