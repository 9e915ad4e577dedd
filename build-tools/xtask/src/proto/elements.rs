//! The API's descriptors as a flat list of elements with comparable attributes.

use std::collections::BTreeMap;

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, FileDescriptor,
    MessageDescriptor, ServiceDescriptor,
};

use super::{comments::value_key, input::api_files, names, options::Options, reserved};
use crate::Failure;

/// A file, message, field, oneof, enum, value, service or RPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) kind: &'static str,
    pub(super) attributes: BTreeMap<String, String>,
}

/// What the API consists of.
#[derive(Debug, Default)]
pub(super) struct Elements {
    /// By full name, so that a message stands before its fields.
    pub(super) by_name: BTreeMap<String, Element>,
    /// The elements whose gnostic options were left out.
    pub(super) gnostic: Vec<String>,
}

impl Elements {
    /// All but comments, `debug_redact`, gnostic options and the order of declaration.
    pub(super) fn read(pool: &DescriptorPool) -> Result<Self, Failure> {
        let mut elements = Self::default();
        for file in api_files(pool) {
            elements.file(&file)?;
        }
        Ok(elements)
    }

    fn file(&mut self, file: &FileDescriptor) -> Result<(), Failure> {
        let name = file.name();
        let proto = file.file_descriptor_proto();
        let mut imports: Vec<_> = proto
            .dependency
            .iter()
            .filter(|dependency| !dependency.starts_with("gnostic/"))
            .cloned()
            .collect();
        imports.sort();
        let public: Vec<_> = file
            .public_dependencies()
            .map(|file| file.name().to_owned())
            .collect();
        let attributes = [
            ("syntax", format!("{:?}", file.syntax()).to_lowercase()),
            ("imports", imports.join(", ")),
            ("public imports", public.join(", ")),
        ];
        self.add("file", name, attributes, &file.options())?;
        for message in file.messages() {
            self.message(&message)?;
        }
        for kind in file.enums() {
            self.enumeration(&kind)?;
        }
        for service in file.services() {
            self.service(&service)?;
        }
        Ok(())
    }

    fn message(&mut self, message: &MessageDescriptor) -> Result<(), Failure> {
        let proto = message.descriptor_proto();
        let attributes = [
            ("file", message.parent_file().name().to_owned()),
            ("reserved numbers", reserved::of_message(proto).join(", ")),
            ("reserved names", proto.reserved_name.join(", ")),
        ];
        self.add(
            "message",
            message.full_name(),
            attributes,
            &message.options(),
        )?;
        for field in message.fields() {
            self.field(&field)?;
        }
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            self.add("oneof", oneof.full_name(), [], &oneof.options())?;
        }
        for kind in message.child_enums() {
            self.enumeration(&kind)?;
        }
        for child in message
            .child_messages()
            .filter(|child| !child.is_map_entry())
        {
            self.message(&child)?;
        }
        Ok(())
    }

    fn field(&mut self, field: &FieldDescriptor) -> Result<(), Failure> {
        let proto = field.field_descriptor_proto();
        let oneof = field
            .containing_oneof()
            .filter(|oneof| !oneof.is_synthetic());
        let label = match (field.is_list(), proto.proto3_optional()) {
            (true, _) => "repeated",
            (false, true) => "optional",
            (false, false) => "",
        };
        let attributes = [
            ("number", field.number().to_string()),
            ("type", names::full_type(field)),
            ("label", label.to_owned()),
            (
                "oneof",
                oneof.map_or(String::new(), |oneof| oneof.name().to_owned()),
            ),
            ("json name", field.json_name().to_owned()),
        ];
        self.add("field", field.full_name(), attributes, &field.options())
    }

    fn enumeration(&mut self, kind: &EnumDescriptor) -> Result<(), Failure> {
        let proto = kind.enum_descriptor_proto();
        let attributes = [
            ("file", kind.parent_file().name().to_owned()),
            ("reserved numbers", reserved::of_enum(proto).join(", ")),
            ("reserved names", proto.reserved_name.join(", ")),
        ];
        self.add("enum", kind.full_name(), attributes, &kind.options())?;
        for value in kind.values() {
            let name = value_key(kind.full_name(), value.name());
            let attributes = [("number", value.number().to_string())];
            self.add("value", &name, attributes, &value.options())?;
        }
        Ok(())
    }

    fn service(&mut self, service: &ServiceDescriptor) -> Result<(), Failure> {
        let attributes = [("file", service.parent_file().name().to_owned())];
        self.add(
            "service",
            service.full_name(),
            attributes,
            &service.options(),
        )?;
        for method in service.methods() {
            let stream = |streaming| if streaming { "stream " } else { "" };
            let request = stream(method.is_client_streaming()).to_owned();
            let response = stream(method.is_server_streaming()).to_owned();
            let attributes = [
                ("request", request + method.input().full_name()),
                ("response", response + method.output().full_name()),
            ];
            let name = names::join(service.full_name(), method.name());
            self.add("rpc", &name, attributes, &method.options())?;
        }
        Ok(())
    }

    fn add<const N: usize>(
        &mut self,
        kind: &'static str,
        name: &str,
        attributes: [(&str, String); N],
        options: &DynamicMessage,
    ) -> Result<(), Failure> {
        let mut attributes: BTreeMap<_, _> = attributes
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(attribute, value)| (attribute.to_owned(), value))
            .collect();
        let mut options = Options::read(options, name)?;
        options.take("debug_redact");
        if options.gnostic {
            self.gnostic.push(format!("{kind} {name}"));
        }
        for option in options.assignments {
            let value = one_line(&option.value);
            // A repeated option is assigned once for each of its values, whose order counts.
            attributes
                .entry(format!("option {}", option.name))
                .and_modify(|values| *values = format!("{values}, {value}"))
                .or_insert(value);
        }
        self.by_name
            .insert(name.to_owned(), Element { kind, attributes });
        Ok(())
    }
}

fn one_line(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    lines.join(" ")
}
