//! The well-known types that the API doesn't use. Their JSON is that of pbjson-types, as far as it
//! goes.

use ::serde::{Deserializer, Serializer};

use crate::json::{Deserialize, Enumeration, Serialize};

macro_rules! as_pbjson_has_it {
    ($($message:ident),*) => {$(
        impl Serialize for pbjson_types::$message {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                ::serde::Serialize::serialize(self, serializer)
            }
        }

        impl<'de> Deserialize<'de> for pbjson_types::$message {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                ::serde::Deserialize::deserialize(deserializer)
            }
        }
    )*};
}

as_pbjson_has_it!(
    Any,
    BoolValue,
    BytesValue,
    DoubleValue,
    FieldMask,
    FloatValue,
    Int32Value,
    Int64Value,
    ListValue,
    StringValue,
    Struct,
    UInt32Value,
    UInt64Value,
    Value
);

impl Enumeration for pbjson_types::NullValue {
    fn name(number: i32) -> Option<&'static str> {
        Self::try_from(number).ok().map(|value| value.as_str_name())
    }

    fn number(name: &str) -> Option<i32> {
        Self::from_str_name(name).map(|value| value as i32)
    }
}
