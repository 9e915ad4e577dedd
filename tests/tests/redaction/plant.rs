//! Messages with a secret in them.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value,
};

/// What stands in place of a secret.
pub(crate) const SENTINEL: &str = "Sentinel7Qz9ThatNobodyMaySee";

/// The forms in which it could stand in a text: as it is, in base64 however the bytes around it
/// fall, and as a list of bytes.
pub(crate) fn forms() -> Vec<String> {
    let mut forms = vec![SENTINEL.to_owned()];
    for before in 0..3 {
        let shifted = [vec![0; before], SENTINEL.as_bytes().to_vec()].concat();
        let encoded = base64(&shifted);
        // The first and the last characters hold bits of the neighbours too.
        let first = (before * 8).div_ceil(6);
        forms.push(encoded[first..shifted.len() * 8 / 6].to_owned());
    }
    let bytes: Vec<String> = SENTINEL.bytes().map(|byte| byte.to_string()).collect();
    forms.push(bytes.join(", "));
    forms
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    let encoded = BASE64_STANDARD_NO_PAD.encode(bytes);
    // So that it is the same in the alphabet for URLs.
    assert!(
        !encoded.contains(['+', '/']),
        "{encoded}: choose another text"
    );
    encoded
}

pub(crate) fn pool() -> DescriptorPool {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    gitpod_build::descriptors::pool(&proto).unwrap()
}

pub(crate) fn is_secret(field: &FieldDescriptor) -> bool {
    let options = field.options();
    let mark = options.get_field_by_name("debug_redact");
    mark.and_then(|mark| mark.as_bool()).unwrap_or_default()
}

/// For each secret that such a message can hold, at whatever depth, a message with that one alone.
pub(crate) fn plantings(message: &MessageDescriptor) -> Vec<DynamicMessage> {
    plantings_of(SENTINEL, message)
}

/// The same with another secret than [`SENTINEL`].
pub(crate) fn plantings_of(secret: &str, message: &MessageDescriptor) -> Vec<DynamicMessage> {
    let mut plantings = Vec::new();
    for field in message.fields() {
        for value in values(secret, &field) {
            let mut planting = DynamicMessage::new(message.clone());
            planting.set_field(&field, value);
            plantings.push(planting);
        }
    }
    plantings
}

fn values(secret: &str, field: &FieldDescriptor) -> Vec<Value> {
    if let Kind::Message(entry) = field.kind()
        && field.is_map()
    {
        let inner = entry.map_entry_value_field();
        // A key of a secret map is no less secret.
        let (key, inner) = if is_secret(field) {
            (secret, vec![text(secret, &inner)])
        } else {
            ("key", values(secret, &inner))
        };
        return inner
            .into_iter()
            .map(|value| Value::Map([(MapKey::String(key.to_owned()), value)].into()))
            .collect();
    }
    let single = match field.kind() {
        _ if is_secret(field) => vec![text(secret, field)],
        Kind::Message(message) => {
            let messages = plantings_of(secret, &message).into_iter();
            messages.map(Value::Message).collect()
        }
        _ => Vec::new(),
    };
    if field.is_list() {
        return single
            .into_iter()
            .map(|value| Value::List(vec![value]))
            .collect();
    }
    single
}

fn text(secret: &str, field: &FieldDescriptor) -> Value {
    match field.kind() {
        Kind::String => Value::String(secret.to_owned()),
        Kind::Bytes => Value::Bytes(secret.as_bytes().to_vec().into()),
        kind => panic!("{} is of {kind:?}: how is one printed?", field.full_name()),
    }
}

#[test]
fn the_forms_are_what_would_be_printed() {
    let forms = forms();
    let text = format!("xy{SENTINEL}z");
    for (before, form) in (0..3).zip(&forms[1..]) {
        let encoded = base64(&text.as_bytes()[2 - before..]);
        assert!(form.len() > 30 && encoded.contains(form.as_str()), "{form}");
    }
    assert!(format!("{:?}", text.as_bytes()).contains(&forms[4]));
}
