//! What checks one value: a field that isn't repeated, an item, a key.

use std::fmt::Write as _;

use prost_reflect::{FieldDescriptor, Kind};

use super::emit::{Body, indented};
use super::need::{Form, need, unsupported};
use super::read::{Cel, FieldRules, Ignore};
use super::standard::Standard;
use crate::{Error, names};

/// A value that is checked: how it is reached, and whether it can be absent.
pub(super) struct Place {
    /// `self.name`, or a variable.
    pub(super) value: String,
    pub(super) form: Form,
    /// Where it is, as code.
    pub(super) at: String,
}

impl Body<'_> {
    /// What checks one value: a field that isn't repeated, or an item.
    pub(super) fn value(
        &self,
        field: &FieldDescriptor,
        kind: &Kind,
        rules: Option<&FieldRules>,
        place: &Place,
    ) -> Result<String, Error> {
        let Place { value, form, at } = place;
        let mut code = String::new();
        if let Some(rules) = rules {
            if rules.ignore == Ignore::Always {
                return Ok(code);
            }
            let empty = Vec::new();
            let (standard, quick) = match &rules.standard {
                Standard::Value { rules, quick } => (rules, quick.as_deref()),
                _ => (&empty, None),
            };
            if !standard.is_empty() || !rules.cel.is_empty() {
                let need = need(field, kind, rules, *form)?;
                let (method, argument) = self.argument(field, kind, value, *form)?;
                let call = format!(
                    "c.{method}({at}, {argument}, {need}, &[{}])",
                    standard.join(", ")
                );
                if !rules.cel.is_empty() && matches!(method, "bytes" | "enumeration") {
                    return Err(unsupported(field, "a CEL rule of a value of this type"));
                }
                let call = with_cel(&call, &rules.cel, at);
                // What keeps the rules in most calls isn't even told where it is.
                let quick = quick.filter(|_| rules.cel.is_empty());
                let may_be_absent = !matches!(need, "Need::Present" | "Need::NonZero");
                let guard = match (form, quick) {
                    (Form::Optional, Some(quick)) if may_be_absent => Some(format!(
                        "let Some(value) = &{value} && !{}",
                        quick.replace('$', "value")
                    )),
                    (Form::Optional, None) if may_be_absent => Some(format!("{value}.is_some()")),
                    (Form::Optional, _) | (_, None) => None,
                    (Form::Implicit, Some(quick)) => {
                        Some(format!("!{}", quick.replace('$', &format!("&{value}"))))
                    }
                    (Form::Bound, Some(quick)) => Some(format!("!{}", quick.replace('$', value))),
                };
                match guard {
                    Some(guard) => {
                        let _ = write!(code, "if {guard} {{\n{}}}\n", indented(&call, 1));
                    }
                    None => code.push_str(&call),
                }
            } else if rules.is_required {
                let is_there = match (form, kind) {
                    (Form::Bound, _) => return Err(unsupported(field, "`required` in a oneof")),
                    (Form::Optional, _) => format!("{value}.is_some()"),
                    (Form::Implicit, Kind::String | Kind::Bytes) => format!("!{value}.is_empty()"),
                    (Form::Implicit, Kind::Bool) => value.clone(),
                    (Form::Implicit, Kind::Float | Kind::Double) => {
                        format!("{value}.to_bits() != 0")
                    }
                    (Form::Implicit, _) => format!("{value} != 0"),
                };
                let _ = writeln!(code, "c.required({at}, {is_there});");
            }
        }
        if let Kind::Message(message) = kind
            && self.checked.contains(message.full_name())
        {
            let _ = match form {
                Form::Bound => writeln!(code, "{value}.check(c, &{at});"),
                _ => writeln!(
                    code,
                    "if let Some(value) = &{value} {{\n    value.check(c, &{at});\n}}"
                ),
            };
        }
        Ok(code)
    }

    /// The method that checks values of this kind, and the value as it takes it.
    fn argument(
        &self,
        field: &FieldDescriptor,
        kind: &Kind,
        value: &str,
        form: Form,
    ) -> Result<(&'static str, String), Error> {
        let pick = |implicit: &str, optional: &str, bound: &str| match form {
            Form::Implicit => format!("Some({})", implicit.replace('$', value)),
            Form::Optional => optional.replace('$', value),
            Form::Bound => format!("Some({})", bound.replace('$', value)),
        };
        Ok(match kind {
            Kind::String => ("text", pick("&$", "$.as_deref()", "$")),
            Kind::Bytes => ("bytes", pick("&$", "$.as_deref()", "$")),
            Kind::Int32 => (
                "integer",
                pick("$.into()", "$.map(i64::from)", "(*$).into()"),
            ),
            Kind::Int64 => ("integer", pick("$", "$", "*$")),
            Kind::Double => ("double", pick("$", "$", "*$")),
            Kind::Enum(enumeration) => {
                let path = names::type_path(self.package, enumeration.full_name());
                let number = pick("$", "$", "*$");
                ("enumeration", format!("{number}, v1::{path}::is_valid"))
            }
            Kind::Message(message) if message.full_name() == "google.protobuf.Duration" => {
                ("duration", pick("&$", "$.as_ref()", "$"))
            }
            _ => return Err(unsupported(field, "a rule of a value of this type")),
        })
    }
}

/// A call that hands out what is to be checked further.
pub(super) fn with_cel(call: &str, rules: &[Cel], at: &str) -> String {
    if rules.is_empty() {
        return format!("{call};\n");
    }
    format!(
        "if let Some(this) = {call} {{\n{}}}\n",
        indented(&cel(rules, at), 1)
    )
}

pub(super) fn cel(rules: &[Cel], at: &str) -> String {
    let mut code = String::new();
    for Cel {
        id,
        message,
        code: call,
    } in rules
    {
        let _ = writeln!(code, "c.cel({at}, {call}, {id:?}, {message:?});");
    }
    code
}
