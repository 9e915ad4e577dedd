//! Timestamp and Duration, in place of `pbjson-types`' own mapping.

use std::fmt;
use std::marker::PhantomData;

use ::serde::de::{Error, Unexpected, Visitor};
use ::serde::ser;

use super::{Deserialize, Serialize};
use crate::time::{TimeError, duration, timestamp};
use crate::{Duration, Timestamp};

impl Serialize for Timestamp {
    fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: ::serde::Serializer,
    {
        let text = timestamp::format(*self).map_err(ser::Error::custom)?;
        serializer.serialize_str(text.as_str())
    }
}

impl Serialize for Duration {
    fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: ::serde::Serializer,
    {
        let text = duration::format(*self).map_err(ser::Error::custom)?;
        serializer.serialize_str(text.as_str())
    }
}

/// Reads either from its text.
macro_rules! from_text {
    ($time:ty, $parse:path) => {
        impl<'de> Deserialize<'de> for $time {
            fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
            where
                D: ::serde::Deserializer<'de>,
            {
                Self::deserialize_nullable(deserializer)?.ok_or_else(|| {
                    D::Error::invalid_type(Unexpected::Unit, &"a string with a time")
                })
            }

            fn deserialize_nullable<D>(deserializer: D) -> Result<Option<Self>, D::Error>
            where
                D: ::serde::Deserializer<'de>,
            {
                // In one step, where an option takes two.
                deserializer.deserialize_any(Parsed($parse, PhantomData))
            }
        }
    };
}

from_text!(Timestamp, timestamp::parse);
from_text!(Duration, duration::parse);

struct Parsed<T, P>(P, PhantomData<T>);

impl<T, P> Visitor<'_> for Parsed<T, P>
where
    P: FnOnce(&str) -> Result<T, TimeError>,
{
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string with a time, or null")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E>
    where
        E: Error,
    {
        (self.0)(text).map(Some).map_err(E::custom)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
