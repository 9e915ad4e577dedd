//! Numbers. 64-bit integers are written as strings (by the generated code), and
//! all are read from numbers and strings; `NaN` and infinity are strings.

use std::fmt;
use std::marker::PhantomData;

use ::serde::de::{Error, Visitor};

use super::message::nullable;
use super::{Deserialize, Serialize};

/// A number as the generated code reads it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NumberDeserialize<T>(pub(crate) T);

/// A numeric type of protobuf.
pub(crate) trait Number: Sized + Default {
    const NAME: &'static str;

    fn from_i64(value: i64) -> Option<Self>;
    fn from_u64(value: u64) -> Option<Self>;
    fn from_f64(value: f64) -> Option<Self>;
    fn from_text(text: &str) -> Option<Self>;
}

macro_rules! integer {
    ($($integer:ty),*) => {$(
        impl Number for $integer {
            const NAME: &'static str = stringify!($integer);

            fn from_i64(value: i64) -> Option<Self> {
                Self::try_from(value).ok()
            }

            fn from_u64(value: u64) -> Option<Self> {
                Self::try_from(value).ok()
            }

            fn from_f64(value: f64) -> Option<Self> {
                // Every integer that a float holds fits i128, or is out of range.
                if value.fract() != 0.0 {
                    return None;
                }
                Self::try_from(value as i128).ok()
            }

            fn from_text(text: &str) -> Option<Self> {
                if text.starts_with('+') {
                    return None;
                }
                text.parse().ok().or_else(|| decimal(text).and_then(Self::from_f64))
            }
        }
    )*};
}

integer!(i32, i64, u32, u64);

impl Number for f64 {
    const NAME: &'static str = "f64";

    fn from_i64(value: i64) -> Option<Self> {
        Some(value as f64)
    }

    fn from_u64(value: u64) -> Option<Self> {
        Some(value as f64)
    }

    fn from_f64(value: f64) -> Option<Self> {
        Some(value)
    }

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "NaN" => Some(Self::NAN),
            "Infinity" => Some(Self::INFINITY),
            "-Infinity" => Some(Self::NEG_INFINITY),
            _ => decimal(text),
        }
    }
}

impl Number for f32 {
    const NAME: &'static str = "f32";

    fn from_i64(value: i64) -> Option<Self> {
        Some(value as f32)
    }

    fn from_u64(value: u64) -> Option<Self> {
        Some(value as f32)
    }

    fn from_f64(value: f64) -> Option<Self> {
        let narrow = value as f32;
        (narrow.is_finite() || !value.is_finite()).then_some(narrow)
    }

    fn from_text(text: &str) -> Option<Self> {
        f64::from_text(text).and_then(Self::from_f64)
    }
}

/// A finite number as JSON writes one; Rust's own parser takes `inf` and `+1`
/// too.
fn decimal(text: &str) -> Option<f64> {
    let is_json = text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && text.ends_with(|last: char| last.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    let value: f64 = is_json.then(|| text.parse().ok()).flatten()?;
    value.is_finite().then_some(value)
}

impl<'de, T> Deserialize<'de> for NumberDeserialize<T>
where
    T: Number,
{
    fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        struct NumberVisitor<T>(PhantomData<T>);

        impl<T> NumberVisitor<T> {
            fn finish<E>(number: Option<T>) -> Result<NumberDeserialize<T>, E>
            where
                T: Number,
                E: Error,
            {
                // Without the value: it may be anything that somebody sent.
                number
                    .map(NumberDeserialize)
                    .ok_or_else(|| E::custom(format_args!("not a number that fits {}", T::NAME)))
            }
        }

        impl<T> Visitor<'_> for NumberVisitor<T>
        where
            T: Number,
        {
            type Value = NumberDeserialize<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a string with one")
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
                Self::finish(T::from_i64(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
                Self::finish(T::from_u64(value))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
                Self::finish(T::from_f64(value))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Self::finish(T::from_text(text))
            }
        }

        deserializer.deserialize_any(NumberVisitor(PhantomData))
    }

    fn deserialize_field<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        nullable(deserializer).map(|number| number.unwrap_or(Self(T::default())))
    }
}

macro_rules! as_number {
    ($($number:ty),*) => {$(
        impl Serialize for $number {
            fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
            where
                S: ::serde::Serializer,
            {
                ::serde::Serialize::serialize(self, serializer)
            }
        }
    )*};
}

// 64-bit integers only as the keys of maps.
as_number!(i32, u32, i64, u64);

macro_rules! as_float {
    ($($float:ty),*) => {$(
        impl Serialize for $float {
            fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
            where
                S: ::serde::Serializer,
            {
                if self.is_finite() {
                    ::serde::Serialize::serialize(self, serializer)
                } else if self.is_nan() {
                    serializer.serialize_str("NaN")
                } else if *self > 0.0 {
                    serializer.serialize_str("Infinity")
                } else {
                    serializer.serialize_str("-Infinity")
                }
            }
        }
    )*};
}

as_float!(f32, f64);
