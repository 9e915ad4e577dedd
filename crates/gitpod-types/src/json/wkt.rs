//! Timestamp and Duration, in place of `pbjson-types`' own mapping.

use std::fmt;
use std::marker::PhantomData;

use ::serde::de::{Error, Visitor};
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

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        deserializer.deserialize_str(Parsed(timestamp::parse, PhantomData))
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        deserializer.deserialize_str(Parsed(duration::parse, PhantomData))
    }
}

struct Parsed<T, P>(P, PhantomData<T>);

impl<T, P> Visitor<'_> for Parsed<T, P>
where
    P: FnOnce(&str) -> Result<T, TimeError>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string with a time")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E>
    where
        E: Error,
    {
        (self.0)(text).map_err(E::custom)
    }
}
