//! The ways to break one rule.

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, OneofDescriptor,
    ReflectMessage as _, Value,
};
use protobuf_tests::valid::{cel, most, number, of_values, own_rules, rule, rules, size, valid};

/// A number that no enum has a name for.
const UNKNOWN: i32 = 4711;

const WHOLE_DAYS: &str = "int(this) % int(duration('86400s')) == 0";

/// A message that breaks one rule.
pub(crate) struct Broken {
    pub(crate) message: DynamicMessage,
    /// Where that is found.
    pub(crate) path: String,
    pub(crate) id: String,
}

/// All ways to break one rule of a message that keeps all of them.
pub(crate) fn ways(valid: &DynamicMessage) -> Vec<Broken> {
    let mut ways = Vec::new();
    let descriptor = valid.descriptor();
    for (field, value) in valid.fields() {
        for (mutated, path, id) in of_field(&field, value) {
            let mut message = valid.clone();
            match mutated {
                Some(value) => message.set_field(&field, value),
                None => message.clear_field(&field),
            }
            ways.push(Broken { message, path, id });
        }
    }
    for oneof in descriptor.oneofs().filter(is_required) {
        let mut message = valid.clone();
        oneof.fields().for_each(|field| message.clear_field(&field));
        ways.push(Broken {
            message,
            path: oneof.name().to_owned(),
            id: "required".to_owned(),
        });
    }
    for (id, expression) in own_rules(&descriptor.options())
        .map(|rules| cel(&rules))
        .unwrap_or_default()
    {
        assert_eq!(expression, "this.max_parallel <= this.max_total");
        let mut message = valid.clone();
        message.set_field_by_name("max_parallel", Value::I32(2));
        message.set_field_by_name("max_total", Value::I32(1));
        ways.push(Broken {
            message,
            path: String::new(),
            id,
        });
    }
    ways
}

/// Whether one of the fields has to be set.
pub(crate) fn is_required(oneof: &OneofDescriptor) -> bool {
    own_rules(&oneof.options()).is_some_and(|rules| rule(&rules, "required").is_some())
}

/// Whether the rules of a message don't count.
pub(crate) fn is_disabled(message: &MessageDescriptor) -> bool {
    own_rules(&message.options())
        .and_then(|rules| rule(&rules, "disabled"))
        .and_then(|disabled| disabled.as_bool())
        .unwrap_or_default()
}

/// A value for the field, or none, with where that is found and by which id.
type Way = (Option<Value>, String, String);

fn of_field(field: &FieldDescriptor, valid: &Value) -> Vec<Way> {
    let mut ways = below(field);
    let Some(own) = rules(field, &[]) else {
        return ways;
    };
    let name = field.name();
    let is_required = rule(&own, "required").is_some();
    let is_ignored = rule(&own, "ignore").is_some();
    if is_required {
        ways.push((None, name.to_owned(), "required".to_owned()));
    }
    let mut own_ways: Vec<(Value, String)> = Vec::new();
    let mut of_items = Vec::new();
    match valid {
        Value::List(items) => {
            own_ways.extend(lists(field, items));
            of_items.extend(singles(field, &items[0]));
        }
        Value::Map(pairs) => ways.extend(maps(field, pairs.values().next().unwrap())),
        single => own_ways.extend(singles(field, single)),
    }
    for (id, expression) in cel(&own) {
        own_ways.push((against(&expression, valid), id));
    }
    for (value, id) in own_ways {
        // What is the type's zero is nothing at all.
        let is_zero = !field.supports_presence() && value == Value::default_value_for_field(field);
        if is_zero && (is_ignored || is_required) {
            continue;
        }
        // No host is no host's name either.
        if name == "host" && id == "string.min_len" {
            continue;
        }
        ways.push((Some(value), name.to_owned(), id));
    }
    for (item, id) in of_items {
        let mut items = valid.as_list().unwrap().to_vec();
        let at = items.len();
        items.push(item);
        ways.push((Some(Value::List(items)), format!("{name}[{at}]"), id));
    }
    ways
}

/// What is wrong in the first message that a field holds.
fn below(field: &FieldDescriptor) -> Vec<Way> {
    let name = field.name();
    let descriptor = match field.kind() {
        Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
        kind => kind,
    };
    let Kind::Message(descriptor) = descriptor else {
        return Vec::new();
    };
    if is_disabled(&descriptor) || descriptor.package_name() != "gitpod.v1" {
        return Vec::new();
    }
    let inner = ways(&valid(&descriptor, 0)).into_iter();
    inner
        .map(|broken| {
            let value = Value::Message(broken.message);
            let (value, place) = if field.is_map() {
                let pairs = [(MapKey::String("key".to_owned()), value)];
                (Value::Map(pairs.into()), format!("{name}[\"key\"]"))
            } else if field.is_list() {
                let least = rules(field, &["repeated"]).and_then(|rules| size(&rules, "min_items"));
                let mut items = vec![value];
                let other = Value::Message(valid(&descriptor, 0));
                items.resize(least.unwrap_or(1).max(1), other);
                (Value::List(items), format!("{name}[0]"))
            } else {
                (value, name.to_owned())
            };
            let path = match &*broken.path {
                "" => place,
                path => format!("{place}.{path}"),
            };
            (Some(value), path, broken.id)
        })
        .collect()
}

fn lists(field: &FieldDescriptor, items: &[Value]) -> Vec<(Value, String)> {
    let mut ways = Vec::new();
    let Some(rules) = rules(field, &["repeated"]) else {
        return ways;
    };
    let is_unique = rule(&rules, "unique").is_some();
    let mut of = |length: usize, id: &str| {
        ways.push((Value::List(vec![items[0].clone(); length]), id.to_owned()));
    };
    if let Some(least) = size(&rules, "min_items").filter(|least| *least > 0) {
        of(least - 1, "repeated.min_items");
    }
    if let Some(most) = size(&rules, "max_items").filter(|_| !is_unique) {
        of(most + 1, "repeated.max_items");
    }
    if is_unique {
        of(2, "repeated.unique");
    }
    ways
}

fn maps(field: &FieldDescriptor, valid: &Value) -> Vec<Way> {
    let mut ways = Vec::new();
    let name = field.name();
    let mut add = |pairs: Vec<(String, Value)>, path: String, id: &str| {
        let pairs = pairs.into_iter();
        let pairs = pairs.map(|(key, value)| (MapKey::String(key), value));
        ways.push((Some(Value::Map(pairs.collect())), path, id.to_owned()));
    };
    if let Some(most) = rules(field, &["map"]).and_then(|rules| size(&rules, "max_pairs")) {
        let pairs = (0..=most).map(|number| (format!("key{number}"), valid.clone()));
        add(pairs.collect(), name.to_owned(), "map.max_pairs");
    }
    if let Some(rules) = rules(field, &["map", "keys", "string"]) {
        for (text, id) in texts(&rules) {
            let key = text.as_str().unwrap().to_owned();
            let path = format!("{name}[{key:?}]");
            add(vec![(key, valid.clone())], path, &id);
        }
    }
    if let Some(rules) = rules(field, &["map", "values", "string"]) {
        for (text, id) in texts(&rules) {
            add(
                vec![("key".to_owned(), text)],
                format!("{name}[\"key\"]"),
                &id,
            );
        }
    }
    ways
}

/// Values of a kind that isn't a list, or items of one.
fn singles(field: &FieldDescriptor, valid: &Value) -> Vec<(Value, String)> {
    let mut ways = Vec::new();
    if let Some(rules) = of_values(field, "string") {
        ways.extend(texts(&rules));
    }
    if let Some(rules) = of_values(field, "bytes") {
        let mut of = |length: usize, id: &str| {
            ways.push((Value::Bytes(vec![1; length].into()), id.to_owned()));
        };
        if let Some(length) = size(&rules, "len") {
            of(length - 1, "bytes.len");
            of(length + 1, "bytes.len");
        }
        if let Some(least) = size(&rules, "min_len") {
            of(least - 1, "bytes.min_len");
        }
        if let Some(most) = size(&rules, "max_len") {
            of(most + 1, "bytes.max_len");
        }
    }
    if let (Some(rules), Kind::Enum(kind)) = (of_values(field, "enum"), field.kind()) {
        ways.extend(enums(&rules, kind.values().map(|value| value.number())));
    }
    // What isn't whole days breaks another rule, where there is one.
    let in_days = rules(field, &[]).is_some_and(|rules| {
        cel(&rules)
            .iter()
            .any(|(_, expression)| expression == WHOLE_DAYS)
    });
    let step = if in_days { 86_400 } else { 1 };
    for of in ["int32", "int64", "double", "duration"] {
        if let Some(rules) = of_values(field, of) {
            ways.extend(beyond(&rules, of, step, valid));
        }
    }
    ways
}

fn texts(rules: &DynamicMessage) -> Vec<(Value, String)> {
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
    if let Some(least) = size(rules, "min_len").filter(|least| *least > 0) {
        texts.push(text(&"é".repeat(least - 1), "min_len"));
    }
    if let Some(length) = size(rules, "len") {
        texts.push(text(&"é".repeat(length + 1), "len"));
    }
    texts
}

fn enums(rules: &DynamicMessage, mut known: impl Iterator<Item = i32>) -> Vec<(Value, String)> {
    let numbers = |name| -> Option<Vec<i32>> {
        let numbers = rule(rules, name)?;
        let numbers = numbers.as_list()?.iter().filter_map(Value::as_i32);
        // prost-reflect keeps those of `EnumRules` as plain numbers.
        Some(numbers.collect())
    };
    let mut ways = Vec::new();
    let mut add = |number, id: &str| ways.push((Value::EnumNumber(number), id.to_owned()));
    let not_in = numbers("not_in").unwrap_or_default();
    if let Some(allowed) = numbers("in") {
        let other = known.find(|number| !allowed.contains(number) && !not_in.contains(number));
        if let Some(other) = other {
            add(other, "enum.in");
        }
    } else if rule(rules, "defined_only").is_some() {
        add(UNKNOWN, "enum.defined_only");
    }
    not_in
        .into_iter()
        .for_each(|number| add(number, "enum.not_in"));
    ways
}

/// A step below the lower bound, and one above the upper one.
fn beyond(rules: &DynamicMessage, of: &str, step: i64, valid: &Value) -> Vec<(Value, String)> {
    let bound = |names: [&str; 2]| {
        names.into_iter().find_map(|name| {
            // What excludes the bound is broken by the bound.
            let step = if name.ends_with('e') { step } else { 0 };
            Some((name.to_owned(), number(rules, name)?, step))
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
    let numbers = numbers.into_iter().flatten();
    numbers
        .map(|number| (of_kind(valid, number), id.clone()))
        .collect()
}

/// A number, or a span of so many seconds.
fn of_kind(valid: &Value, number: i64) -> Value {
    match valid {
        Value::I32(_) => Value::I32(i32::try_from(number).unwrap()),
        Value::I64(_) => Value::I64(number),
        Value::F64(_) => Value::F64(number as f64),
        Value::Message(span) => {
            let mut span = span.clone();
            span.set_field_by_name("seconds", Value::I64(number));
            Value::Message(span)
        }
        other => panic!("{other:?}"),
    }
}

/// What an expression in CEL, and no other rule of the field, says no to.
fn against(expression: &str, valid: &Value) -> Value {
    if let Some(most) = most(expression) {
        return match valid {
            Value::String(_) => Value::String("x".repeat(most + 1)),
            Value::List(items) => Value::List(vec![items[0].clone(); most + 1]),
            number => of_kind(number, i64::try_from(most).unwrap() + 1),
        };
    }
    let text = |text: &str| Value::String(text.to_owned());
    match expression {
        "size(this) >= 1" => Value::List(Vec::new()),
        "this == duration('0s') || this >= duration('1800s')" => of_kind(valid, 1799),
        WHOLE_DAYS => of_kind(valid, 86_401),
        "this.matches('^$|^[^/].*')" => text("/a"),
        "this.matches('^/[^/].*$')" => text("a"),
        "this.matches('^[a-z]+(_[a-z]+)*$')" => text("A"),
        host if host.contains("6553[0-5]") => text("a_b"),
        other => panic!("{other}: how is it broken?"),
    }
}
