//! Protobuf's JSON mapping, to the letter: how each kind of value is written and
//! read.
//!
//! The code that pbjson-build generates knows the fields of a message and their
//! names. It implements and calls `serde::Serialize` and `serde::Deserialize`,
//! but where it is included, `serde` is the module [`serde`] below: the traits
//! are those of this module, with implementations of ours for every scalar,
//! container, enum and well-known type, and only messages' are generated. The
//! macro `messages!` then makes serde's own traits of them.
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
pub(crate) use bytes::{BytesDeserialize, encode};
pub(crate) use enumeration::{Enumeration, OpenEnum, closed, enums};
#[allow(unused_imports, reason = "not every choice of features has a oneof")]
pub(crate) use message::member;
pub(crate) use message::{FieldName, messages};
pub(crate) use number::NumberDeserialize;

use self::message::{AsSerde, Element, Field, Key, Name, nullable};

/// What the generated code takes for the crate `serde`.
pub(crate) mod serde {
    pub(crate) use super::{Deserialize, Serialize};
    pub(crate) use ::serde::{Deserializer, Serializer};

    pub(crate) mod ser {
        pub(crate) use super::super::SerializeStruct;
        pub(crate) use ::serde::ser::Error;
    }

    pub(crate) mod de {
        pub(crate) use super::super::MapAccess;
        pub(crate) use ::serde::de::{Error, IgnoredAny, Visitor};
    }
}

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
pub(crate) trait SerializeStruct {
    type Ok;
    type Error;

    fn serialize_field<T>(&mut self, name: &'static str, value: &T) -> Result<(), Self::Error>
    where
        T: Serialize + ?Sized;

    fn end(self) -> Result<Self::Ok, Self::Error>;
}

impl<S> SerializeStruct for S
where
    S: ::serde::ser::SerializeStruct,
{
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_field<T>(&mut self, name: &'static str, value: &T) -> Result<(), S::Error>
    where
        T: Serialize + ?Sized,
    {
        ::serde::ser::SerializeStruct::serialize_field(self, name, &AsSerde(value))
            .map_err(|error| in_field(name, error))
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        ::serde::ser::SerializeStruct::end(self)
    }
}

/// Names the field that an error is about. What can't be written is a time out of range, and its
/// own text can't tell which.
#[cold]
fn in_field<E: ::serde::ser::Error>(name: &'static str, error: E) -> E {
    E::custom(format_args!("{name}: {error}"))
}

/// serde's trait of this name, for keys and values of ours.
pub(crate) trait MapAccess<'de> {
    type Error: ::serde::de::Error;

    fn next_key<K>(&mut self) -> Result<Option<K>, Self::Error>
    where
        K: FieldName;

    fn next_value<T>(&mut self) -> Result<T, Self::Error>
    where
        T: Deserialize<'de>;
}

impl<'de, A> MapAccess<'de> for A
where
    A: ::serde::de::MapAccess<'de>,
{
    type Error = A::Error;

    fn next_key<K>(&mut self) -> Result<Option<K>, A::Error>
    where
        K: FieldName,
    {
        let key = ::serde::de::MapAccess::next_key::<Name<K>>(self)?;
        Ok(key.map(|Name(key)| key))
    }

    fn next_value<T>(&mut self) -> Result<T, A::Error>
    where
        T: Deserialize<'de>,
    {
        ::serde::de::MapAccess::next_value::<Field<T>>(self).map(|Field(value)| value)
    }
}
