//! A file's descriptor as the text of a `.proto`.
//!
//! The text is a function of the descriptor and of what is ours in the standing tree, so that a
//! second import changes nothing.

use std::fmt::Write as _;

use prost_reflect::{
    EnumDescriptor, EnumValueDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor,
    MethodDescriptor, OneofDescriptor, ServiceDescriptor, Syntax,
};

use super::{
    comments::{self, Comment, Ours},
    names::{default_json_name, join, reference, short_type},
    options::{Assignment, Options, quote},
    reserved,
};
use crate::Failure;

/// The comment at the head of each file, as it stands after the slashes.
pub(super) const HEADER: &str = " Copyright The Ona Rust SDK authors
 SPDX-License-Identifier: Apache-2.0

 The structure is that of the descriptors in PyPI's gitpod-sdk (Apache-2.0), written by
 `cargo xtask proto import`. The comments and the debug_redact marks are ours, and the import
 keeps them. See UPSTREAM.toml for the version.
";

/// How wide a field with one option may be before the option gets a line of its own.
const WIDTH: usize = 100;

/// The text of `file`, with what `ours` has for it taken out of there.
pub(super) fn print(file: &FileDescriptor, ours: &mut Ours) -> Result<String, Failure> {
    if file.syntax() != Syntax::Proto3 || file.extensions().len() > 0 {
        return Err(Failure::new(format!(
            "{} is not plain proto3: this tool prints no other syntax and no extensions",
            file.name()
        )));
    }
    let mut printer = Printer {
        text: String::new(),
        depth: 0,
        fresh: true,
        ours,
    };
    printer.file(file)?;
    Ok(printer.text)
}

struct Printer<'a> {
    text: String,
    depth: usize,
    /// Whether nothing stands in the present block yet.
    fresh: bool,
    ours: &'a mut Ours,
}

impl Printer<'_> {
    fn file(&mut self, file: &FileDescriptor) -> Result<(), Failure> {
        let name = file.name();
        self.comment_lines(HEADER);
        self.blank();
        self.statement(&comments::place(name, "syntax"), "syntax = \"proto3\";");
        self.blank();
        let package = format!("package {};", file.package_name());
        self.statement(&comments::place(name, "package"), &package);

        self.blank();
        let proto = file.file_descriptor_proto();
        for (index, dependency) in proto.dependency.iter().enumerate() {
            if dependency.starts_with("gnostic/") {
                continue;
            }
            let public = proto
                .public_dependency
                .iter()
                .any(|i| usize::try_from(*i) == Ok(index));
            let public = if public { "public " } else { "" };
            let line = format!("import {public}{};", quote(dependency.as_bytes()));
            self.statement(&comments::import(name, dependency), &line);
        }
        self.blank();
        let options = Options::read(&file.options(), name)?;
        self.option_statements(name, &options);

        for service in file.services() {
            self.blank();
            self.service(&service)?;
        }
        for message in file.messages() {
            self.blank();
            self.message(&message)?;
        }
        for kind in file.enums() {
            self.blank();
            self.enumeration(&kind)?;
        }
        Ok(())
    }

    fn service(&mut self, service: &ServiceDescriptor) -> Result<(), Failure> {
        let name = service.full_name();
        let options = Options::read(&service.options(), name)?;
        self.open(name, &format!("service {} {{", service.name()));
        self.option_statements(name, &options);
        for method in service.methods() {
            self.blank();
            self.method(&method)?;
        }
        self.close();
        Ok(())
    }

    fn method(&mut self, method: &MethodDescriptor) -> Result<(), Failure> {
        let scope = method.parent_service().full_name();
        let key = join(scope, method.name());
        let pool = method.parent_pool();
        let type_name = |message: MessageDescriptor, streaming: bool| {
            let stream = if streaming { "stream " } else { "" };
            format!("{stream}{}", reference(pool, scope, message.full_name()))
        };
        let head = format!(
            "rpc {}({}) returns ({})",
            method.name(),
            type_name(method.input(), method.is_client_streaming()),
            type_name(method.output(), method.is_server_streaming()),
        );
        let options = Options::read(&method.options(), &key)?;
        if options.assignments.is_empty() {
            self.statement(&key, &format!("{head};"));
        } else {
            self.open(&key, &format!("{head} {{"));
            self.option_statements(&key, &options);
            self.close();
        }
        Ok(())
    }

    fn message(&mut self, message: &MessageDescriptor) -> Result<(), Failure> {
        let name = message.full_name();
        let proto = message.descriptor_proto();
        if !proto.extension.is_empty() || !proto.extension_range.is_empty() {
            return Err(Failure::new(format!(
                "{name} has extensions, which this tool doesn't print"
            )));
        }
        let options = Options::read(&message.options(), name)?;
        self.open(name, &format!("message {} {{", message.name()));
        self.option_statements(name, &options);
        self.reserved(name, &reserved::of_message(proto), &proto.reserved_name);

        self.blank();
        let mut fields: Vec<_> = message.fields().collect();
        // The descriptors come by number, the text is in the order of declaration.
        fields.sort_by(|a, b| a.path().cmp(b.path()));
        let mut done = Vec::new();
        for field in &fields {
            match field
                .containing_oneof()
                .filter(|oneof| !oneof.is_synthetic())
            {
                None => self.field(field)?,
                Some(oneof) if done.contains(&oneof) => {}
                Some(oneof) => {
                    self.blank();
                    self.oneof(&oneof, &fields)?;
                    self.blank();
                    done.push(oneof);
                }
            }
        }
        for kind in message.child_enums() {
            self.blank();
            self.enumeration(&kind)?;
        }
        for child in message
            .child_messages()
            .filter(|child| !child.is_map_entry())
        {
            self.blank();
            self.message(&child)?;
        }
        self.close();
        Ok(())
    }

    fn oneof(
        &mut self,
        oneof: &OneofDescriptor,
        fields: &[FieldDescriptor],
    ) -> Result<(), Failure> {
        let name = oneof.full_name();
        let options = Options::read(&oneof.options(), name)?;
        self.open(name, &format!("oneof {} {{", oneof.name()));
        self.option_statements(name, &options);
        for field in fields {
            if field.containing_oneof().as_ref() == Some(oneof) {
                self.field(field)?;
            }
        }
        self.close();
        Ok(())
    }

    fn field(&mut self, field: &FieldDescriptor) -> Result<(), Failure> {
        let name = field.full_name();
        let proto = field.field_descriptor_proto();
        let head = format!(
            "{}{} {} = {}",
            label(field),
            short_type(field),
            field.name(),
            field.number()
        );
        let mut options = Options::read(&field.options(), name)?;
        let mut list = Vec::new();
        if proto.json_name.is_some() && proto.json_name() != default_json_name(field.name()) {
            list.push(format!(
                "json_name = {}",
                quote(proto.json_name().as_bytes())
            ));
        }
        let upstream = options.take("debug_redact").as_deref() == Some("true");
        let redacted = self.ours.take_redacted(name) || upstream;
        let assignments = options.assignments.iter().map(assignment);
        list.extend(assignments);
        if redacted {
            list.push("debug_redact = true".into());
        }
        self.with_list(name, &head, &list);
        Ok(())
    }

    fn enumeration(&mut self, kind: &EnumDescriptor) -> Result<(), Failure> {
        let name = kind.full_name();
        let proto = kind.enum_descriptor_proto();
        let options = Options::read(&kind.options(), name)?;
        self.open(name, &format!("enum {} {{", kind.name()));
        self.option_statements(name, &options);
        self.reserved(name, &reserved::of_enum(proto), &proto.reserved_name);
        self.blank();
        let mut values: Vec<EnumValueDescriptor> = kind.values().collect();
        values.sort_by(|a, b| a.path().cmp(b.path()));
        for value in values {
            let key = comments::value_key(name, value.name());
            let options = Options::read(&value.options(), &key)?;
            let list: Vec<_> = options.assignments.iter().map(assignment).collect();
            let head = format!("{} = {}", value.name(), value.number());
            self.with_list(&key, &head, &list);
        }
        self.close();
        Ok(())
    }

    fn reserved(&mut self, owner: &str, ranges: &[String], names: &[String]) {
        if !ranges.is_empty() {
            let line = format!("reserved {};", ranges.join(", "));
            self.statement(&comments::place(owner, "reserved numbers"), &line);
        }
        if !names.is_empty() {
            let names: Vec<_> = names.iter().map(|name| quote(name.as_bytes())).collect();
            let line = format!("reserved {};", names.join(", "));
            self.statement(&comments::place(owner, "reserved names"), &line);
        }
    }

    fn option_statements(&mut self, owner: &str, options: &Options) {
        for option in &options.assignments {
            let key = comments::option(owner, &option.path);
            self.statement(&key, &format!("option {};", assignment(option)));
        }
    }

    /// A field or an enum value with its options.
    fn with_list(&mut self, key: &str, head: &str, list: &[String]) {
        let line = match list {
            [] => format!("{head};"),
            [one]
                if !one.contains('\n') && 2 * self.depth + head.len() + one.len() + 4 <= WIDTH =>
            {
                format!("{head} [{one}];")
            }
            list => {
                let list: Vec<_> = list.iter().map(|option| indent(option)).collect();
                format!("{head} [\n{}\n];", list.join(",\n"))
            }
        };
        self.statement(key, &line);
    }

    /// Something that ends in a semicolon.
    fn statement(&mut self, key: &str, text: &str) {
        let comment = self.ours.take(key);
        self.before(&comment);
        match comment.trailing {
            None => self.lines(text),
            // Behind the statement if it's one line; else below, with a blank line after it, or
            // it would be read as the next element's.
            Some(trailing) if trailing.trim_end().lines().count() == 1 => {
                self.lines(&format!("{text}  //{}", spaced(trailing.trim_end())));
            }
            Some(trailing) => {
                self.lines(text);
                self.comment_lines(&trailing);
                self.fresh = false;
                self.blank();
            }
        }
        self.fresh = false;
    }

    fn open(&mut self, key: &str, text: &str) {
        let comment = self.ours.take(key);
        self.before(&comment);
        self.lines(text);
        self.depth += 1;
        self.fresh = true;
        if let Some(trailing) = comment.trailing {
            self.comment_lines(&trailing);
            self.fresh = false;
            self.blank();
        }
    }

    fn close(&mut self) {
        self.depth -= 1;
        // Nothing inside: the braces stay on one line.
        if self.fresh && self.text.ends_with("{\n") {
            self.text.pop();
            self.text.push_str("}\n");
        } else {
            while self.text.ends_with("\n\n") {
                self.text.pop();
            }
            self.lines("}");
        }
        self.fresh = false;
    }

    /// The comments above an element, set apart from what stands before.
    fn before(&mut self, comment: &Comment) {
        if !comment.detached.is_empty() {
            // Right below an opening brace it would be read as the block's own.
            self.fresh = false;
        }
        if !comment.detached.is_empty() || comment.leading.is_some() {
            self.blank();
        }
        for detached in &comment.detached {
            self.comment_lines(detached);
            self.text.push('\n');
        }
        if let Some(leading) = &comment.leading {
            self.comment_lines(leading);
        }
    }

    fn blank(&mut self) {
        if !self.fresh && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn comment_lines(&mut self, text: &str) {
        for line in text.trim_end().lines() {
            self.lines(&format!("//{}", spaced(line)));
        }
        self.fresh = false;
    }

    fn lines(&mut self, text: &str) {
        for line in text.lines() {
            let line = line.trim_end();
            if line.is_empty() {
                self.text.push('\n');
            } else {
                let _ = writeln!(self.text, "{:width$}{line}", "", width = 2 * self.depth);
            }
        }
    }
}

/// A comment's line with a space before it.
fn spaced(line: &str) -> String {
    let line = line.trim_end();
    if line.is_empty() || line.starts_with(' ') {
        line.to_owned()
    } else {
        format!(" {line}")
    }
}

fn indent(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| format!("  {line}")).collect();
    lines.join("\n")
}

fn assignment(option: &Assignment) -> String {
    format!("{} = {}", option.name, option.value)
}

fn label(field: &FieldDescriptor) -> &'static str {
    if field.is_map() {
        ""
    } else if field.is_list() {
        "repeated "
    } else if field.field_descriptor_proto().proto3_optional() {
        "optional "
    } else {
        ""
    }
}
