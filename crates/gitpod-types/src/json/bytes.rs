//! Bytes, as base64.

use std::fmt;

use ::serde::de::{Error, Visitor};
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};

use super::message::nullable;
use super::{Deserialize, Serialize};

/// Padding is accepted and not needed, and bits that pad the last byte are
/// ignored, as protobuf's own parsers do.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const LENIENT_STANDARD: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const LENIENT_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// Writes bytes in the standard alphabet, with padding.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    general_purpose::STANDARD.encode(bytes)
}

/// Bytes as the generated code writes them, where it writes one value.
pub(crate) struct Base64<T>(pub(crate) T);

impl<T> Serialize for Base64<T>
where
    T: AsRef<[u8]>,
{
    fn serialize<S>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        S: ::serde::Serializer,
    {
        serializer.serialize_str(&encode(&self.0))
    }
}

/// Bytes as the generated code reads them: from either alphabet.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct BytesDeserialize<T>(pub(crate) T);

impl<'de, T> Deserialize<'de> for BytesDeserialize<T>
where
    T: From<Vec<u8>> + Default,
{
    fn deserialize<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        struct Base64;

        impl Visitor<'_> for Base64 {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a base64 string")
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E>
            where
                E: Error,
            {
                let engine = if text.contains(['-', '_']) {
                    &LENIENT_URL_SAFE
                } else {
                    &LENIENT_STANDARD
                };
                // base64's own message quotes what it stumbled over.
                engine
                    .decode(text)
                    .map_err(|_| E::custom("not a base64 string"))
            }
        }

        let bytes = deserializer.deserialize_str(Base64)?;
        Ok(Self(bytes.into()))
    }

    fn deserialize_field<D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: ::serde::Deserializer<'de>,
    {
        nullable(deserializer).map(|bytes| bytes.unwrap_or(Self(T::default())))
    }
}
