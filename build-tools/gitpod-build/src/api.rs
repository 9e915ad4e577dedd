//! An API: the tree of .proto files, compiled and checked.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use prost_reflect::{DescriptorPool, FileDescriptor, ServiceDescriptor};

use crate::json::Unknown;
use crate::selection::{self, Selection};
use crate::{Error, client, descriptors, names, redact, registry, types, validate};

/// A compiled tree of .proto files of one package, ready to generate from.
#[derive(Debug)]
pub struct Api {
    pub(crate) pool: DescriptorPool,
    pub(crate) package: String,
    names: HashSet<String>,
}

impl Api {
    /// Compiles all .proto files below `root`.
    ///
    /// # Errors
    ///
    /// When a file can't be read or doesn't compile, when the files aren't of one
    /// package, and when not every `debug_redact` mark in their text has become
    /// an option of a field.
    pub fn load(root: &Path) -> Result<Self, Error> {
        let files = descriptors::proto_files(root)?;
        let pool = descriptors::pool(root)?;
        let names = files
            .iter()
            .filter_map(|file| file.strip_prefix(root).ok())
            .map(|file| {
                let parts: Vec<_> = file.iter().map(|part| part.to_string_lossy()).collect();
                parts.join("/")
            })
            .collect::<HashSet<_>>();
        let own: Vec<_> = pool
            .files()
            .filter(|file| names.contains(file.name()))
            .collect();
        let package = selection::package(own.iter())?;
        let api = Self {
            pool,
            package,
            names,
        };

        let mut marks = 0;
        for file in files {
            let text = fs::read_to_string(&file)
                .map_err(|error| Error::new(format!("can't read {}: {error}", file.display())))?;
            marks += redaction_marks(&text);
        }
        api.check_redaction(marks)?;
        Ok(api)
    }

    /// The names of all services, without their package.
    pub fn services(&self) -> Vec<String> {
        selection::services(&self.pool, &self.package)
            .iter()
            .map(|service| service.name().to_owned())
            .collect()
    }

    /// The cargo feature that switches a service on: `environment-automation` for
    /// `EnvironmentAutomationService`.
    pub fn feature(service: &str) -> String {
        names::feature(service)
    }

    /// Rust code of the messages and enums that the services reach which `is_on`
    /// says yes to, given their name.
    ///
    /// # Errors
    ///
    /// When prost-build or pbjson-build fails, or generates what isn't expected.
    pub fn types(&self, is_on: impl Fn(&str) -> bool) -> Result<String, Error> {
        let selection = Selection::of(&self.pool, &self.package, &self.selected(is_on));
        types::generate(self, &selection, Unknown::Ignored)
    }

    /// As [`types`](Self::types), but an unknown field in JSON is an error, and so is an unknown
    /// name of an enum value: the code reads these as `crate::strict::NamedEnum`, which the
    /// including crate has to have. For the conformance tests of protobuf, which ask for it.
    ///
    /// # Errors
    ///
    /// The same as those of [`types`](Self::types).
    pub fn strict_types(&self, is_on: impl Fn(&str) -> bool) -> Result<String, Error> {
        let selection = Selection::of(&self.pool, &self.package, &self.selected(is_on));
        types::generate(self, &selection, Unknown::Refused)
    }

    /// Rust code that checks the `buf.validate` rules of the messages that
    /// [`types`](Self::types) generates.
    ///
    /// # Errors
    ///
    /// When a rule is of a kind that this crate doesn't know. One that is stated as
    /// a regular expression or in CEL, and that nobody has written a function for,
    /// is left out: [`unchecked_rules`](Self::unchecked_rules) has those.
    pub fn rules(&self, is_on: impl Fn(&str) -> bool) -> Result<String, Error> {
        let selection = Selection::of(&self.pool, &self.package, &self.selected(is_on));
        validate::generate(self, &selection)
    }

    /// The rules that aren't checked, in words.
    pub fn unchecked_rules(&self) -> Vec<String> {
        validate::gaps(&self.pool, &self.package)
    }

    /// Rust code of the clients of the services which `is_on` says yes to.
    pub fn client(&self, is_on: impl Fn(&str) -> bool) -> String {
        client::generate(self, &self.selected(is_on))
    }

    /// Rust code of a function `visit_messages` that calls `visit::<T>(full_name)` of a
    /// `MessageVisitor`, a trait of the including module, for each message type that
    /// [`types`](Self::types) generates.
    pub fn registry(&self, is_on: impl Fn(&str) -> bool) -> String {
        let selection = Selection::of(&self.pool, &self.package, &self.selected(is_on));
        registry::generate(self, |name| selection.has(name))
    }

    /// The same for each message type that `is_wanted` says yes to, given its full name.
    pub fn registry_of(&self, is_wanted: impl Fn(&str) -> bool) -> String {
        registry::generate(self, is_wanted)
    }

    /// The files of the tree, without those that they import from elsewhere.
    pub(crate) fn files(&self) -> impl Iterator<Item = FileDescriptor> {
        self.pool
            .files()
            .filter(|file| self.names.contains(file.name()))
    }

    /// The path of a message or an enum, seen from the crate of the clients.
    pub(crate) fn rust_path(&self, full_name: &str) -> String {
        match full_name {
            "google.protobuf.Timestamp" | "google.protobuf.Duration" => {
                format!("::gitpod_types::{}", &full_name["google.protobuf.".len()..])
            }
            _ => format!(
                "::gitpod_types::v1::{}",
                names::type_path(&self.package, full_name)
            ),
        }
    }

    fn selected(&self, is_on: impl Fn(&str) -> bool) -> Vec<ServiceDescriptor> {
        selection::services(&self.pool, &self.package)
            .into_iter()
            .filter(|service| is_on(service.name()))
            .collect()
    }

    fn check_redaction(&self, marks: usize) -> Result<(), Error> {
        let fields = self
            .pool
            .all_messages()
            .filter(|message| self.names.contains(message.parent_file().name()))
            .flat_map(|message| message.fields().collect::<Vec<_>>())
            .filter(redact::is_redacted)
            .count();
        if fields == marks {
            return Ok(());
        }
        Err(Error::new(format!(
            "{marks} fields are marked debug_redact in the .proto files, but {fields} in their \
             descriptors: secrets would print"
        )))
    }
}

/// How often a field is marked in this .proto file, comments aside.
fn redaction_marks(text: &str) -> usize {
    let mut marks = 0;
    let mut in_comment = false;
    for line in text.lines() {
        let mut code = String::with_capacity(line.len());
        let mut rest = line;
        while !rest.is_empty() {
            if in_comment {
                match rest.split_once("*/") {
                    Some((_, after)) => {
                        in_comment = false;
                        rest = after;
                    }
                    None => break,
                }
            } else if rest.starts_with("//") {
                break;
            } else if let Some(after) = rest.strip_prefix("/*") {
                in_comment = true;
                rest = after;
            } else {
                let mut characters = rest.chars();
                code.extend(characters.next().filter(|c| !c.is_whitespace()));
                rest = characters.as_str();
            }
        }
        marks += code.matches("debug_redact=true").count();
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_in_comments_do_not_count() {
        let text = "
            // debug_redact = true
            string a = 1 [debug_redact = true]; // debug_redact = true
            string b = 2 [(x) = 1, debug_redact=true]; /* debug_redact = true
            debug_redact = true */ string c = 3 [ debug_redact  =  true ];
            string d = 4 [debug_redact = false];";
        assert_eq!(redaction_marks(text), 3);
    }
}
