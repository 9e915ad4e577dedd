//! The API as its descriptors have it, which are compiled in.

use std::collections::HashMap;
use std::sync::OnceLock;

use gitpod_client::Idempotency;
use gitpod_types::FILE_DESCRIPTOR_SET;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, FileDescriptor, MethodDescriptor, Value,
};

use crate::exit::Failure;

/// All services and messages.
#[derive(Debug, Clone)]
pub(crate) struct Schema {
    pool: DescriptorPool,
}

impl Schema {
    /// Reads the descriptors, once a process.
    pub(crate) fn load() -> Result<Self, Failure> {
        static POOL: OnceLock<DescriptorPool> = OnceLock::new();
        if let Some(pool) = POOL.get() {
            return Ok(Self { pool: pool.clone() });
        }
        let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET)
            .map_err(|error| Failure::local(format!("the descriptors compiled in: {error}")))?;
        Ok(Self {
            pool: POOL.get_or_init(|| pool).clone(),
        })
    }

    /// All methods, in the order of their names.
    pub(crate) fn methods(&self) -> Vec<MethodDescriptor> {
        let mut methods: Vec<_> = self
            .pool
            .services()
            .flat_map(|service| service.methods().collect::<Vec<_>>())
            .collect();
        methods.sort_by_cached_key(name);
        methods
    }

    /// The method of a path behind the base URL, whatever stands in front of it.
    pub(crate) fn method_of_path(&self, path: &str) -> Option<MethodDescriptor> {
        let (rest, method) = path.rsplit_once('/')?;
        let service = rest.rsplit_once('/').map_or(rest, |(_, service)| service);
        let service = self.pool.get_service_by_name(service)?;
        service.methods().find(|known| known.name() == method)
    }

    /// The method that a person names.
    pub(crate) fn method(&self, text: &str) -> Result<MethodDescriptor, Failure> {
        let wanted = text.strip_prefix('/').unwrap_or(text);
        if wanted.trim().is_empty() {
            return Err(Failure::usage(
                "SERVICE/METHOD is empty; expected a method, OrganizationService/ListMembers for \
                 instance; `gitpodctl call --list` shows all",
            ));
        }
        let methods = self.methods();
        if let Some(method) = methods
            .iter()
            .find(|method| wanted == name(method) || wanted == full_name(method))
        {
            return Ok(method.clone());
        }
        let package = methods.first().map(|method| method.parent_service());
        let package = package
            .as_ref()
            .map_or("", |service| service.package_name());
        let short = wanted.strip_prefix(package).unwrap_or(wanted);
        let near = nearest(short.trim_start_matches('.'), methods.iter().map(name));
        Err(Failure::usage(format!(
            "there is no method {text}; did you mean {}? `gitpodctl call --list` shows all",
            near.map(|(_, name)| name).unwrap_or_default()
        )))
    }
}

/// `OrganizationService/ListMembers`.
pub(crate) fn name(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().name(), method.name())
}

/// `gitpod.v1.OrganizationService/ListMembers`.
pub(crate) fn full_name(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().full_name(), method.name())
}

pub(crate) fn idempotency(method: &MethodDescriptor) -> Idempotency {
    let level = method
        .options()
        .get_field_by_name("idempotency_level")
        .and_then(|level| level.as_enum_number());
    match level {
        Some(1) => Idempotency::NoSideEffects,
        Some(2) => Idempotency::Idempotent,
        _ => Idempotency::Unknown,
    }
}

/// Whether the field is marked as a secret.
pub(crate) fn is_secret(field: &FieldDescriptor) -> bool {
    flag(&field.options(), "debug_redact")
}

/// Whether a standard option is set to true.
pub(crate) fn flag(options: &DynamicMessage, name: &str) -> bool {
    options
        .get_field_by_name(name)
        .and_then(|value| value.as_bool())
        .unwrap_or_default()
}

/// The `buf.validate` rules among an element's options.
pub(crate) fn rules(options: &DynamicMessage) -> impl Iterator<Item = &DynamicMessage> {
    options
        .extensions()
        .filter(|(extension, _)| extension.full_name().starts_with("buf.validate."))
        .filter_map(|(_, rules)| Value::as_message(rules))
}

/// The comments of a file, by the path of what they stand at.
pub(crate) struct Comments(HashMap<Vec<i32>, String>);

impl Comments {
    pub(crate) fn of(file: &FileDescriptor) -> Self {
        let info = file.file_descriptor_proto().source_code_info.as_ref();
        let locations = info.map_or(&[][..], |info| &info.location);
        let comments = locations.iter().map(|location| {
            (
                location.path.clone(),
                location.leading_comments().to_owned(),
            )
        });
        Self(comments.collect())
    }

    pub(crate) fn at(&self, path: &[i32]) -> &str {
        self.0.get(path).map_or("", String::as_str)
    }
}

/// What is spelled most like `text`, however little that is.
fn nearest(text: &str, names: impl Iterator<Item = String>) -> Option<(f64, String)> {
    let text = text.to_lowercase();
    names
        .map(|name| {
            let lower = name.to_lowercase();
            // A method without its service is near to it as well.
            let last = lower.rsplit_once('/').map_or(&*lower, |(_, last)| last);
            let likeness = strsim::normalized_damerau_levenshtein(&text, &lower)
                .max(strsim::normalized_damerau_levenshtein(&text, last) - 0.01);
            (likeness, name)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(&a.1)))
}

/// What `text` may stand for by mistake.
pub(crate) fn like(text: &str, names: impl Iterator<Item = String>) -> Option<String> {
    const LIKE: f64 = 0.5;
    nearest(text, names)
        .filter(|(likeness, _)| *likeness >= LIKE)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_in_each_way_that_it_is_named() {
        let schema = Schema::load().unwrap();
        for text in [
            "OrganizationService/ListMembers",
            "gitpod.v1.OrganizationService/ListMembers",
            "/gitpod.v1.OrganizationService/ListMembers",
        ] {
            let method = schema.method(text).unwrap();
            assert_eq!(name(&method), "OrganizationService/ListMembers");
        }
        let by_path = schema.method_of_path("/api/gitpod.v1.OrganizationService/ListMembers");
        assert_eq!(
            by_path.map(|method| name(&method)).as_deref(),
            Some("OrganizationService/ListMembers")
        );
        for path in ["", "/", "/x", "/gitpod.v1.OrganizationService/Nope", "a/b"] {
            assert!(schema.method_of_path(path).is_none(), "{path}");
        }
    }

    /// Of nothing, everything is as far.
    #[test]
    fn an_empty_name_suggests_no_method() {
        let schema = Schema::load().unwrap();
        for text in ["", " ", "/"] {
            let failure = schema.method(text).unwrap_err();
            let said = &failure.message;
            assert!(
                said.starts_with("SERVICE/METHOD is empty; expected "),
                "{said}"
            );
            assert!(!said.contains("did you mean"), "{said}");
        }
    }

    #[test]
    fn what_is_mistyped_is_near_to_what_was_meant() {
        let schema = Schema::load().unwrap();
        for (text, meant) in [
            (
                "OrganizationService/ListMember",
                "OrganizationService/ListMembers",
            ),
            (
                "organizationservice/listmembers",
                "OrganizationService/ListMembers",
            ),
            (
                "OrganisationService/RegenerateScimToken",
                "OrganizationService/RegenerateSCIMToken",
            ),
            (
                "RegenerateSCIMToken",
                "OrganizationService/RegenerateSCIMToken",
            ),
            ("EventService.WatchEvents", "EventService/WatchEvents"),
            (
                "gitpod.v1.EventService/WatchEvent",
                "EventService/WatchEvents",
            ),
        ] {
            let failure = schema.method(text).unwrap_err();
            let said = format!("did you mean {meant}?");
            assert!(failure.message.contains(&said), "{}", failure.message);
        }
    }
}
