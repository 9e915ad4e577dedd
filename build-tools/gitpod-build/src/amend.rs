//! pbjson-build's text is changed here, and by [`fields`], which is called from here: what name resolution,
//! `exclude` and `extern_path` can't reach. Each change is counted, and the counts are those of the descriptors.

use prost_reflect::{Kind, MessageDescriptor};

use crate::json::Unknown;
use crate::{Error, fields};

/// How often pbjson-build has to write each thing that is changed here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// One a field whose values are of an enum: its number is taken with a cast, and our open enum
    /// has it in a field.
    enums: usize,
    /// Each is a statement in what writes the message and one in what reads it.
    fields: fields::Found,
    /// One a map whose values need a conversion: they are collected in random order.
    maps: usize,
}

impl Counts {
    pub(crate) fn of(messages: &[MessageDescriptor]) -> Self {
        let mut counts = Self::default();
        for message in messages {
            counts.add(message);
        }
        counts
    }

    fn add(&mut self, message: &MessageDescriptor) {
        for field in message.fields() {
            let value = match field.kind() {
                Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
                kind => kind,
            };
            let is_enum = matches!(value, Kind::Enum(_));
            self.enums += usize::from(is_enum);
            let is_converted = is_enum
                || matches!(
                    value,
                    Kind::Int64
                        | Kind::Sint64
                        | Kind::Sfixed64
                        | Kind::Uint64
                        | Kind::Fixed64
                        | Kind::Bytes
                );
            self.maps += usize::from(field.is_map() && is_converted);
            self.fields.written += 1;
            self.fields.read += 1;
            let oneof = field.containing_oneof();
            self.fields.members += usize::from(oneof.is_some_and(|oneof| !oneof.is_synthetic()));
        }
    }
}

/// Makes all changes.
pub(crate) fn amend(code: &str, unknown: Unknown, expected: &Counts) -> Result<String, Error> {
    let mut found = Counts::default();
    let code = enums(code, &mut found.enums);
    let code = maps(&code, &mut found.maps);
    let code = fields::condense(&code, unknown, &mut found.fields)?;
    if found != *expected {
        return Err(Error::new(format!(
            "pbjson-build writes other code than this crate was made for: {found:?} where the \
             descriptors have {expected:?}. Exact JSON isn't certain any more; see amend.rs of gitpod-build"
        )));
    }
    Ok(code)
}

/// `x as i32` becomes `x.0`.
fn enums(code: &str, found: &mut usize) -> String {
    const CAST: &str = " as i32";
    let mut amended = String::with_capacity(code.len());
    let mut rest = code;
    // Each is a whole expression as 0.9 writes it; anything else that has
    // `as i32` in it is caught by the count, and by the compiler.
    while let Some((before, after)) = rest.split_once(CAST) {
        amended.push_str(before);
        if before.ends_with(['x', 'v', '?']) {
            amended.push_str(".0");
            *found += 1;
        } else {
            amended.push_str(CAST);
        }
        rest = after;
    }
    amended.push_str(rest);
    amended
}

fn maps(code: &str, found: &mut usize) -> String {
    const RANDOM: &str = "let v: std::collections::HashMap<_, _> = ";
    const ORDERED: &str = "let v: std::collections::BTreeMap<_, _> = ";
    *found = code.matches(RANDOM).count();
    code.replace(RANDOM, ORDERED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_become_field_accesses() {
        let mut found = 0;
        let code = "map(|x| x as i32) next::<E>()? as i32) (k, v as i32) other as i32";
        let amended = enums(code, &mut found);
        assert_eq!(
            amended,
            "map(|x| x.0) next::<E>()?.0) (k, v.0) other as i32"
        );
        assert_eq!(found, 3);
    }

    #[test]
    fn maps_are_ordered() {
        let mut found = 0;
        let code = "let v: std::collections::HashMap<_, _> = self.sizes.iter()";
        assert_eq!(
            maps(code, &mut found),
            "let v: std::collections::BTreeMap<_, _> = self.sizes.iter()"
        );
        assert_eq!(found, 1);
    }

    #[test]
    fn code_of_another_generator_is_refused() {
        let expected = Counts {
            enums: 2,
            ..Counts::default()
        };
        let error = |code| {
            amend(code, Unknown::Ignored, &expected)
                .unwrap_err()
                .to_string()
        };
        assert!(error("x as i32").contains("enums: 1"));
        assert!(error("into_i32(x) x as i32").contains("enums: 1"));
        assert!(
            error("x as i32 v as i32 impl serde::Serialize for A {")
                .contains("serde::Serialize for A")
        );
    }
}
