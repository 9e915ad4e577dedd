//! What pbjson-build writes for a message, in the form that costs its users' compilers least: what its
//! fields are called, and how each is written and read. What is the same for every message, such as
//! serde's visitors and the check for fields that come twice, is one function for all in `gitpod-types`.

use std::fmt::Write as _;

use crate::Error;
use crate::json::Unknown;

const SERIALIZE: &str = "impl serde::Serialize for ";
const DESERIALIZE: &str = "impl<'de> serde::Deserialize<'de> for ";

/// How many fields there were.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) written: usize,
    pub(crate) read: usize,
    /// Those that are members of a oneof.
    pub(crate) members: usize,
}

/// Changes both implementations of every message.
pub(crate) fn condense(code: &str, unknown: Unknown, found: &mut Found) -> Result<String, Error> {
    let mut condensed = String::with_capacity(code.len() / 2);
    let mut rest = code;
    while let Some(at) = rest.find("impl") {
        condensed.push_str(&rest[..at]);
        let block = &rest[at..];
        let end = block
            .find("\n}\n")
            .ok_or_else(|| other(block, "no end of an implementation"))?;
        let (block, after) = block.split_at(end + "\n}\n".len());
        if let Some(block) = block.strip_prefix(SERIALIZE) {
            serialize(block, &mut condensed, found)
        } else if let Some(block) = block.strip_prefix(DESERIALIZE) {
            deserialize(block, unknown, &mut condensed, found)
        } else {
            None
        }
        .ok_or_else(|| other(block, "an implementation of another form"))?;
        rest = after;
    }
    condensed.push_str(rest);
    Ok(condensed)
}

fn other(block: &str, what: &str) -> Error {
    let line = block.lines().next().unwrap_or_default();
    Error::new(format!(
        "pbjson-build writes other code than this crate was made for: {what}, `{line}`"
    ))
}

/// Each field's statement stays, and says `fields.field(…)`.
fn serialize(block: &str, to: &mut String, found: &mut Found) -> Option<()> {
    let (path, body) = block.split_once(" {\n")?;
    let (_, body) = body.split_once("serializer.serialize_struct(")?;
    let (_, body) = body.split_once(";\n")?;
    let (body, _) = body.split_once("        struct_ser.end()\n")?;
    let _ = write!(
        to,
        "impl crate::json::SerializeFields for {path} {{
    #[allow(deprecated, unused_variables)]
    fn serialize_fields<F>(&self, fields: &mut F)
    where
        F: crate::json::Fields,
    {{
"
    );
    for line in body.lines() {
        let text = line.trim_start();
        if text.starts_with("#[allow(clippy::") {
            continue;
        }
        // A number becomes an enum's, which can't fail.
        if text.starts_with(".map_err(|_| serde::ser::Error::custom(") {
            to.push_str(if text.ends_with(";") { ";\n" } else { "\n" });
            continue;
        }
        found.written += line.matches("struct_ser.serialize_field(").count();
        let line = line
            .replace("struct_ser.serialize_field(", "fields.field(")
            .replace("::try_from(", "::from(")
            .replace("Ok((k, v))", "(k, v)")
            .replace("::<std::result::Result<_,_>>()?", "()")
            .replace("::<std::result::Result<Vec<_>, _>>()?", "::<Vec<_>>()")
            .replace("ToString::to_string(&", "&crate::json::Text(&")
            .replace(
                "pbjson::private::base64::encode(&",
                "&crate::json::Base64(&",
            )
            .replace(").as_str())?;", "));")
            .replace(")?;", ");");
        to.push_str(&line);
        to.push('\n');
    }
    to.push_str("    }\n}\n");
    Some(())
}

/// Names become a table, and each field's statement is about the message itself.
fn deserialize(block: &str, unknown: Unknown, to: &mut String, found: &mut Found) -> Option<()> {
    let (path, body) = block.split_once(" {\n")?;
    let (names, body) = body.split_once("fn visit_map<V>")?;
    let (arms, message) = body.rsplit_once("                Ok(")?;
    let variables: Vec<_> = message.lines().filter_map(variable).collect();

    let mut fields = Vec::new();
    let _ = write!(
        to,
        "impl crate::json::DeserializeFields for {path} {{
    const NAMES: &'static [(&'static str, &'static str)] = &["
    );
    for line in names.lines() {
        let Some((names, field)) = line.trim_start().split_once(" => Ok(GeneratedField::") else {
            continue;
        };
        let field = field.strip_suffix("),")?;
        if field == "__SkipField__" {
            continue;
        }
        let (json, proto) = names.split_once(" | ").unwrap_or((names, names));
        let _ = write!(to, "({json}, {proto}), ");
        fields.push(field);
    }
    to.push_str("];\n");
    if unknown == Unknown::Refused {
        to.push_str("    const STRICT: bool = true;\n");
    }
    to.push_str(
        "    #[allow(deprecated, unused_variables)]
    fn deserialize_field<'de, A>(&mut self, field: usize, map_: &mut A) -> std::result::Result<(), A::Error>
    where
        A: crate::json::MapAccess<'de>,
    {
        match field {
",
    );
    let mut arms = arms;
    for (index, field) in fields.iter().enumerate() {
        let (_, arm) = arms.split_once(&format!("GeneratedField::{field} => {{\n"))?;
        let (arm, after) = arm.split_once("\n                        }\n")?;
        arms = after;
        let (check, assignment) = arm.split_once("\n                            }\n")?;
        let (_, name) = check.split_once("duplicate_field(")?;
        let (name, _) = name.split_once("));")?;
        let (local, value) = assignment.split_once(" = ")?;
        let value = value.trim().trim_end_matches(';').trim_end();
        let &(name_of_it, _, has_default) = variables
            .iter()
            .find(|(_, variable, _)| *variable == local.trim())?;
        let value = if has_default {
            value.strip_prefix("Some(")?.strip_suffix(")")?.trim()
        } else {
            value
        };
        let _ = write!(to, "            {index} => ");
        let _ = if value == "map_.next_value()?" {
            writeln!(to, "map_.field(&mut self.{name_of_it}),")
        } else if is_member(value) {
            found.members += 1;
            writeln!(
                to,
                "crate::json::member(&mut self.{name_of_it}, {value}, {name}),"
            )
        } else {
            writeln!(to, "{{ self.{name_of_it} = {value}; Ok(()) }}")
        };
        found.read += 1;
    }
    to.push_str("            _ => Ok(()),\n        }\n    }\n}\n");
    Some(())
}

/// A field of the message that is made at the end, the variable that it is made of, and whether it has
/// a default.
fn variable(line: &str) -> Option<(&str, &str, bool)> {
    let (field, variable) = line.trim().strip_suffix(',')?.split_once(": ")?;
    Some(match variable.strip_suffix(".unwrap_or_default()") {
        Some(variable) => (field, variable, true),
        None => (field, variable, false),
    })
}

/// Of what may be absent, all but an optional number: that is mapped to itself.
fn is_member(value: &str) -> bool {
    value.starts_with("map_.next_value::<::std::option::Option<")
        && !value.ends_with(".map(|x| x.0)")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As 0.9 writes it.
    const CODE: &str = r#"impl serde::Serialize for Box {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if !self.id.is_empty() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("toy.v1.Box", len)?;
        if !self.id.is_empty() {
            struct_ser.serialize_field("id", &self.id)?;
        }
        if let Some(v) = self.size.as_ref() {
            #[allow(clippy::needless_borrow)]
            struct_ser.serialize_field("size", ToString::to_string(&v).as_str())?;
        }
        if self.colour != 0 {
            let v = OpenEnum::<Colour>::try_from(self.colour)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.colour)))?;
            struct_ser.serialize_field("colour", &v)?;
        }
        if let Some(v) = self.content.as_ref() {
            match v {
                r#box::Content::TheText(v) => {
                    struct_ser.serialize_field("theText", v)?;
                }
            }
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Box {
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    {
        const FIELDS: &[&str] = &["id", "size", "colour", "the_text", "theText"];
                        match value {
                            "id" => Ok(GeneratedField::Id),
                            "size" => Ok(GeneratedField::Size),
                            "colour" => Ok(GeneratedField::Colour),
                            "theText" | "the_text" => Ok(GeneratedField::TheText),
                            _ => Ok(GeneratedField::__SkipField__),
                        }
            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Box, V::Error>
            {
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Id => {
                            if id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("id"));
                            }
                            id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Size => {
                            if size__.is_some() {
                                return Err(serde::de::Error::duplicate_field("size"));
                            }
                            size__ = 
                                map_.next_value::<::std::option::Option<Number<_>>>()?.map(|x| x.0)
                            ;
                        }
                        GeneratedField::Colour => {
                            if colour__.is_some() {
                                return Err(serde::de::Error::duplicate_field("colour"));
                            }
                            colour__ = Some(map_.next_value::<OpenEnum::<Colour>>()?.0);
                        }
                        GeneratedField::TheText => {
                            if content__.is_some() {
                                return Err(serde::de::Error::duplicate_field("theText"));
                            }
                            content__ = map_.next_value::<::std::option::Option<_>>()?.map(r#box::Content::TheText);
                        }
                        GeneratedField::__SkipField__ => {
                            let _ = map_.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(Box {
                    id: id__.unwrap_or_default(),
                    size: size__,
                    colour: colour__.unwrap_or_default(),
                    content: content__,
                })
            }
    }
}
"#;

    #[test]
    fn every_field_is_found() {
        let mut found = Found::default();
        let code = condense(CODE, Unknown::Ignored, &mut found).unwrap();
        assert_eq!(
            found,
            Found {
                written: 4,
                read: 4,
                members: 1,
            }
        );
        // What it looks like is in the golden files.
        assert!(!code.contains("serde::"), "{code}");
        assert!(!code.contains("STRICT"), "{code}");
        let strict = condense(CODE, Unknown::Refused, &mut found).unwrap();
        assert!(strict.contains("const STRICT: bool = true;"));
    }

    #[test]
    fn another_form_is_refused() {
        for (from, to) in [
            ("struct_ser.end()", "struct_ser.finish()"),
            ("fn visit_map<V>", "fn visit_entries<V>"),
            (
                "id__ = Some(map_.next_value()?)",
                "id__ = map_.next_value()?",
            ),
            ("GeneratedField::Size => {", "GeneratedField::Sizes => {"),
            ("size: size__,", ""),
            ("impl<'de> serde", "impl serde"),
        ] {
            let code = CODE.replace(from, to);
            assert_ne!(code, CODE, "{from}");
            let error = condense(&code, Unknown::Ignored, &mut Found::default()).unwrap_err();
            assert!(
                error.to_string().contains("other code than"),
                "{from}: {error}"
            );
        }
        // A statement that is left out is missed by the count.
        let code = CODE.replace("struct_ser.serialize_field(\"id\", &self.id)?;", "");
        let mut found = Found::default();
        condense(&code, Unknown::Ignored, &mut found).unwrap();
        assert_eq!(found.written, 3);
    }
}
