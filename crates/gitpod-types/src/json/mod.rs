//! Protobuf's JSON mapping, to the letter: how each kind of value is written and
//! read.
//!
//! The code that pbjson-build generates knows the fields of a message, their names
//! and what each is written and read as; that is [`SerializeFields`] and
//! [`DeserializeFields`]. How it is written and read is here: the traits
//! [`Serialize`] and [`Deserialize`], with implementations for every scalar,
//! container, enum and well-known type, and for messages. The macro `messages!`
//! makes serde's own traits of a message's.
//!
//! What the traits have beyond serde's: a field may be `null` where a list's
//! element may not, and an element may be left out (an enum value that this
//! build doesn't know the name of).

#[allow(
    dead_code,
    reason = "not every choice of features has a field of bytes"
)]
mod bytes;
mod containers;
mod enumeration;
mod message;
mod number;
mod text;
mod wkt;

#[allow(
    unused_imports,
    reason = "not every choice of features has a field of bytes"
)]
pub(crate) use bytes::{Base64, BytesDeserialize, encode};
pub(crate) use enumeration::{Enumeration, OpenEnum, closed, enums};
#[allow(
    unused_imports,
    reason = "not every choice of features has a oneof or an integer of 64 bits"
)]
pub(crate) use message::{
    DeserializeFields, Fields, SerializeFields, Text, member, messages, read, write,
};
pub(crate) use number::NumberDeserialize;

use self::message::{AsSerde, Element, Field, Key, nullable};

/// A value that can be written as protobuf JSON.
pub(crate) trait Serialize {
    fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: ::serde::Serializer;
}

/// A value that can be read from protobuf JSON.
pub(crate) trait Deserialize<'de>: Sized {
    fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>;

    /// As the value of a field: `null` is the default.
    fn deserialize_field<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        Self::deserialize(deserializer)
    }

    /// As the key of a map, which is a string.
    fn deserialize_key<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        Self::deserialize(deserializer)
    }

    /// As the value of a field that may be absent: `None` if it is `null` or to be left out.
    fn deserialize_nullable<D>(deserializer: D) -> Result<Option<Self>, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        nullable(deserializer)
    }

    /// As an element of a list or a map: `None` is left out.
    fn deserialize_element<D>(deserializer: D) -> Result<Option<Self>, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        Self::deserialize(deserializer).map(Some)
    }
}

/// serde's trait of this name, for values of ours.
pub(crate) trait MapAccess<'de> {
    type Error: ::serde::de::Error;

    fn next_value<T>(&mut self) -> Result<T, Self::Error>
    where
        T: Deserialize<'de>;

    /// Reads the value of a field that takes it as it is.
    fn field<T>(&mut self, field: &mut T) -> Result<(), Self::Error>
    where
        T: Deserialize<'de>,
    {
        *field = self.next_value()?;
        Ok(())
    }
}

impl<'de, A> MapAccess<'de> for A
where
    A: ::serde::de::MapAccess<'de>,
{
    type Error = A::Error;

    fn next_value<T>(&mut self) -> Result<T, A::Error>
    where
        T: Deserialize<'de>,
    {
        ::serde::de::MapAccess::next_value::<Field<T>>(self).map(|Field(value)| value)
    }
}
