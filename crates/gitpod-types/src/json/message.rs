//! Between our traits and serde's.

use std::fmt;
use std::marker::PhantomData;

use ::serde::de::{Error, IgnoredAny, Visitor};

use super::{Deserialize, Serialize};

/// Makes serde's traits of ours, for messages.
macro_rules! messages {
    ($($message:ty,)*) => {$(
        impl ::serde::Serialize for $message {
            fn serialize<S>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error>
            where
                S: ::serde::Serializer,
            {
                crate::json::Serialize::serialize(self, serializer)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $message {
            fn deserialize<D>(deserializer: D) -> ::core::result::Result<Self, D::Error>
            where
                D: ::serde::Deserializer<'de>,
            {
                crate::json::Deserialize::deserialize(deserializer)
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

/// The fields that a message has, and one more for those that it hasn't.
pub(crate) trait FieldName: Sized {
    /// The field of this name, in JSON or in the .proto file.
    fn named<E>(name: &str) -> Result<Self, E>
    where
        E: Error;
}

/// A field's name, read by serde.
pub(crate) struct Name<K>(pub(crate) K);

impl<'de, K> ::serde::Deserialize<'de> for Name<K>
where
    K: FieldName,
{
    fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        struct NameVisitor<K>(PhantomData<K>);

        impl<K> Visitor<'_> for NameVisitor<K>
        where
            K: FieldName,
        {
            type Value = Name<K>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E>
            where
                E: Error,
            {
                K::named(name).map(Name)
            }
        }

        deserializer.deserialize_identifier(NameVisitor(PhantomData))
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

impl<'de> Deserialize<'de> for IgnoredAny {
    fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        ::serde::Deserialize::deserialize(deserializer)
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
