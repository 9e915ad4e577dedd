//! Strings and booleans: as serde has them, but for `null`.

use std::fmt;

use ::serde::de::{Error, Visitor};

use super::message::nullable;
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
                nullable(deserializer).map(Option::unwrap_or_default)
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
