//! The rules of OrganizationService's messages, by their descriptors: a message that keeps all of
//! them has no violation, and whatever one rule is broken, that one is found and no other.

use std::path::Path;

use gitpod_client::Validate;
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, Value};
use protobuf_tests::filled::{Filling, Ordinary, filled, rounds};

trait MessageVisitor {
    fn visit<M: Validate + prost::Message + Default>(&mut self, full_name: &'static str);
}

include!(concat!(env!("OUT_DIR"), "/registry.rs"));

const UUID: &str = "8a1c0f32-5b0e-4d5a-9c53-0a9c3f6f2d11";
/// A number that no enum has a name for.
const UNKNOWN: i32 = 4711;

/// Some of the rules of a field: those of its `buf.validate.field` that stand under this name.
fn rules(field: &FieldDescriptor, path: &[&str]) -> Option<DynamicMessage> {
    let options = field.options();
    let rules = options
        .extensions()
        .find(|(extension, _)| extension.full_name() == "buf.validate.field")?
        .1;
    let mut rules = rules.as_message()?.clone();
    for name in path {
        if !rules.has_field_by_name(name) {
            return None;
        }
        let below = rules.get_field_by_name(name)?.as_message()?.clone();
        rules = below;
    }
    Some(rules)
}

/// A rule that is set.
fn rule(rules: &DynamicMessage, name: &str) -> Option<Value> {
    rules
        .has_field_by_name(name)
        .then(|| rules.get_field_by_name(name).unwrap().into_owned())
}

fn size(rules: &DynamicMessage, name: &str) -> Option<usize> {
    rule(rules, name).map(|size| usize::try_from(size.as_u64().unwrap()).unwrap())
}

/// The rules of a field's values: of its items, if it is a list.
fn of_values(field: &FieldDescriptor, of: &str) -> Option<DynamicMessage> {
    if field.is_list() {
        rules(field, &["repeated", "items", of])
    } else {
        rules(field, &[of])
    }
}

/// Values that keep the rules.
struct Valid;

impl Filling for Valid {
    fn scalar(&self, field: &FieldDescriptor) -> Value {
        match field.kind() {
            Kind::String => Value::String(text(of_values(field, "string"))),
            Kind::Int32 => Value::I32(least(field, "int32").unwrap_or(1) as i32),
            Kind::Int64 => Value::I64(least(field, "int64").unwrap_or(1)),
            Kind::Double => Value::F64(1.0),
            Kind::Enum(_) => match of_values(field, "enum").and_then(|rules| rule(&rules, "in")) {
                Some(numbers) => Value::EnumNumber(numbers.as_list().unwrap()[0].as_i32().unwrap()),
                None => Ordinary.scalar(field),
            },
            _ => Ordinary.scalar(field),
        }
    }

    fn timestamp(&self) -> (i64, i32) {
        Ordinary.timestamp()
    }

    /// Two days: whole days, and within the bounds of each field.
    fn duration(&self) -> (i64, i32) {
        (172_800, 0)
    }
}

fn text(rules: Option<DynamicMessage>) -> String {
    let Some(rules) = rules else {
        return "x".to_owned();
    };
    if rule(&rules, "uuid").is_some() {
        UUID.to_owned()
    } else if rule(&rules, "uri").is_some() {
        "https://ona.com/a".to_owned()
    } else if rule(&rules, "email").is_some() {
        "a@ona.com".to_owned()
    } else if rule(&rules, "pattern").is_some() {
        // A domain; the only other patterns here take two capitals.
        let length = size(&rules, "len");
        if length == Some(2) { "DE" } else { "ona.com" }.to_owned()
    } else if let Some(texts) = rule(&rules, "in") {
        texts.as_list().unwrap()[0].as_str().unwrap().to_owned()
    } else {
        // Each is two bytes, and counts once.
        "é".repeat(size(&rules, "min_len").unwrap_or(1).max(1))
    }
}

fn least(field: &FieldDescriptor, of: &str) -> Option<i64> {
    let rules = rules(field, &[of])?;
    let number = |name| rule(&rules, name).map(|value| integer(&value));
    number("gte").or_else(|| number("gt").map(|number| number + 1))
}

fn integer(value: &Value) -> i64 {
    value
        .as_i64()
        .or_else(|| value.as_i32().map(i64::from))
        .unwrap()
}

/// The ways to break one rule of a field, each with where that is found and by which id.
fn broken(field: &FieldDescriptor, valid: &Value) -> Vec<(Option<Value>, String, String)> {
    let mut ways = Vec::new();
    let Some(own) = rules(field, &[]) else {
        return ways;
    };
    let name = field.name().to_owned();
    let mut add = |value: Option<Value>, id: &str| ways.push((value, name.clone(), id.to_owned()));
    let is_required = rule(&own, "required").is_some();
    if is_required {
        add(None, "required");
    }
    if field.is_list() {
        let items = valid.as_list().unwrap();
        if let Some(rules) = rules(field, &["repeated"]) {
            if size(&rules, "min_items").is_some_and(|least| least > 0) && !is_required {
                add(Some(Value::List(Vec::new())), "repeated.min_items");
            }
            if let Some(most) =
                size(&rules, "max_items").filter(|_| rule(&rules, "unique").is_none())
            {
                add(
                    Some(Value::List(vec![items[0].clone(); most + 1])),
                    "repeated.max_items",
                );
            }
            if rule(&rules, "unique").is_some() {
                add(
                    Some(Value::List(vec![items[0].clone(); 2])),
                    "repeated.unique",
                );
            }
        }
    }
    let mut values = Vec::new();
    if let Some(rules) = of_values(field, "string") {
        values.extend(texts(&rules, is_required));
    }
    if let Some(rules) = of_values(field, "enum") {
        if rule(&rules, "defined_only").is_some() && rule(&rules, "in").is_none() {
            values.push((Value::EnumNumber(UNKNOWN), "enum.defined_only".to_owned()));
        }
        for number in rule(&rules, "not_in")
            .iter()
            .flat_map(|numbers| numbers.as_list().unwrap())
        {
            let number = number.as_i32().unwrap();
            if number != 0 || !is_required {
                values.push((Value::EnumNumber(number), "enum.not_in".to_owned()));
            }
        }
    }
    for of in ["int32", "int64", "duration"] {
        if let Some(rules) = rules(field, &[of]) {
            values.extend(beyond(&rules, of, valid));
        }
    }
    for (value, id) in values {
        ways.push(if field.is_list() {
            let mut items = valid.as_list().unwrap().to_vec();
            let at = items.len();
            items.push(value);
            (Some(Value::List(items)), format!("{name}[{at}]"), id)
        } else {
            (Some(value), name.clone(), id)
        });
    }
    ways
}

fn texts(rules: &DynamicMessage, is_required: bool) -> Vec<(Value, String)> {
    let text = |text: &str, id: &str| (Value::String(text.to_owned()), format!("string.{id}"));
    for format in ["uuid", "uri", "email"] {
        if rule(rules, format).is_some() {
            return vec![text("no such thing", format)];
        }
    }
    if rule(rules, "pattern").is_some() {
        // As long as both lengths ask for.
        return vec![text(
            &"\n".repeat(size(rules, "len").unwrap_or(4)),
            "pattern",
        )];
    }
    let mut texts = Vec::new();
    if rule(rules, "in").is_some() {
        texts.push(text("no such thing", "in"));
    }
    if let Some(most) = size(rules, "max_len") {
        texts.push(text(&"é".repeat(most + 1), "max_len"));
    }
    if let Some(least) = size(rules, "min_len").filter(|least| *least > usize::from(is_required)) {
        texts.push(text(&"é".repeat(least - 1), "min_len"));
    }
    texts
}

/// One below the lower bound, and one above the upper one.
fn beyond(rules: &DynamicMessage, of: &str, valid: &Value) -> Vec<(Value, String)> {
    let bound = |names: [&str; 2]| {
        names.into_iter().find_map(|name| {
            let value = rule(rules, name)?;
            let bound = match &value {
                Value::Message(span) => {
                    span.get_field_by_name("seconds").unwrap().as_i64().unwrap()
                }
                value => integer(value),
            };
            // What excludes the bound is broken by the bound.
            Some((name.to_owned(), bound, i64::from(name.ends_with('e'))))
        })
    };
    let (lower, upper) = (bound(["gt", "gte"]), bound(["lt", "lte"]));
    let names: Vec<_> = [&lower, &upper]
        .into_iter()
        .flatten()
        .map(|(name, ..)| name.as_str())
        .collect();
    let id = format!("{of}.{}", names.join("_"));
    let numbers = [
        lower.as_ref().map(|(_, bound, step)| bound - step),
        upper.as_ref().map(|(_, bound, step)| bound + step),
    ];
    let value = |number: i64| match valid {
        Value::I32(_) => Value::I32(i32::try_from(number).unwrap()),
        Value::I64(_) => Value::I64(number),
        Value::Message(span) => {
            let mut span = span.clone();
            span.set_field_by_name("seconds", Value::I64(number));
            Value::Message(span)
        }
        other => panic!("{other:?}"),
    };
    numbers
        .into_iter()
        .flatten()
        .map(|number| (value(number), id.clone()))
        .collect()
}

/// What a message type's rules find, as fields and ids.
type Found = Vec<(String, String)>;

struct Each {
    pool: DescriptorPool,
    messages: usize,
    mutations: usize,
}

impl MessageVisitor for Each {
    fn visit<M: Validate + prost::Message + Default>(&mut self, full_name: &'static str) {
        let descriptor = self.pool.get_message_by_name(full_name).unwrap();
        let check = |message: &DynamicMessage| -> Found {
            let message = M::decode(message.encode_to_vec().as_slice()).unwrap();
            let violations = message.validate().err();
            let violations = violations.iter().flatten();
            violations
                .map(|broken| (broken.field().to_owned(), broken.rule_id().to_owned()))
                .collect()
        };
        for member in 0..rounds(&descriptor) {
            let valid = filled(&descriptor, member, &Valid);
            assert_eq!(check(&valid), [], "{full_name}: {valid:?}");
            for (field, value) in valid.fields() {
                for (mutated, path, id) in broken(&field, value) {
                    // A rule of CEL beside it may be broken too.
                    if rules(&field, &[]).is_some_and(|rules| rule(&rules, "cel").is_some()) {
                        continue;
                    }
                    let mut message = valid.clone();
                    match mutated {
                        Some(value) => message.set_field(&field, value),
                        None => message.clear_field(&field),
                    }
                    assert_eq!(check(&message), [(path, id)], "{full_name}");
                    self.mutations += 1;
                }
            }
            self.messages += 1;
        }
    }
}

#[test]
fn one_broken_rule_is_one_violation() {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    let mut each = Each {
        pool: gitpod_build::descriptors::pool(&proto).unwrap(),
        messages: 0,
        mutations: 0,
    };
    visit_messages(&mut each);
    assert!(each.messages > 119, "{} messages", each.messages);
    assert!(each.mutations > 200, "{} mutations", each.mutations);
}
