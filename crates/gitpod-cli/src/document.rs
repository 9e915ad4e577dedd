//! JSON as it was written: members in their order, and those that are there twice.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_json::error::Category;

#[derive(Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads one document. The error says what is wrong and where, and quotes nothing: a value may
    /// be a secret.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| {
            let what = match error.classify() {
                Category::Eof => "it ends too early",
                Category::Syntax | Category::Data | Category::Io => "not valid JSON",
            };
            format!("{what}, at line {} column {}", error.line(), error.column())
        })
    }
}

/// Without what is in it.
impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Json").finish_non_exhaustive()
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree)
    }
}

struct Tree;

impl<'de> Visitor<'de> for Tree {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("not a finite number"))?;
        Ok(Json::Number(number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Json::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut all = Vec::new();
        while let Some(member) = members.next_entry()? {
            all.push(member);
        }
        Ok(Json::Object(all))
    }
}

/// Valid JSON in one line, changed in nothing but the space between its tokens.
pub(crate) fn one_line(json: &[u8]) -> Vec<u8> {
    let (mut in_string, mut is_escaped) = (false, false);
    let is_kept = |byte: &u8| {
        if in_string {
            let ends = *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            in_string = !ends;
            return true;
        }
        in_string = *byte == b'"';
        !byte.is_ascii_whitespace()
    };
    json.iter().copied().filter(is_kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_placed_and_not_quoted() {
        for (text, said) in [
            ("", "it ends too early, at line 1 column 0"),
            ("{\n\"a\": s3cret}", "not valid JSON, at line 2 column 6"),
            ("{\"a\": \"s3cret", "it ends too early, at line 1 column 13"),
            ("{} s3cret", "not valid JSON, at line 1 column 4"),
            ("{\"a\": 1e999}", "not valid JSON, at line 1 column 11"),
        ] {
            assert_eq!(Json::parse(text.as_bytes()).unwrap_err(), said, "{text}");
        }
        assert!(Json::parse(b"\"\xff\"").is_err());
        let deep = "[".repeat(100_000);
        assert!(Json::parse(deep.as_bytes()).is_err());
    }

    #[test]
    fn nothing_is_dropped() {
        let Json::Object(members) = Json::parse(br#"{"b":1,"a":null,"b":[1.5,"x"]}"#).unwrap()
        else {
            panic!("an object");
        };
        let names: Vec<_> = members.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["b", "a", "b"]);
    }

    #[test]
    fn strings_keep_their_spaces() {
        let text = "{ \"a b\" :\r\n\t\"c \\\" \\\\\" , \"d\": [ 1 , \" \" ] }\n";
        assert_eq!(
            one_line(text.as_bytes()),
            b"{\"a b\":\"c \\\" \\\\\",\"d\":[1,\" \"]}"
        );
    }
}
