//! What checks lists and maps: as a whole, and each of their items, keys and values.

use std::fmt::Write as _;

use prost_reflect::{FieldDescriptor, Kind};

use super::emit::{Body, indented};
use super::need::{Form, unsupported, whole_need};
use super::read::FieldRules;
use super::standard::Standard;
use super::value::{Place, with_cel};
use crate::{Error, redact};

impl Body<'_> {
    pub(super) fn list(
        &self,
        field: &FieldDescriptor,
        name: &str,
        rules: Option<&FieldRules>,
    ) -> Result<String, Error> {
        let at = format!("at.field({:?})", field.name());
        let mut code = String::new();
        let mut item_rules = None;
        if let Some(rules) = rules {
            let empty = Vec::new();
            let sizes = match &rules.standard {
                Standard::List {
                    sizes,
                    is_unique,
                    items,
                } => {
                    if *is_unique {
                        let _ = writeln!(code, "c.unique({at}, &self.{name});");
                    }
                    item_rules = items.as_deref();
                    sizes
                }
                _ => &empty,
            };
            let need = whole_need(rules);
            if sizes.is_empty() && rules.cel.is_empty() {
                if rules.is_required {
                    let _ = writeln!(code, "c.required({at}, !self.{name}.is_empty());");
                }
            } else {
                let call = format!(
                    "c.list({at}, &self.{name}, {need}, &[{}])",
                    sizes.join(", ")
                );
                code.push_str(&with_cel(&call, &rules.cel, &at));
            }
        }
        let place = Place {
            value: "item".to_owned(),
            form: Form::Bound,
            at: format!("at.item({:?}, index)", field.name()),
        };
        let items = self.value(field, &field.kind(), item_rules, &place)?;
        if !items.is_empty() {
            let _ = write!(
                code,
                "for (index, item) in self.{name}.iter().enumerate() {{\n{}}}\n",
                indented(&items, 1)
            );
        }
        Ok(code)
    }

    pub(super) fn map(
        &self,
        field: &FieldDescriptor,
        name: &str,
        rules: Option<&FieldRules>,
    ) -> Result<String, Error> {
        let kind = field.kind();
        let Some(entry) = kind.as_message() else {
            return Ok(String::new());
        };
        let at = format!("at.field({:?})", field.name());
        let mut code = String::new();
        let (mut key_rules, mut value_rules) = (None, None);
        if let Some(rules) = rules {
            if !rules.cel.is_empty() {
                return Err(unsupported(field, "a CEL rule of a map"));
            }
            if rules.is_required {
                let _ = writeln!(code, "c.required({at}, !self.{name}.is_empty());");
            }
            if let Standard::Map {
                sizes,
                keys,
                values,
            } = &rules.standard
            {
                if !sizes.is_empty() {
                    let need = whole_need(rules);
                    let sizes = sizes.join(", ");
                    let _ = writeln!(
                        code,
                        "c.size({at}, Some(self.{name}.len()), {need}, &[{sizes}]);"
                    );
                }
                (key_rules, value_rules) = (keys.as_deref(), values.as_deref());
            }
        }
        // Not even a path may show what is in a secret.
        let key = if redact::is_redacted(field) {
            "\"[redacted]\""
        } else {
            "key"
        };
        let place = |value: &str, side: &str| Place {
            value: value.to_owned(),
            form: Form::Bound,
            at: format!("at.{side}({:?}, {key})", field.name()),
        };
        let (key_field, value_field) = (entry.map_entry_key_field(), entry.map_entry_value_field());
        let keys = self.value(field, &key_field.kind(), key_rules, &place("key", "key"))?;
        let values = self.value(
            field,
            &value_field.kind(),
            value_rules,
            &place("value", "value"),
        )?;
        if keys.is_empty() && values.is_empty() {
            return Ok(code);
        }
        if key_field.kind() != Kind::String {
            return Err(unsupported(
                field,
                "a rule of a map whose keys aren't strings",
            ));
        }
        let _ = write!(
            code,
            "for ({}, {}) in &self.{name} {{\n{}}}\n",
            if key == "key" || !keys.is_empty() {
                "key"
            } else {
                "_"
            },
            if values.is_empty() { "_" } else { "value" },
            indented(&(keys + &values), 1)
        );
        Ok(code)
    }
}
