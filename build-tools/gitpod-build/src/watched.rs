//! Methods that read a resource which events tell of.

use std::fmt::Write as _;

use heck::ToShoutySnakeCase as _;
use prost_reflect::{FieldDescriptor, Kind, MethodDescriptor, ServiceDescriptor};

use crate::api::Api;
use crate::descriptors::flag;
use crate::names;

/// The method whose events name resources by their type and id.
const EVENTS: &str = "WatchEvents";
/// The enum with the types of resources.
const TYPES: &str = "ResourceType";

/// What makes a method one that reads a resource `Thing`: its name is `GetThing`, the enum of types
/// has `RESOURCE_TYPE_THING`, the request has a string `thing_id` or `id` (and no other way to name
/// one), and the response a message `Thing`.
struct Read {
    /// The name of the type's value, as prost has it.
    variant: String,
    id: FieldDescriptor,
    resource: FieldDescriptor,
}

impl Read {
    fn of(api: &Api, method: &MethodDescriptor) -> Option<Self> {
        let thing = method.name().strip_prefix("Get")?;
        let snake = names::snake(thing);
        let types = api
            .pool
            .get_enum_by_name(&format!("{}.{TYPES}", api.package))?;
        let value = format!(
            "{}_{}",
            TYPES.to_shouty_snake_case(),
            thing.to_shouty_snake_case()
        );
        types.get_value_by_name(&value)?;
        let request = method.input();
        let id = [format!("{snake}_id"), "id".to_owned()]
            .iter()
            .find_map(|name| request.get_field_by_name(name))
            .filter(|id| {
                // One that may be set in another way names nothing for sure.
                let is_plain = !id.is_list() && !id.supports_presence();
                id.kind() == Kind::String && is_plain && !flag(&id.options(), "deprecated")
            })?;
        let resource = method.output().fields().find(|field| {
            !field.is_list()
                && matches!(field.kind(), Kind::Message(message) if message.name() == thing)
        })?;
        Some(Self {
            variant: names::camel(thing),
            id,
            resource,
        })
    }
}

/// `impl Watchable` for the method's marker, if it reads a resource and events can be watched with
/// these services.
pub(crate) fn generate(
    code: &mut String,
    api: &Api,
    method: &MethodDescriptor,
    services: &[ServiceDescriptor],
) {
    let watches = |service: &ServiceDescriptor| service.methods().any(|m| m.name() == EVENTS);
    if !services.iter().any(watches) {
        return;
    }
    let Some(read) = Read::of(api, method) else {
        return;
    };
    let Kind::Message(resource) = read.resource.kind() else {
        return;
    };
    let types = api.rust_path(&format!("{}.{TYPES}", api.package));
    let _ = write!(
        code,
        "
    #[allow(deprecated)]
    impl crate::watch::Watchable for {marker} {{
        type Resource = {resource};
        const TYPE: {types} = {types}::{variant};
        #[inline]
        fn id(request: &Self::Request) -> &str {{
            &request.{id}
        }}
        #[inline]
        fn resource(response: Self::Response) -> ::core::option::Option<Self::Resource> {{
            response.{field}
        }}
    }}
",
        marker = names::camel(method.name()),
        resource = api.rust_path(resource.full_name()),
        variant = read.variant,
        id = names::snake(read.id.name()),
        field = names::snake(read.resource.name()),
    );
}
