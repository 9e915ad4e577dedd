//! Bodies that hold a secret and can't be read: what an error could quote.

use gitpod_client::Codec;
use prost_reflect::prost::Message as _;
use prost_reflect::prost::encoding::{WireType, encode_key};
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, ReflectMessage as _};
use serde_json::{Value, json};

use crate::plant::SENTINEL;

/// Bodies of such a message in this codec, each spoiled in another way.
pub(crate) fn bodies(planting: &DynamicMessage, codec: Codec) -> Vec<Vec<u8>> {
    match codec {
        Codec::Json => json_bodies(planting),
        _ => binary_bodies(planting),
    }
}

fn json_bodies(planting: &DynamicMessage) -> Vec<Vec<u8>> {
    let right = serde_json::to_value(planting).unwrap();
    let text = right.to_string();
    let mut bodies = vec![
        text[..text.len() - 1].to_owned(),
        text[..text.len() / 2].to_owned(),
        format!("{text}{text}"),
        json!(SENTINEL).to_string(),
        json!([SENTINEL]).to_string(),
        format!("{{{SENTINEL}"),
        format!("{{\"{SENTINEL}"),
        format!("{{\"key\":\"{SENTINEL}\\q\"}}"),
        twice(&text),
    ];
    // The secret itself in another form than that of its field.
    for wrong in [
        json!([[SENTINEL]]),
        json!({SENTINEL: {SENTINEL: SENTINEL}}),
        json!(format!("{SENTINEL}!")),
    ] {
        bodies.push(replaced(&right, &wrong).to_string());
    }
    let misplaced = misplaced(&planting.descriptor());
    bodies.extend(misplaced.iter().map(Value::to_string));
    bodies.into_iter().map(String::into_bytes).collect()
}

/// The same members once more.
fn twice(text: &str) -> String {
    let members = text.trim_start_matches('{').trim_end_matches('}');
    format!("{{{members},{members}}}")
}

/// `value` with another value in each place of a text.
fn replaced(value: &Value, by: &Value) -> Value {
    match value {
        Value::String(_) => by.clone(),
        Value::Array(items) => items.iter().map(|item| replaced(item, by)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), replaced(value, by)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

/// The secret in each field that takes something else than a text.
fn misplaced(message: &MessageDescriptor) -> Vec<Value> {
    message
        .fields()
        .filter(|field| field.is_list() || field.is_map() || field.kind() != Kind::String)
        .flat_map(|field| {
            [
                json!(SENTINEL),
                json!([SENTINEL]),
                json!({SENTINEL: SENTINEL}),
            ]
            .map(|value| json!({ field.json_name(): value }))
        })
        .collect()
}

fn binary_bodies(planting: &DynamicMessage) -> Vec<Vec<u8>> {
    let right = planting.encode_to_vec();
    let mut not_utf8 = right.clone();
    not_utf8[find(&right, SENTINEL.as_bytes()) + SENTINEL.len() - 1] = 0xff;
    let mut bodies = vec![
        right[..right.len() - 1].to_vec(),
        not_utf8,
        SENTINEL.as_bytes().to_vec(),
        [right.as_slice(), &[0xff]].concat(),
    ];
    // As a text in each field, whatever it takes.
    for field in planting.descriptor().fields() {
        let mut body = Vec::new();
        encode_key(field.number(), WireType::LengthDelimited, &mut body);
        body.push(u8::try_from(SENTINEL.len()).unwrap());
        body.extend(SENTINEL.as_bytes());
        bodies.push(body);
    }
    bodies
}

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    let mut windows = bytes.windows(wanted.len());
    windows.position(|window| window == wanted).unwrap()
}
