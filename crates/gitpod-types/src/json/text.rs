//! Strings and booleans: as serde has them, but for `null`.

use std::fmt;
use std::marker::PhantomData;

use ::serde::de::{Error, Visitor};

use super::{Deserialize, Serialize};

impl Serialize for str {
    fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: ::serde::Serializer,
    {
        serializer.serialize_str(self)
    }
}

macro_rules! as_serde {
    ($scalar:ty $(, $key:ident)?) => {
        impl Serialize for $scalar {
            fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
            where
                S: ::serde::Serializer,
            {
                ::serde::Serialize::serialize(self, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $scalar {
            fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
            where
                D: ::serde::Deserializer<'de>,
            {
                ::serde::Deserialize::deserialize(deserializer)
            }

            fn deserialize_field<D>(deserializer: D) -> Result<Self, D::Error>
            where
                D: ::serde::Deserializer<'de>,
            {
                Self::deserialize_nullable(deserializer).map(Option::unwrap_or_default)
            }

            fn deserialize_nullable<D>(deserializer: D) -> Result<Option<Self>, D::Error>
            where
                D: ::serde::Deserializer<'de>,
            {
                // In one step, where an option takes two.
                deserializer.deserialize_any(Nullable::<$scalar>(PhantomData))
            }

            $(
                fn deserialize_key<D>(deserializer: D) -> Result<Self, D::Error>
                where
                    D: ::serde::Deserializer<'de>,
                {
                    deserializer.deserialize_str($key)
                }
            )?
        }
    };
}

as_serde!(String);
as_serde!(bool, BoolKey);

struct Nullable<T>(PhantomData<T>);

impl Visitor<'_> for Nullable<String> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or null")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Some(text))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

impl Visitor<'_> for Nullable<bool> {
    type Value = Option<bool>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false or null")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// A boolean as the key of a map, which is a string. serde_json takes it as it stands there, and not
/// what its escapes stand for.
struct BoolKey;

impl Visitor<'_> for BoolKey {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false as a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(E::custom("neither true nor false")),
        }
    }
}
