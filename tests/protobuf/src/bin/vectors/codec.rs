//! The types of the whole API, by name.

use std::collections::HashMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// From one form of a message to another, by way of its type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Codec {
    pub(crate) binary_to_json: fn(&[u8]) -> Result<String, String>,
    pub(crate) json_to_binary: fn(&str) -> Result<Vec<u8>, String>,
    pub(crate) json_to_json: fn(&str) -> Result<String, String>,
    pub(crate) binary_to_binary: fn(&[u8]) -> Result<Vec<u8>, String>,
}

/// All of them.
pub(crate) fn codecs() -> HashMap<&'static str, Codec> {
    let mut codecs = Codecs(HashMap::new());
    visit_messages(&mut codecs);
    codecs.0
}

trait MessageVisitor {
    fn visit<M>(&mut self, full_name: &'static str)
    where
        M: prost::Message + Default + Serialize + DeserializeOwned;
}

include!(concat!(env!("OUT_DIR"), "/registry.rs"));

struct Codecs(HashMap<&'static str, Codec>);

impl MessageVisitor for Codecs {
    fn visit<M>(&mut self, full_name: &'static str)
    where
        M: prost::Message + Default + Serialize + DeserializeOwned,
    {
        let codec = Codec {
            binary_to_json: |binary| write(&decode::<M>(binary)?),
            json_to_binary: |json| Ok(read::<M>(json)?.encode_to_vec()),
            json_to_json: |json| write(&read::<M>(json)?),
            binary_to_binary: |binary| Ok(decode::<M>(binary)?.encode_to_vec()),
        };
        self.0.insert(full_name, codec);
    }
}

fn decode<M: prost::Message + Default>(binary: &[u8]) -> Result<M, String> {
    M::decode(binary).map_err(|error| format!("the binary can't be read: {error}"))
}

fn read<M: DeserializeOwned>(json: &str) -> Result<M, String> {
    serde_json::from_str(json).map_err(|error| format!("the JSON can't be read: {error}"))
}

fn write<M: Serialize>(message: &M) -> Result<String, String> {
    serde_json::to_string(message).map_err(|error| format!("the JSON can't be written: {error}"))
}
