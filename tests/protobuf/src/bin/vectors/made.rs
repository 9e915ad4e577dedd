//! Vectors that prost-reflect writes, a second implementation that goes by the descriptors.

use prost_reflect::prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage as _, Value,
};
use protobuf_tests::filled::{Filling, Ordinary, filled, rounds};

use crate::vector::Vector;

const PACKAGE: &str = "gitpod.v1";

/// Every message of the API, empty and in each filling, with each member of its oneofs.
pub(crate) fn vectors(pool: &DescriptorPool) -> Result<Vec<Vector>, String> {
    let mut vectors = Vec::new();
    for descriptor in pool.all_messages() {
        if descriptor.package_name() != PACKAGE || descriptor.is_map_entry() {
            continue;
        }
        vectors.push(vector(&DynamicMessage::new(descriptor.clone()))?);
        for member in 0..rounds(&descriptor) {
            for message in [
                filled(&descriptor, member, &Ordinary),
                filled(&descriptor, member, &Extreme),
                filled(&descriptor, member, &Zero),
            ] {
                vectors.push(vector(&message)?);
            }
        }
    }
    Ok(vectors)
}

fn vector(message: &DynamicMessage) -> Result<Vector, String> {
    let name = message.descriptor().full_name().to_owned();
    let json = serde_json::to_string(message).map_err(|error| format!("{name}: {error}"))?;
    Ok(Vector {
        line: None,
        name,
        json,
        binary: message.encode_to_vec(),
    })
}

/// The ends of what there is, enum numbers without a name, and what JSON has no number for.
struct Extreme;

impl Filling for Extreme {
    fn scalar(&self, field: &FieldDescriptor) -> Value {
        match field.kind() {
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(i32::MAX),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(i64::MAX),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(1),
            Kind::Uint64 | Kind::Fixed64 => Value::U64((1 << 53) + 1),
            Kind::Float => Value::F32(f32::NEG_INFINITY),
            Kind::Double => Value::F64(f64::NAN),
            Kind::String => Value::String("\u{0}\u{1f}\"\\/\u{2028}\u{1f980}".to_owned()),
            Kind::Bytes => Value::Bytes(vec![0].into()),
            Kind::Enum(_) => Value::EnumNumber(-4711),
            _ => Ordinary.scalar(field),
        }
    }

    fn timestamp(&self) -> (i64, i32) {
        (-62_135_596_800, 1)
    }

    fn duration(&self) -> (i64, i32) {
        (-1, -999_999_000)
    }

    fn key(&self, kind: &Kind) -> MapKey {
        match kind {
            Kind::String => MapKey::String(String::new()),
            _ => Ordinary.key(kind),
        }
    }
}

/// The default of everything: it counts in lists, in maps, and where presence does.
struct Zero;

impl Filling for Zero {
    fn scalar(&self, field: &FieldDescriptor) -> Value {
        Value::default_value(&field.kind())
    }

    fn timestamp(&self) -> (i64, i32) {
        (0, 0)
    }

    fn duration(&self) -> (i64, i32) {
        (0, 0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashSet;

    use super::*;
    use crate::codec::codecs;

    #[test]
    fn every_message_is_among_them() {
        let pool = DescriptorPool::decode(crate::API).unwrap();
        let vectors = vectors(&pool).unwrap();
        let names: HashSet<_> = vectors.iter().map(|vector| vector.name.as_str()).collect();
        assert_eq!(names, codecs().into_keys().collect());
    }
}
