//! A vector against our types, in every direction.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, MessageDescriptor};

use crate::codec::{Codec, codecs};
use crate::compare;
use crate::vector::Vector;

pub(crate) struct Checker {
    pool: DescriptorPool,
    codecs: HashMap<&'static str, Codec>,
}

impl Checker {
    pub(crate) fn new(pool: DescriptorPool) -> Self {
        Self {
            pool,
            codecs: codecs(),
        }
    }

    /// What differs. An error if there is no such message.
    pub(crate) fn check(&self, vector: &Vector) -> Result<Vec<String>, String> {
        let name = vector.name.as_str();
        let found = self.codecs.get(name);
        let Some((codec, descriptor)) = found.zip(self.pool.get_message_by_name(name)) else {
            return Err(format!("{}: the API has no such message", vector.place()));
        };
        Ok(differences(vector, codec, &descriptor))
    }
}

fn differences(vector: &Vector, codec: &Codec, descriptor: &MessageDescriptor) -> Vec<String> {
    let Vector { json, binary, .. } = vector;
    let is_json = |found: String| compare::json(json, &found);
    let is_binary = |found: Vec<u8>| compare::binary(descriptor, binary, &found);
    [
        (
            "binary to JSON",
            (codec.binary_to_json)(binary).map(is_json),
        ),
        (
            "JSON to binary",
            (codec.json_to_binary)(json).map(is_binary),
        ),
        ("JSON to JSON", (codec.json_to_json)(json).map(is_json)),
        (
            "binary to binary",
            (codec.binary_to_binary)(binary).map(is_binary),
        ),
    ]
    .into_iter()
    .filter_map(|(direction, outcome)| {
        let difference = match outcome {
            Ok(difference) => difference?,
            Err(error) => error,
        };
        Some(format!("{direction}: {difference}"))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn check(name: &str, json: &str, binary: &[u8]) -> Result<Vec<String>, String> {
        let checker = Checker::new(DescriptorPool::decode(crate::API).unwrap());
        checker.check(&Vector {
            line: Some(7),
            name: name.to_owned(),
            json: json.to_owned(),
            binary: binary.to_owned(),
        })
    }

    #[test]
    fn each_direction_is_looked_at() {
        const NAME: &str = "gitpod.v1.ListSCIMConfigurationsRequest";
        let page = "{\"pagination\": {\"pageSize\": 1}}";
        assert_eq!(check(NAME, page, &[10, 2, 8, 1]), Ok(vec![]));
        let both = check(NAME, page, &[10, 2, 8, 2]).unwrap();
        assert_eq!(both.len(), 2, "{both:?}");
        assert!(both[0].starts_with("binary to JSON: .pagination.pageSize"));
        assert!(both[1].starts_with("JSON to binary: "));
        let unread = check(NAME, "[]", &[10]).unwrap();
        assert_eq!(unread.len(), 4, "{unread:?}");
        assert!(unread[2].starts_with("JSON to JSON: the JSON can't be read"));
        assert!(unread[3].starts_with("binary to binary: the binary can't be read"));
        // What a type drops without a word.
        let unknown = check(NAME, "{\"unknown\": 1}", &[]).unwrap();
        assert_eq!(
            unknown,
            [
                "binary to JSON: .unknown is missing",
                "JSON to JSON: .unknown is missing"
            ]
        );
    }

    #[test]
    fn a_message_that_there_is_none_of() {
        let error = check("gitpod.v1.Nothing", "{}", &[]).unwrap_err();
        assert_eq!(
            error,
            "line 7, gitpod.v1.Nothing: the API has no such message"
        );
    }
}
