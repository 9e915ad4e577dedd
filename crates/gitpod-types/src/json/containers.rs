//! Lists and maps.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use ::serde::de::{SeqAccess, Visitor};
use ::serde::ser::{SerializeMap, SerializeSeq};

use super::message::nullable;
use super::{AsSerde, Deserialize, Element, Key, Serialize};

/// A length that somebody else names is believed up to here.
const MOST_RESERVED: usize = 1024;

impl<T> Serialize for Vec<T>
where
    T: Serialize,
{
    fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: ::serde::Serializer,
    {
        let mut list = serializer.serialize_seq(Some(self.len()))?;
        for element in self {
            list.serialize_element(&AsSerde(element))?;
        }
        list.end()
    }
}

impl<'de, T> Deserialize<'de> for Vec<T>
where
    T: Deserialize<'de>,
{
    fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        struct List<T>(PhantomData<T>);

        impl<'de, T> Visitor<'de> for List<T>
        where
            T: Deserialize<'de>,
        {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A>(self, mut elements: A) -> Result<Self::Value, A::Error>
            where
                A: SeqAccess<'de>,
            {
                let length = elements.size_hint().unwrap_or(0).min(MOST_RESERVED);
                let mut list = Vec::with_capacity(length);
                while let Some(Element(element)) = elements.next_element()? {
                    if let Some(element) = element {
                        list.push(element);
                    }
                }
                Ok(list)
            }
        }

        deserializer.deserialize_seq(List(PhantomData))
    }

    fn deserialize_field<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        nullable(deserializer).map(Option::unwrap_or_default)
    }
}

impl<K, V> Serialize for BTreeMap<K, V>
where
    K: Serialize,
    V: Serialize,
{
    fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: ::serde::Serializer,
    {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self {
            map.serialize_entry(&AsSerde(key), &AsSerde(value))?;
        }
        map.end()
    }
}

impl<'de, K, V> Deserialize<'de> for BTreeMap<K, V>
where
    K: Deserialize<'de> + Ord,
    V: Deserialize<'de>,
{
    fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        struct Map<K, V>(PhantomData<(K, V)>);

        impl<'de, K, V> Visitor<'de> for Map<K, V>
        where
            K: Deserialize<'de> + Ord,
            V: Deserialize<'de>,
        {
            type Value = BTreeMap<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A>(self, mut entries: A) -> Result<Self::Value, A::Error>
            where
                A: ::serde::de::MapAccess<'de>,
            {
                let mut map = BTreeMap::new();
                while let Some(Key(key)) = entries.next_key()? {
                    if let Element(Some(value)) = entries.next_value()? {
                        map.insert(key, value);
                    }
                }
                Ok(map)
            }
        }

        deserializer.deserialize_map(Map(PhantomData))
    }

    fn deserialize_field<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        nullable(deserializer).map(Option::unwrap_or_default)
    }
}
