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
                // Every integer that a float holds fits i128, or is out of range. The least i64 is
                // among what an integer below it is rounded to, and never written so itself.
                if value.fract() != 0.0 || value == i64::MIN as f64 {
                    return None;
                }
                Self::try_from(value as i128).ok()
            }

            fn from_text(text: &str) -> Option<Self> {
                if text.starts_with('+') {
                    return None;
                }
                text.parse().ok().or_else(|| Self::try_from(whole(text)?).ok())
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

/// A number as JSON writes one; Rust's own parser takes `inf`, `+1` and `1.` too.
fn is_decimal(text: &str) -> bool {
    let rest = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = halves(rest, &['e', 'E']);
    let (whole, fraction) = halves(mantissa, &['.']);
    let exponent = exponent.map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    [Some(whole), fraction, exponent]
        .into_iter()
        .flatten()
        .all(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn halves<'a>(text: &'a str, at: &[char]) -> (&'a str, Option<&'a str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn decimal(text: &str) -> Option<f64> {
    let value: f64 = is_decimal(text).then(|| text.parse().ok()).flatten()?;
    value.is_finite().then_some(value)
}

/// The integer that a decimal with a fraction or an exponent is, if it is one. A float has too few
/// digits for that.
fn whole(text: &str) -> Option<i128> {
    if !is_decimal(text) {
        return None;
    }
    let (mantissa, exponent) = halves(text, &['e', 'E']);
    let (whole, fraction) = halves(mantissa, &['.']);
    let fraction = fraction.unwrap_or_default().trim_end_matches('0');
    let value: i128 = format!("{whole}{fraction}").parse().ok()?;
    if value == 0 {
        return Some(0);
    }
    let exponent: i32 = exponent.map_or(Ok(0), str::parse).ok()?;
    let exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
    if exponent >= 0 {
        value.checked_mul(power)
    } else {
        (value % power == 0).then(|| value / power)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_to_the_last_digit() {
        for (text, value) in [
            ("1.0", Some(1)),
            ("-1.50e1", Some(-15)),
            ("1e5", Some(100_000)),
            ("100E-2", Some(1)),
            ("0.000", Some(0)),
            ("0e999999", Some(0)),
            ("-0", Some(0)),
            // A float would have the integer beside it.
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("9223372036854775807.0", Some(i64::MAX)),
            ("-9223372036854775808.0", Some(i64::MIN)),
            ("-9223372036854775809", None),
            ("1.5", None),
            ("15e-1", None),
            ("1e19", None),
            ("1e999999999", None),
            ("1e99999999999", None),
            ("1e-999999999", None),
            ("1.", None),
            (".5e1", None),
            ("1.e5", None),
            ("1e", None),
            ("1e5.0", None),
            ("--1.0", None),
            ("", None),
        ] {
            assert_eq!(i64::from_text(text), value, "{text}");
        }
        assert_eq!(u64::from_text("18446744073709551615.0"), Some(u64::MAX));
        assert_eq!(u64::from_text("-0"), Some(0));
        assert_eq!(u32::from_text("-1.0"), None);
    }

    #[test]
    fn floats_beyond_an_integer_type_are_no_integers() {
        assert_eq!(i64::from_f64(i64::MIN as f64), None);
        assert_eq!(i64::from_f64(i64::MAX as f64), None);
        assert_eq!(
            i64::from_f64((i64::MIN + 1024) as f64),
            Some(i64::MIN + 1024)
        );
        assert_eq!(u64::from_f64(u64::MAX as f64), None);
        assert_eq!(i32::from_f64(-2_147_483_648.0), Some(i32::MIN));
        assert_eq!(i32::from_f64(f64::NAN), None);
        assert_eq!(u32::from_f64(-0.0), Some(0));
    }
}
