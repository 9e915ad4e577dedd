//! The rules of a message, out of its descriptor's options.

use std::collections::{HashMap, HashSet};

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use super::standard::Standard;
use super::tables;
use crate::Error;

/// The rules of a message. Fields and oneofs are by name, and those without rules aren't there.
#[derive(Debug, Default)]
pub(super) struct MessageRules {
    /// Neither it nor what it holds is checked.
    pub(super) is_disabled: bool,
    pub(super) cel: Vec<Cel>,
    pub(super) oneofs: HashSet<String>,
    pub(super) fields: HashMap<String, FieldRules>,
}

/// The rules of a field, or of the items of one.
#[derive(Debug, Default)]
pub(super) struct FieldRules {
    pub(super) is_required: bool,
    pub(super) ignore: Ignore,
    pub(super) cel: Vec<Cel>,
    pub(super) standard: Standard,
}

/// When a field's rules don't apply.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ignore {
    /// To what isn't there.
    #[default]
    Absent,
    /// Nor to the zero of a field that can't tell it from what isn't there.
    Unpopulated,
    /// Nor to any zero.
    Default,
    /// Never.
    Always,
}

/// A rule in CEL that somebody has written a function for.
#[derive(Debug)]
pub(super) struct Cel {
    pub(super) id: String,
    pub(super) message: String,
    /// What calls the function.
    pub(super) code: &'static str,
}

impl MessageRules {
    /// Reads the rules of a message. What isn't in the tables is left out, and told to `gaps`.
    pub(super) fn read(message: &MessageDescriptor, gaps: &mut Vec<String>) -> Result<Self, Error> {
        let mut rules = Self::default();
        let mut reader = Reader {
            element: message.full_name().to_owned(),
            gaps,
        };
        if let Some(own) = reader.extension(&message.options(), "buf.validate.message")? {
            for (rule, value) in own.fields() {
                match rule.name() {
                    "disabled" => rules.is_disabled = value.as_bool().unwrap_or_default(),
                    "cel" => rules.cel = reader.cel(value)?,
                    name => return Err(reader.unknown(name)),
                }
            }
        }
        for oneof in message.oneofs() {
            reader.element = oneof.full_name().to_owned();
            if let Some(own) = reader.extension(&oneof.options(), "buf.validate.oneof")? {
                for (rule, value) in own.fields() {
                    match rule.name() {
                        "required" if value.as_bool() == Some(true) => {
                            rules.oneofs.insert(oneof.name().to_owned());
                        }
                        "required" => {}
                        name => return Err(reader.unknown(name)),
                    }
                }
            }
        }
        for field in message.fields() {
            reader.element = field.full_name().to_owned();
            if let Some(own) = reader.extension(&field.options(), "buf.validate.field")? {
                let own = reader.field(&field.kind(), own, Some(&field))?;
                rules.fields.insert(field.name().to_owned(), own);
            }
        }
        Ok(rules)
    }

    /// Whether anything is checked, what it holds aside.
    pub(super) fn has_any(&self) -> bool {
        !self.cel.is_empty() || !self.oneofs.is_empty() || !self.fields.is_empty()
    }
}

/// Reads the rules of one element.
pub(super) struct Reader<'a> {
    /// Whose rules they are, for errors.
    element: String,
    gaps: &'a mut Vec<String>,
}

impl Reader<'_> {
    /// The value of an option that is a message.
    fn extension(
        &self,
        options: &DynamicMessage,
        name: &str,
    ) -> Result<Option<DynamicMessage>, Error> {
        let rules = options
            .extensions()
            .find(|(extension, _)| extension.full_name() == name)
            .and_then(|(_, rules)| rules.as_message().cloned());
        if let Some(rules) = &rules {
            self.refuse_unknown(rules)?;
        }
        Ok(rules)
    }

    /// The rules of a value of this kind, which is `field` as a whole or an item of one.
    pub(super) fn field(
        &mut self,
        kind: &Kind,
        rules: DynamicMessage,
        field: Option<&FieldDescriptor>,
    ) -> Result<FieldRules, Error> {
        self.refuse_unknown(&rules)?;
        let mut read = FieldRules::default();
        for (rule, value) in rules.fields() {
            match rule.name() {
                // Of an item, nobody would look at it.
                "required" if field.is_some() => {
                    read.is_required = value.as_bool().unwrap_or_default();
                }
                "ignore" => {
                    read.ignore = match value.as_enum_number() {
                        Some(0) => Ignore::Absent,
                        Some(1) => Ignore::Unpopulated,
                        Some(2) => Ignore::Default,
                        Some(3) => Ignore::Always,
                        _ => return Err(self.unknown("ignore")),
                    };
                }
                "cel" => read.cel = self.cel(value)?,
                name => {
                    let rules = value.as_message().ok_or_else(|| self.unknown(name))?;
                    read.standard = Standard::read(self, kind, name, rules, field)?;
                }
            }
        }
        Ok(read)
    }

    /// Rules in CEL, those that aren't in the table left out.
    fn cel(&mut self, rules: &Value) -> Result<Vec<Cel>, Error> {
        let mut known = Vec::new();
        for rule in rules.as_list().unwrap_or_default() {
            let rule = rule.as_message().ok_or_else(|| self.unknown("cel"))?;
            self.refuse_unknown(rule)?;
            let text = |name| {
                rule.get_field_by_name(name)
                    .and_then(|text| text.as_str().map(str::to_owned))
                    .unwrap_or_default()
            };
            let expression = text("expression");
            match tables::cel(&expression) {
                Some(code) => known.push(Cel {
                    id: text("id"),
                    message: text("message"),
                    code,
                }),
                None => self.gap(&format!("the CEL rule {} ({expression})", text("id"))),
            }
        }
        Ok(known)
    }

    /// Tells that a rule isn't checked.
    pub(super) fn gap(&mut self, rule: &str) {
        self.gaps
            .push(format!("{}: {rule} isn't checked", self.element));
    }

    /// A rule that would be dropped without a word.
    pub(super) fn unknown(&self, rule: &str) -> Error {
        Error::new(format!(
            "{}: {rule} is no validation rule that gitpod-build knows (its src/validate, and \
             src/validate of gitpod-types)",
            self.element
        ))
    }

    /// What the schema of the rules doesn't know, nobody can check.
    pub(super) fn refuse_unknown(&self, rules: &DynamicMessage) -> Result<(), Error> {
        match rules.unknown_fields().next() {
            None => Ok(()),
            Some(unknown) => Err(self.unknown(&format!("number {}", unknown.number()))),
        }
    }
}
