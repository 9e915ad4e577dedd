//! Which messages and enums are generated: what the services whose cargo
//! feature is on can reach.

use std::collections::{BTreeSet, HashSet};

use prost_reflect::{
    DescriptorPool, EnumDescriptor, FileDescriptor, Kind, MessageDescriptor, ServiceDescriptor,
};

/// The top-level messages and enums to generate, by full name.
///
/// A message that is reached brings the whole of the top-level message which it
/// is nested in.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    names: HashSet<String>,
}

impl Selection {
    /// What `services` need: the types of their own files and all that these
    /// reach. Besides, the details that any error may carry: what no service can
    /// reach and no service's file declares, and what no call has and is named so.
    pub(crate) fn of(pool: &DescriptorPool, package: &str, services: &[ServiceDescriptor]) -> Self {
        let mut selection = Self::default();
        for service in services {
            selection.add_file(&service.parent_file());
            selection.add_service(service);
        }

        let mut of_calls = Self::default();
        let mut anybodys = Self::default();
        for service in pool.services() {
            of_calls.add_service(&service);
            anybodys.add_file(&service.parent_file());
            anybodys.add_service(&service);
        }
        for message in pool.all_messages() {
            let name = message.full_name();
            // A service's errors may have details that another service's file declares.
            let is_detail = name.ends_with("Details") && !of_calls.has(name);
            if message.package_name() == package && (is_detail || !anybodys.has(name)) {
                selection.add_message(&message);
            }
        }
        for enumeration in pool.all_enums() {
            if enumeration.package_name() == package && !anybodys.has(enumeration.full_name()) {
                selection.add_enum(&enumeration);
            }
        }
        selection
    }

    /// Whether this message or enum, or the message that it is nested in, is to
    /// be generated.
    pub(crate) fn has(&self, full_name: &str) -> bool {
        let mut name = full_name;
        loop {
            if self.names.contains(name) {
                return true;
            }
            match name.rsplit_once('.') {
                Some((parent, _)) => name = parent,
                None => return false,
            }
        }
    }

    fn add_file(&mut self, file: &FileDescriptor) {
        for message in file.messages() {
            self.add_message(&message);
        }
        for enumeration in file.enums() {
            self.add_enum(&enumeration);
        }
    }

    fn add_service(&mut self, service: &ServiceDescriptor) {
        for method in service.methods() {
            self.add_message(&method.input());
            self.add_message(&method.output());
        }
    }

    fn add_message(&mut self, message: &MessageDescriptor) {
        let mut top = message.clone();
        while let Some(parent) = top.parent_message() {
            top = parent;
        }
        if self.names.insert(top.full_name().to_owned()) {
            self.add_fields(&top);
        }
    }

    fn add_fields(&mut self, message: &MessageDescriptor) {
        for field in message.fields() {
            match field.kind() {
                Kind::Message(message) => self.add_message(&message),
                Kind::Enum(enumeration) => self.add_enum(&enumeration),
                _ => {}
            }
        }
        for nested in message.child_messages() {
            self.add_fields(&nested);
        }
    }

    fn add_enum(&mut self, enumeration: &EnumDescriptor) {
        match enumeration.parent_message() {
            Some(parent) => self.add_message(&parent),
            None => {
                self.names.insert(enumeration.full_name().to_owned());
            }
        }
    }
}

/// All services of the package, in the order of their names.
pub(crate) fn services(pool: &DescriptorPool, package: &str) -> Vec<ServiceDescriptor> {
    let mut services: Vec<_> = pool
        .services()
        .filter(|service| service.package_name() == package)
        .collect();
    services.sort_by(|a, b| a.name().cmp(b.name()));
    services
}

/// The one package that the files of the tree declare.
pub(crate) fn package<'a>(
    files: impl Iterator<Item = &'a FileDescriptor>,
) -> Result<String, crate::Error> {
    let packages: BTreeSet<_> = files.map(|file| file.package_name().to_owned()).collect();
    let mut packages = packages.into_iter();
    match (packages.next(), packages.next()) {
        (Some(package), None) if !package.is_empty() => Ok(package),
        (one, other) => Err(crate::Error::new(format!(
            "the .proto files must all be of one package, but there are {:?} and {:?}",
            one.unwrap_or_default(),
            other.unwrap_or_default()
        ))),
    }
}
