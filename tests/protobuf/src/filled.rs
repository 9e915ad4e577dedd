//! Messages with all their fields set, by reflection.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};

/// What goes into the fields of a message, where a field doesn't leave a choice.
pub trait Filling {
    /// The value of a field that is no message, or of an element of it.
    fn scalar(&self, field: &FieldDescriptor) -> Value;

    /// Seconds and nanoseconds of a `google.protobuf.Timestamp`.
    fn timestamp(&self) -> (i64, i32);

    /// Seconds and nanoseconds of a `google.protobuf.Duration`.
    fn duration(&self) -> (i64, i32);

    /// The same for one field.
    fn duration_of(&self, _field: &FieldDescriptor) -> (i64, i32) {
        self.duration()
    }

    /// A key of a map whose keys are of this kind.
    fn key(&self, kind: &Kind) -> MapKey {
        match kind {
            Kind::String => MapKey::String("key".to_owned()),
            Kind::Bool => MapKey::Bool(true),
            Kind::Uint32 | Kind::Fixed32 => MapKey::U32(u32::MAX),
            Kind::Uint64 | Kind::Fixed64 => MapKey::U64(u64::MAX),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => MapKey::I64(-1),
            _ => MapKey::I32(-1),
        }
    }
}

/// Values that any field takes, and none of them the default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ordinary;

impl Filling for Ordinary {
    fn scalar(&self, field: &FieldDescriptor) -> Value {
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
            Kind::Enum(descriptor) => {
                Value::EnumNumber(descriptor.values().last().map_or(0, |value| value.number()))
            }
            Kind::Message(descriptor) => Value::Message(DynamicMessage::new(descriptor)),
        }
    }

    fn timestamp(&self) -> (i64, i32) {
        (1_577_470_279, 117_000_000)
    }

    fn duration(&self) -> (i64, i32) {
        (15_552_000, 0)
    }
}

/// A message with all its fields set. Of a oneof, the member with this number, counted in rounds.
pub fn filled(
    descriptor: &MessageDescriptor,
    member: usize,
    filling: &impl Filling,
) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    match descriptor.full_name() {
        "google.protobuf.Timestamp" => return time(descriptor, filling.timestamp()),
        "google.protobuf.Duration" => return time(descriptor, filling.duration()),
        _ => {}
    }
    for field in descriptor.fields() {
        if let Some(oneof) = field
            .containing_oneof()
            .filter(|oneof| !oneof.is_synthetic())
        {
            let chosen = member % oneof.fields().len();
            if oneof.fields().nth(chosen).as_ref() != Some(&field) {
                continue;
            }
        }
        message.set_field(&field, value(&field, member, filling));
    }
    message
}

fn time(descriptor: &MessageDescriptor, (seconds, nanos): (i64, i32)) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    message.set_field_by_name("seconds", Value::I64(seconds));
    message.set_field_by_name("nanos", Value::I32(nanos));
    message
}

/// How many ways a message has to be filled so that each member of its own oneofs is set once.
pub fn rounds(descriptor: &MessageDescriptor) -> usize {
    descriptor
        .oneofs()
        .filter(|oneof| !oneof.is_synthetic())
        .map(|oneof| oneof.fields().len())
        .max()
        .unwrap_or(1)
}

fn value(field: &FieldDescriptor, member: usize, filling: &impl Filling) -> Value {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            let key = filling.key(&entry.map_entry_key_field().kind());
            let value = single(&entry.map_entry_value_field(), member, filling);
            Value::Map([(key, value)].into())
        }
        _ if field.is_list() => Value::List(vec![single(field, member, filling)]),
        _ => single(field, member, filling),
    }
}

fn single(field: &FieldDescriptor, member: usize, filling: &impl Filling) -> Value {
    match field.kind() {
        Kind::Message(descriptor) if descriptor.full_name() == "google.protobuf.Duration" => {
            Value::Message(time(&descriptor, filling.duration_of(field)))
        }
        Kind::Message(descriptor) => Value::Message(filled(&descriptor, member, filling)),
        _ => filling.scalar(field),
    }
}
