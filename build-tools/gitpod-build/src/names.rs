//! The Rust names of what a .proto file names: prost's rules, in one place.

use heck::{ToKebabCase, ToShoutySnakeCase, ToSnakeCase, ToUpperCamelCase};
use prost_reflect::OneofDescriptor;

/// `scim_configuration_id` for a field, a module or a function.
pub(crate) fn snake(name: &str) -> String {
    escape(name.to_snake_case())
}

/// `ScimConfiguration` for a type or a variant.
pub(crate) fn camel(name: &str) -> String {
    escape(name.to_upper_camel_case())
}

/// The path of a message or an enum, seen from its package's module:
/// `agent_mode::Kind` for `gitpod.v1.AgentMode.Kind`.
pub(crate) fn type_path(package: &str, full_name: &str) -> String {
    let name = full_name.trim_start_matches('.');
    let name = name
        .strip_prefix(package)
        .and_then(|rest| rest.strip_prefix('.'))
        .unwrap_or(name);
    match name.rsplit_once('.') {
        Some((parents, name)) => {
            let mut path = String::new();
            for parent in parents.split('.') {
                path.push_str(&snake(parent));
                path.push_str("::");
            }
            path + &camel(name)
        }
        None => camel(name),
    }
}

/// Whether prost names the oneof's enum otherwise, as a type nested in the same
/// message has its name.
pub(crate) fn oneof_clashes(oneof: &OneofDescriptor) -> bool {
    let message = oneof.parent_message();
    let name = oneof.name().to_upper_camel_case();
    message
        .child_messages()
        .map(|nested| nested.name().to_upper_camel_case())
        .chain(
            message
                .child_enums()
                .map(|nested| nested.name().to_upper_camel_case()),
        )
        .any(|nested| nested == name)
}

/// The path of a oneof's enum, seen from its package's module.
pub(crate) fn oneof_path(package: &str, oneof: &OneofDescriptor) -> String {
    let mut path = type_path(package, oneof.full_name());
    if oneof_clashes(oneof) {
        path.push_str("OneOf");
    }
    path
}

/// A service's name without its suffix: `EnvironmentAutomation`.
pub(crate) fn service_stem(service: &str) -> &str {
    service.strip_suffix("Service").unwrap_or(service)
}

/// A service's cargo feature: `environment-automation`.
pub(crate) fn feature(service: &str) -> String {
    service_stem(service).to_kebab_case()
}

/// The variable by which cargo tells a build script that the feature is on.
pub(crate) fn feature_variable(service: &str) -> String {
    format!(
        "CARGO_FEATURE_{}",
        service_stem(service).to_shouty_snake_case()
    )
}

fn escape(name: String) -> String {
    match name.as_str() {
        "as" | "break" | "const" | "continue" | "else" | "enum" | "false" | "fn" | "for" | "if"
        | "impl" | "in" | "let" | "loop" | "match" | "mod" | "move" | "mut" | "pub" | "ref"
        | "return" | "static" | "struct" | "trait" | "true" | "type" | "unsafe" | "use"
        | "where" | "while" | "dyn" | "abstract" | "become" | "box" | "do" | "final" | "macro"
        | "override" | "priv" | "typeof" | "unsized" | "virtual" | "yield" | "async" | "await"
        | "try" | "gen" => format!("r#{name}"),
        "super" | "self" | "Self" | "extern" | "crate" => format!("{name}_"),
        _ if name.starts_with(|first: char| first.is_numeric()) => format!("_{name}"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_prost() {
        assert_eq!(snake("RegenerateSCIMToken"), "regenerate_scim_token");
        assert_eq!(camel("SCIMConfiguration"), "ScimConfiguration");
        assert_eq!(snake("type"), "r#type");
        assert_eq!(camel("self"), "Self_");
        assert_eq!(
            type_path("gitpod.v1", ".gitpod.v1.AgentMode.HTTPKind"),
            "agent_mode::HttpKind"
        );
        assert_eq!(type_path("gitpod.v1", "gitpod.v1.Group"), "Group");
    }

    #[test]
    fn features_come_from_services() {
        assert_eq!(
            feature("EnvironmentAutomationService"),
            "environment-automation"
        );
        assert_eq!(
            feature_variable("EnvironmentAutomationService"),
            "CARGO_FEATURE_ENVIRONMENT_AUTOMATION"
        );
    }
}
