//! Enums of which a name has to be known. Numbers are open, whoever reads them.

use std::marker::PhantomData;

use ::serde::de::Error as _;

use crate::json::{Deserialize, Enumeration, OpenEnum, Serialize};

/// A number in a field of the enum `E`, which was a number or a name of it.
pub(crate) struct NamedEnum<E>(pub(crate) i32, PhantomData<E>);

impl<E> From<i32> for NamedEnum<E> {
    fn from(number: i32) -> Self {
        Self(number, PhantomData)
    }
}

impl<E: Enumeration> Serialize for NamedEnum<E> {
    fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        OpenEnum::<E>::from(self.0).serialize(serializer)
    }
}

impl<'de, E: Enumeration> Deserialize<'de> for NamedEnum<E> {
    fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        OpenEnum::<E>::deserialize_element(deserializer)?
            .map(|value| Self::from(value.0))
            .ok_or_else(|| D::Error::custom("not a name of this enum"))
    }

    fn deserialize_field<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value: Option<Self> = Deserialize::deserialize(deserializer)?;
        Ok(value.unwrap_or(Self::from(0)))
    }
}
