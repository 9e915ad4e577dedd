//! The JSON of every message that OrganizationService reaches, with all fields set and with none.
//!
//! Each is also held against a second implementation, prost-reflect, that works from the
//! descriptors.

use std::fmt::Write as _;
use std::path::Path;

use connect_hyper::Message;
use prost_reflect::prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value,
};

trait MessageVisitor {
    fn visit<M: Message + PartialEq>(&mut self, full_name: &'static str);
}

include!(concat!(env!("OUT_DIR"), "/registry.rs"));

/// Calls a function for each message type's descriptor and its codecs.
struct Each<F> {
    pool: DescriptorPool,
    then: F,
}

impl<F: FnMut(&MessageDescriptor, &dyn Fn(&[u8]) -> String)> MessageVisitor for Each<F> {
    fn visit<M: Message + PartialEq>(&mut self, full_name: &'static str) {
        let descriptor = self.pool.get_message_by_name(full_name).unwrap();
        (self.then)(&descriptor, &|binary| {
            let message = M::decode(binary).unwrap();
            let json = serde_json::to_string(&message).unwrap();
            let back: M = serde_json::from_str(&json).unwrap();
            assert!(back == message, "{full_name}: {json}");
            assert_eq!(back.encode_to_vec(), binary, "{full_name}: {json}");
            json
        });
    }
}

fn pool() -> DescriptorPool {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    gitpod_build::descriptors::pool(&proto).unwrap()
}

/// A message with all its fields set. Of a oneof, the member with this number, counted in rounds.
fn filled(descriptor: &MessageDescriptor, member: usize) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    match descriptor.full_name() {
        "google.protobuf.Timestamp" => {
            message.set_field_by_name("seconds", Value::I64(1_577_470_279));
            message.set_field_by_name("nanos", Value::I32(117_000_000));
            return message;
        }
        "google.protobuf.Duration" => {
            message.set_field_by_name("seconds", Value::I64(15_552_000));
            return message;
        }
        _ => {}
    }
    for field in descriptor.fields() {
        if let Some(oneof) = field
            .containing_oneof()
            .filter(|oneof| !oneof.is_synthetic())
        {
            let chosen = member % oneof.fields().len();
            if oneof.fields().nth(chosen).unwrap() != field {
                continue;
            }
        }
        message.set_field(&field, value(&field, member));
    }
    message
}

fn value(field: &FieldDescriptor, member: usize) -> Value {
    if field.is_map() {
        let Kind::Message(entry) = field.kind() else {
            unreachable!()
        };
        let key = match entry.map_entry_key_field().kind() {
            Kind::String => MapKey::String("key".to_owned()),
            Kind::Int32 => MapKey::I32(-1),
            kind => panic!("no key for {kind:?}"),
        };
        let value = single(&entry.map_entry_value_field(), member);
        return Value::Map([(key, value)].into());
    }
    if field.is_list() {
        return Value::List(vec![single(field, member)]);
    }
    single(field, member)
}

fn single(field: &FieldDescriptor, member: usize) -> Value {
    match field.kind() {
        Kind::Bool => Value::Bool(true),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(i32::MIN),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(i64::MIN),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(u32::MAX),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(u64::MAX),
        Kind::Float => Value::F32(0.5),
        Kind::Double => Value::F64(-1.5),
        Kind::String => Value::String(format!("{} \"\u{fc}\"", field.name())),
        Kind::Bytes => Value::Bytes(vec![0xfb, 0xff].into()),
        Kind::Enum(descriptor) => Value::EnumNumber(descriptor.values().last().unwrap().number()),
        Kind::Message(descriptor) => Value::Message(filled(&descriptor, member)),
    }
}

/// How many ways a message has to be filled so that each member of its own oneofs is set once.
fn rounds(descriptor: &MessageDescriptor) -> usize {
    descriptor
        .oneofs()
        .filter(|oneof| !oneof.is_synthetic())
        .map(|oneof| oneof.fields().len())
        .max()
        .unwrap_or(1)
}

#[test]
fn with_all_fields() {
    let mut snapshot = String::new();
    let mut count = 0;
    visit_messages(&mut Each {
        pool: pool(),
        then: |descriptor: &MessageDescriptor, json: &dyn Fn(&[u8]) -> String| {
            for member in 0..rounds(descriptor) {
                let message = filled(descriptor, member);
                let json = json(&message.encode_to_vec());
                let ours: serde_json::Value = serde_json::from_str(&json).unwrap();
                let theirs = serde_json::to_value(&message).unwrap();
                assert_eq!(ours, theirs, "{}", descriptor.full_name());
                let _ = writeln!(snapshot, "{} {json}", descriptor.full_name());
            }
            count += 1;
        },
    });
    assert!(
        count > 119,
        "the messages of organization.proto alone are 119, and these {count}"
    );
    insta::assert_snapshot!(snapshot);
}

/// A field without presence that has its default is left out.
#[test]
fn with_no_field() {
    let mut snapshot = String::new();
    visit_messages(&mut Each {
        pool: pool(),
        then: |descriptor: &MessageDescriptor, json: &dyn Fn(&[u8]) -> String| {
            let _ = writeln!(snapshot, "{} {}", descriptor.full_name(), json(&[]));
        },
    });
    assert!(snapshot.lines().all(|line| line.ends_with(" {}")));
    insta::assert_snapshot!(snapshot);
}
