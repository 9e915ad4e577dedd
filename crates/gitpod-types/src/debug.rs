//! What the generated `Debug` of messages with secrets is made of.

use std::collections::BTreeMap;
use std::fmt;

/// A field that is marked as a secret. Whether it is there may be known.
pub(crate) enum Secret {
    Present,
    /// Nothing is there, and prints so.
    Absent(&'static str),
}

pub(crate) fn secret(is_present: bool, absent: &'static str) -> Secret {
    if is_present {
        Secret::Present
    } else {
        Secret::Absent(absent)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Present => "[redacted]",
            Self::Absent(absent) => absent,
        })
    }
}

/// An enum's value by name, or by number if it has none.
pub(crate) enum Named<E> {
    Known(E),
    Unknown(i32),
}

pub(crate) fn enumeration<E>(number: i32) -> Named<E>
where
    E: TryFrom<i32>,
{
    E::try_from(number).map_or(Named::Unknown(number), Named::Known)
}

impl<E: fmt::Debug> fmt::Debug for Named<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => value.fmt(f),
            Self::Unknown(number) => number.fmt(f),
        }
    }
}

#[allow(dead_code, reason = "only some features have a message that needs it")]
pub(crate) fn list<T: Copy, S>(values: &[T], show: impl Fn(T) -> S) -> Vec<S> {
    values.iter().copied().map(show).collect()
}

#[allow(dead_code, reason = "only some features have a message that needs it")]
pub(crate) fn map<K: Ord, T: Copy, S>(
    values: &BTreeMap<K, T>,
    show: impl Fn(T) -> S,
) -> BTreeMap<&K, S> {
    values
        .iter()
        .map(|(key, value)| (key, show(*value)))
        .collect()
}
