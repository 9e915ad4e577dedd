//! Enums, which are open: a number that this build has no name for is kept, and
//! a name that it doesn't know is as if the field were absent.

use std::fmt;
use std::marker::PhantomData;

use ::serde::de::{Error, Visitor};

use super::message::nullable;
use super::{Deserialize, Serialize};

/// An enum that prost generated.
pub(crate) trait Enumeration {
    fn name(number: i32) -> Option<&'static str>;
    fn number(name: &str) -> Option<i32>;
}

/// Implements [`Enumeration`] and serde's traits for prost's enums. Where several names have one number,
/// prost has a variant for one of them, and all come with the enum.
macro_rules! enums {
    ($($enumeration:ty { $($alias:literal = $number:literal)* })*) => {$(
        impl crate::json::Enumeration for $enumeration {
            fn name(number: i32) -> ::core::option::Option<&'static str> {
                <$enumeration>::try_from(number).ok().map(|value| value.as_str_name())
            }

            fn number(name: &str) -> ::core::option::Option<i32> {
                match name {
                    $($alias => ::core::option::Option::Some($number),)*
                    _ => <$enumeration>::from_str_name(name).map(|value| value as i32),
                }
            }
        }

        impl ::serde::Serialize for $enumeration {
            fn serialize<S>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error>
            where
                S: ::serde::Serializer,
            {
                serializer.serialize_str(self.as_str_name())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $enumeration {
            fn deserialize<D>(deserializer: D) -> ::core::result::Result<Self, D::Error>
            where
                D: ::serde::Deserializer<'de>,
            {
                crate::json::closed(deserializer)
            }
        }
    )*};
}

pub(crate) use enums;

/// A number in a field of the enum `E`, with or without a name.
pub(crate) struct OpenEnum<E>(pub(crate) i32, PhantomData<E>);

impl<E> From<i32> for OpenEnum<E> {
    fn from(number: i32) -> Self {
        Self(number, PhantomData)
    }
}

impl<E> Serialize for OpenEnum<E>
where
    E: Enumeration,
{
    fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: ::serde::Serializer,
    {
        match E::name(self.0) {
            Some(name) => serializer.serialize_str(name),
            None => serializer.serialize_i32(self.0),
        }
    }
}

impl<'de, E> Deserialize<'de> for OpenEnum<E>
where
    E: Enumeration,
{
    fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        Self::deserialize_element(deserializer).map(|known| known.unwrap_or(Self::from(0)))
    }

    fn deserialize_field<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        nullable(deserializer).map(|value| value.unwrap_or(Self::from(0)))
    }

    fn deserialize_element<D>(deserializer: D) -> Result<Option<Self>, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        struct Number<E>(PhantomData<E>);

        impl<E> Visitor<'_> for Number<E>
        where
            E: Enumeration,
        {
            type Value = Option<i32>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name or the number of an enum value")
            }

            fn visit_i64<R: Error>(self, number: i64) -> Result<Self::Value, R> {
                i32::try_from(number).map(Some).map_err(|_| too_large())
            }

            fn visit_u64<R: Error>(self, number: u64) -> Result<Self::Value, R> {
                i32::try_from(number).map(Some).map_err(|_| too_large())
            }

            fn visit_f64<R: Error>(self, number: f64) -> Result<Self::Value, R> {
                let whole = number as i32;
                if f64::from(whole) == number {
                    Ok(Some(whole))
                } else {
                    Err(too_large())
                }
            }

            fn visit_str<R: Error>(self, name: &str) -> Result<Self::Value, R> {
                Ok(E::number(name))
            }
        }

        let number = deserializer.deserialize_any(Number::<E>(PhantomData))?;
        Ok(number.map(Self::from))
    }
}

fn too_large<R: Error>() -> R {
    R::custom("not the number of an enum value")
}

/// Reads an enum that stands for itself, outside of a message: it has to be one
/// that this build knows.
pub(crate) fn closed<'de, E, D>(deserializer: D) -> Result<E, D::Error>
where
    E: Enumeration + TryFrom<i32>,
    D: ::serde::Deserializer<'de>,
{
    OpenEnum::<E>::deserialize_element(deserializer)?
        .and_then(|OpenEnum(number, _)| E::try_from(number).ok())
        .ok_or_else(|| D::Error::custom("not a value of this enum"))
}
