//! The one place where pbjson-build's text is changed: what name resolution, `exclude` and
//! `extern_path` can't reach. Each change is counted, and the counts are those of the descriptors.

use prost_reflect::{Kind, MessageDescriptor};

use crate::Error;

/// How often pbjson-build has to write each thing that is changed here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// One a field whose values are of an enum: its number is taken with a cast, and our open enum
    /// has it in a field.
    enums: usize,
    /// One a message: reading the name of a field is three functions, of which one is the message's.
    names: usize,
    /// One a map whose values need a conversion: they are collected in random order.
    maps: usize,
    /// One a member of a oneof: any second one is refused, and `null` is no member.
    members: usize,
}

impl Counts {
    pub(crate) fn of(messages: &[MessageDescriptor]) -> Self {
        let mut counts = Self::default();
        for message in messages {
            counts.add(message);
        }
        counts.names = messages.len();
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
            let oneof = field.containing_oneof();
            self.members += usize::from(oneof.is_some_and(|oneof| !oneof.is_synthetic()));
        }
    }
}

/// Makes all changes.
pub(crate) fn amend(code: &str, expected: &Counts) -> Result<String, Error> {
    let mut found = Counts::default();
    let code = enums(code, &mut found.enums);
    let code = names(&code, &mut found.names);
    let code = maps(&code, &mut found.maps);
    let code = members(&code, &mut found.members);
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

/// How pbjson-build reads the name of a field: what stands before the signature's end and the body of
/// the function that tells it, and what stands behind.
const NAME_HEAD: &str = "        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, \"expected one of: {:?}\", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str)";
const NAME_TAIL: &str = "                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
";

/// What tells the name of a field becomes a `crate::json::FieldName`, and what is around it goes: there
/// is one for all messages, which costs their users' compilers less.
fn names(code: &str, found: &mut usize) -> String {
    const NEW_HEAD: &str = "        impl crate::json::FieldName for GeneratedField {
                    #[allow(unused_variables)]
                    fn named<E>(value: &str)";
    const NEW_TAIL: &str = "        }\n";

    let mut amended = String::with_capacity(code.len());
    let mut rest = code;
    while let Some((before, after)) = rest.split_once(NAME_HEAD) {
        let Some((body, after)) = after.split_once(NAME_TAIL) else {
            // The count tells.
            break;
        };
        amended.extend([before, NEW_HEAD, body, NEW_TAIL]);
        *found += 1;
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

/// `if x__.is_some() { return Err(…("name")); } x__ = …;` becomes `member(&mut x__, …, "name")?;`,
/// which reads first, and minds a member that is there already only if this one isn't `null`.
fn members(code: &str, found: &mut usize) -> String {
    const READ: &str = "__ = map_.next_value::<::std::option::Option<";
    // An optional field, whose value is mapped to a number.
    const OPTIONAL: &str = ".map(|x| x.0)";

    let mut amended = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(READ) {
        let Some(member) = Member::around(rest, at) else {
            // Nothing that is known: the count tells.
            break;
        };
        if member.value.ends_with(OPTIONAL) {
            amended.push_str(&rest[..member.end]);
        } else {
            amended.push_str(&rest[..member.start]);
            amended.push_str("crate::json::member(&mut ");
            amended.push_str(member.variable);
            amended.push_str(", ");
            amended.push_str(member.value);
            amended.push_str(", ");
            amended.push_str(member.name);
            amended.push_str(")?");
            *found += 1;
        }
        rest = &rest[member.end..];
    }
    amended.push_str(rest);
    amended
}

/// The reading of a field that may be absent, with the check in front of it.
struct Member<'a> {
    start: usize,
    end: usize,
    variable: &'a str,
    name: &'a str,
    value: &'a str,
}

impl<'a> Member<'a> {
    /// The one in this code whose assignment is here.
    fn around(code: &'a str, assignment: usize) -> Option<Self> {
        const ASSIGN: &str = "__ = ";
        let before = &code[..assignment];
        let variable = &before[before.rfind(char::is_whitespace)? + 1..];
        let variable = &code[assignment - variable.len()..assignment + "__".len()];
        let start = before.rfind(&format!("if {variable}.is_some() {{"))?;
        let (_, name) = before[start..].split_once("duplicate_field(")?;
        let (name, _) = name.split_once("));")?;
        let value = &code[assignment + ASSIGN.len()..];
        let end = value.find(';')?;
        Some(Self {
            start,
            end: assignment + ASSIGN.len() + end,
            variable,
            name,
            value: value[..end].trim_end(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBER: &str = "\
        GeneratedField::InviteId => {
            if join_id__.is_some() {
                return Err(serde::de::Error::duplicate_field(\"inviteId\"));
            }
            join_id__ = map_.next_value::<::std::option::Option<_>>()?.map(request::JoinId::InviteId)
;
        }
";

    fn amended(code: &str, expected: Counts) -> String {
        amend(code, &expected).unwrap()
    }

    #[test]
    fn casts_become_field_accesses() {
        let code = "map(|x| x as i32) next::<E>()? as i32) (k, v as i32)";
        let expected = Counts {
            enums: 3,
            ..Counts::default()
        };
        assert_eq!(
            amended(code, expected),
            "map(|x| x.0) next::<E>()?.0) (k, v.0)"
        );
    }

    #[test]
    fn names_are_told_by_one_function() {
        let names = |code: &str| {
            let mut found = 0;
            let amended = names(code, &mut found);
            (amended, found)
        };
        let body = " -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                            Ok(GeneratedField::__SkipField__)
                    }
";
        let code = format!("enum A {{}}\n{NAME_HEAD}{body}{NAME_TAIL}rest");
        let (amended, found) = names(&code);
        assert_eq!(found, 1);
        assert!(
            amended.starts_with(
                "enum A {}\n        impl crate::json::FieldName for GeneratedField {\n"
            )
        );
        assert!(amended.ends_with(&format!("fn named<E>(value: &str){body}        }}\nrest")));
        // Neither half alone.
        for half in [NAME_HEAD, NAME_TAIL] {
            assert_eq!(names(half), (half.to_owned(), 0));
        }
    }

    #[test]
    fn maps_are_ordered() {
        let code = "let v: std::collections::HashMap<_, _> = self.sizes.iter()";
        let expected = Counts {
            maps: 1,
            ..Counts::default()
        };
        assert_eq!(
            amended(code, expected),
            "let v: std::collections::BTreeMap<_, _> = self.sizes.iter()"
        );
    }

    #[test]
    fn members_are_read_before_they_are_minded() {
        let expected = || Counts {
            members: 2,
            ..Counts::default()
        };
        let optional = "
            if size__.is_some() {
                return Err(serde::de::Error::duplicate_field(\"size\"));
            }
            size__ = map_.next_value::<::std::option::Option<E>>()?.map(|x| x.0);
";
        let code = format!("{MEMBER}{optional}{MEMBER}");
        let member = "\
        GeneratedField::InviteId => {
            crate::json::member(&mut join_id__, \
                 map_.next_value::<::std::option::Option<_>>()?.map(request::JoinId::InviteId), \
                 \"inviteId\")?;
        }
";
        assert_eq!(
            amended(&code, expected()),
            format!("{member}{optional}{member}")
        );
        let odd = MEMBER.replace("if join_id__", "if other__");
        assert!(amend(&format!("{MEMBER}{odd}"), &expected()).is_err());
    }

    #[test]
    fn code_of_another_generator_is_refused() {
        let expected = Counts {
            enums: 2,
            ..Counts::default()
        };
        let error = amend("x as i32", &expected).unwrap_err();
        assert!(error.to_string().contains("enums: 1"), "{error}");
        let error = amend("into_i32(x) x as i32", &expected).unwrap_err();
        assert!(error.to_string().contains("enums: 2"), "{error}");
        let error = amend(MEMBER, &expected).unwrap_err();
        assert!(error.to_string().contains("members: 1"), "{error}");
    }
}
