//! Strings and booleans: as serde has them, but for `null`.

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
    ($($scalar:ty),*) => {$(
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
        }
    )*};
}

as_serde!(String, bool);
