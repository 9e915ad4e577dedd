//! Between our traits and serde's.

use std::fmt;
use std::marker::PhantomData;

use ::serde::de::{DeserializeSeed, Error, IgnoredAny, Visitor};
use ::serde::ser::SerializeStruct;

use super::{Deserialize, Serialize};

/// Makes our traits and serde's of what is generated for messages.
macro_rules! messages {
    ($($message:ty,)*) => {$(
        impl crate::json::Serialize for $message {
            fn serialize<S>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error>
            where
                S: ::serde::Serializer,
            {
                crate::json::write(self, serializer)
            }
        }

        impl<'de> crate::json::Deserialize<'de> for $message {
            fn deserialize<D>(deserializer: D) -> ::core::result::Result<Self, D::Error>
            where
                D: ::serde::Deserializer<'de>,
            {
                crate::json::read(deserializer)
            }
        }

        impl ::serde::Serialize for $message {
            fn serialize<S>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error>
            where
                S: ::serde::Serializer,
            {
                crate::json::write(self, serializer)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $message {
            fn deserialize<D>(deserializer: D) -> ::core::result::Result<Self, D::Error>
            where
                D: ::serde::Deserializer<'de>,
            {
                crate::json::read(deserializer)
            }
        }
    )*};
}

pub(crate) use messages;

/// A value of ours as serde takes it.
pub(crate) struct AsSerde<'a, T: ?Sized>(pub(crate) &'a T);

impl<T> ::serde::Serialize for AsSerde<'_, T>
where
    T: Serialize + ?Sized,
{
    fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: ::serde::Serializer,
    {
        self.0.serialize(serializer)
    }
}

/// A message that is written field by field. Generated.
pub(crate) trait SerializeFields: ::prost::Name {
    /// Hands over each field that is present, under its JSON name.
    fn serialize_fields<F>(&self, fields: &mut F)
    where
        F: Fields;
}

/// What takes the fields of a message.
pub(crate) trait Fields {
    fn field<T>(&mut self, name: &'static str, value: &T)
    where
        T: Serialize + ?Sized;
}

/// How many fields there are.
struct Count(usize);

impl Fields for Count {
    fn field<T>(&mut self, _name: &'static str, _value: &T)
    where
        T: Serialize + ?Sized,
    {
        self.0 += 1;
    }
}

/// Fields as they are written, up to the first that can't be.
struct Written<S>
where
    S: SerializeStruct,
{
    to: S,
    result: Result<(), S::Error>,
}

impl<S> Fields for Written<S>
where
    S: SerializeStruct,
{
    fn field<T>(&mut self, name: &'static str, value: &T)
    where
        T: Serialize + ?Sized,
    {
        if self.result.is_ok() {
            self.result = self
                .to
                .serialize_field(name, &AsSerde(value))
                .map_err(|error| in_field(name, error));
        }
    }
}

/// Names the field that an error is about. What can't be written is a time out of range, and its
/// own text can't tell which.
#[cold]
fn in_field<E: ::serde::ser::Error>(name: &'static str, error: E) -> E {
    E::custom(format_args!("{name}: {error}"))
}

/// Writes a message.
pub(crate) fn write<M, S>(message: &M, serializer: S) -> Result<S::Ok, S::Error>
where
    M: SerializeFields,
    S: ::serde::Serializer,
{
    let mut count = Count(0);
    message.serialize_fields(&mut count);
    let mut written = Written {
        to: serializer.serialize_struct(M::NAME, count.0)?,
        result: Ok(()),
    };
    message.serialize_fields(&mut written);
    written.result?;
    written.to.end()
}

/// What has a text of its own, written as a string: 64-bit integers.
#[allow(
    dead_code,
    reason = "not every choice of features has an integer of 64 bits"
)]
pub(crate) struct Text<T>(pub(crate) T);

impl<T> Serialize for Text<T>
where
    T: fmt::Display,
{
    fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: ::serde::Serializer,
    {
        serializer.collect_str(&self.0)
    }
}

/// A message that is read field by field. Generated.
pub(crate) trait DeserializeFields: Default + ::prost::Name {
    /// What each field is called, in JSON and in the .proto file.
    const NAMES: &'static [(&'static str, &'static str)];
    /// Whether a field of any other name is an error.
    const STRICT: bool = false;

    /// Reads the value of the field whose names are at this index.
    fn deserialize_field<'de, A>(&mut self, index: usize, map: &mut A) -> Result<(), A::Error>
    where
        A: super::MapAccess<'de>;
}

/// Which fields have been read: words of bits.
const SEEN: usize = 4;

/// Reads a message. A field that comes twice is an error, whichever of its names is used.
pub(crate) fn read<'de, M, D>(deserializer: D) -> Result<M, D::Error>
where
    M: DeserializeFields,
    D: ::serde::Deserializer<'de>,
{
    struct Message<M>(PhantomData<M>);

    impl<'de, M> Visitor<'de> for Message<M>
    where
        M: DeserializeFields,
    {
        type Value = M;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "struct {}.{}", M::PACKAGE, M::NAME)
        }

        fn visit_map<A>(self, mut map: A) -> Result<M, A::Error>
        where
            A: ::serde::de::MapAccess<'de>,
        {
            const { assert!(M::NAMES.len() <= SEEN * u64::BITS as usize) }

            let mut message = M::default();
            let mut seen = [0_u64; SEEN];
            let mut next = 0;
            while let Some(index) = map.next_key_seed(FieldIndex::<M>(next, PhantomData))? {
                let Some(index) = index else {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                };
                let (word, bit) = (index / 64, 1 << (index % 64));
                if seen[word] & bit != 0 {
                    return Err(A::Error::duplicate_field(M::NAMES[index].0));
                }
                seen[word] |= bit;
                next = index + 1;
                message.deserialize_field(index, &mut map)?;
            }
            Ok(message)
        }
    }

    deserializer.deserialize_map(Message(PhantomData))
}

/// Reads a field's name, most likely the one at an index. There is none of a field that nobody knows.
struct FieldIndex<M>(usize, PhantomData<M>);

impl<'de, M> DeserializeSeed<'de> for FieldIndex<M>
where
    M: DeserializeFields,
{
    type Value = Option<usize>;

    fn deserialize<D>(self, deserializer: D) -> Result<Self::Value, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        deserializer.deserialize_identifier(self)
    }
}

impl<M> Visitor<'_> for FieldIndex<M>
where
    M: DeserializeFields,
{
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E>
    where
        E: Error,
    {
        let index = index(M::NAMES, self.0, name);
        if M::STRICT && index.is_none() {
            return Err(E::custom("a field that the message doesn't have"));
        }
        Ok(index)
    }
}

/// Fields mostly come in the order in which they were declared: the search begins behind the last one.
fn index(names: &[(&str, &str)], next: usize, name: &str) -> Option<usize> {
    let is_it = |(json, proto): &(&str, &str)| *json == name || *proto == name;
    let (before, after) = names.split_at(next);
    match after.iter().position(is_it) {
        Some(index) => Some(next + index),
        None => before.iter().position(is_it),
    }
}

/// A key of a map, read by serde.
pub(crate) struct Key<K>(pub(crate) K);

impl<'de, K> ::serde::Deserialize<'de> for Key<K>
where
    K: Deserialize<'de>,
{
    fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        K::deserialize_key(deserializer).map(Self)
    }
}

/// A field's value, read by serde.
pub(crate) struct Field<T>(pub(crate) T);

impl<'de, T> ::serde::Deserialize<'de> for Field<T>
where
    T: Deserialize<'de>,
{
    fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        T::deserialize_field(deserializer).map(Self)
    }
}

/// An element of a list or a map, read by serde.
pub(crate) struct Element<T>(pub(crate) Option<T>);

impl<'de, T> ::serde::Deserialize<'de> for Element<T>
where
    T: Deserialize<'de>,
{
    fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        T::deserialize_element(deserializer).map(Self)
    }
}

/// Reads a value or `null`; `None` also if the value is one to be left out.
pub(super) fn nullable<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: ::serde::Deserializer<'de>,
{
    struct Nullable<T>(PhantomData<T>);

    impl<'de, T> Visitor<'de> for Nullable<T>
    where
        T: Deserialize<'de>,
    {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a value or null")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D>(self, deserializer: D) -> Result<Self::Value, D::Error>
        where
            D: ::serde::Deserializer<'de>,
        {
            T::deserialize_element(deserializer)
        }
    }

    deserializer.deserialize_option(Nullable(PhantomData))
}

impl<'de, T> Deserialize<'de> for Option<T>
where
    T: Deserialize<'de>,
{
    fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        T::deserialize_nullable(deserializer)
    }
}

/// Sets a oneof to a member that was read. `null` is no member, wherever it stands, and any other
/// second one is an error.
pub(crate) fn member<T, E>(
    oneof: &mut Option<T>,
    read: Option<T>,
    name: &'static str,
) -> Result<(), E>
where
    E: Error,
{
    if read.is_some() {
        if oneof.is_some() {
            return Err(E::duplicate_field(name));
        }
        *oneof = read;
    }
    Ok(())
}

/// A message within itself.
impl<'de, T> Deserialize<'de> for Box<T>
where
    T: Deserialize<'de>,
{
    fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        T::deserialize(deserializer).map(Box::new)
    }
}

impl<T> Serialize for Box<T>
where
    T: Serialize,
{
    fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: ::serde::Serializer,
    {
        (**self).serialize(serializer)
    }
}

impl<T> Serialize for &T
where
    T: Serialize + ?Sized,
{
    fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: ::serde::Serializer,
    {
        (**self).serialize(serializer)
    }
}
