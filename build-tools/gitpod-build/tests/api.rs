//! What is generated for the whole API, against its descriptors.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

use gitpod_build::Api;
use heck::{ToSnakeCase as _, ToUpperCamelCase as _};
use prost_reflect::{DescriptorPool, Kind, MethodDescriptor};

struct Generated {
    api: Api,
    /// The code of all clients.
    code: String,
    pool: DescriptorPool,
}

/// To compile the API takes seconds, and the tests share what comes of it.
static GENERATED: LazyLock<Generated> = LazyLock::new(|| {
    let crate_with_proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/gitpod-client");
    let root = gitpod_build::proto_root(&crate_with_proto).unwrap();
    let api = Api::load(&root).unwrap();
    Generated {
        code: api.client(|_| true),
        pool: gitpod_build::descriptors::pool(&root).unwrap(),
        api,
    }
});

fn methods(pool: &DescriptorPool) -> Vec<MethodDescriptor> {
    let methods: Vec<_> = pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .collect();
    assert!(
        methods.len() >= 300,
        "{} RPCs are not the API",
        methods.len()
    );
    methods
}

/// The code of a service's module.
fn module<'a>(code: &'a str, method: &MethodDescriptor) -> &'a str {
    let service = method.parent_service();
    let name = service.name().trim_end_matches("Service").to_snake_case();
    let begin = code.find(&format!("\npub mod {name} {{\n")).unwrap();
    let length = code[begin + 1..].find("\n}\n").unwrap();
    &code[begin..begin + length + 2]
}

/// The comments in front of RPCs, by their full names.
fn comments(pool: &DescriptorPool) -> HashMap<String, String> {
    const METHOD: i32 = 2;
    let mut comments = HashMap::new();
    for service in pool.services() {
        let file = service.parent_file();
        let info = file.file_descriptor_proto().source_code_info.clone();
        for location in info.unwrap().location {
            if let Some([METHOD, index]) = location.path.strip_prefix(service.path()) {
                let method = service.methods().nth(usize::try_from(*index).unwrap());
                let comment = location.leading_comments.unwrap_or_default();
                comments.insert(method.unwrap().full_name().to_owned(), comment);
            }
        }
    }
    comments
}

/// Its words alone: what is escaped, and what is made a link, reads as before.
fn words(text: &str) -> String {
    let plain = text.replace(['\\', '<', '>'], "");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// docs.rs shows what generated code says: each RPC's comment stands in front of the client's method.
#[test]
fn each_rpc_s_comment_is_the_documentation_of_its_method() {
    let Generated { code, pool, .. } = &*GENERATED;
    let comments = comments(pool);
    for method in methods(pool) {
        let name = method.full_name();
        let comment = words(&comments[name]);
        assert!(!comment.is_empty(), "{name} has no comment");

        let module = module(code, &method);
        let function = format!("        pub fn {}(&self, ", method.name().to_snake_case());
        let at = module
            .find(&function)
            .unwrap_or_else(|| panic!("{name} has no method"));
        let mut documentation: Vec<_> = module[..at]
            .lines()
            .rev()
            .skip_while(|line| line.trim_start().starts_with("#["))
            .map_while(|line| line.trim_start().strip_prefix("///"))
            .collect();
        documentation.reverse();
        let documentation = words(&documentation.join("\n"));
        assert!(
            documentation.starts_with(&comment),
            "{name}: {documentation:?} is not {comment:?}"
        );
    }
}

/// Whoever has `pagination` in the request is a listing, whatever it is called.
#[test]
fn each_rpc_with_pagination_is_a_stream_of_its_items() {
    let Generated { code, pool, .. } = &*GENERATED;
    let mut others = Vec::new();
    let mut count = 0;
    for method in methods(pool) {
        let marker = method.name().to_upper_camel_case();
        let paged = format!("    impl ::connect_hyper::Paged for {marker} {{\n");
        let module = module(code, &method);
        if method.input().get_field_by_name("pagination").is_none() {
            assert!(!module.contains(&paged), "{marker}");
            continue;
        }
        let at = module
            .find(&paged)
            .unwrap_or_else(|| panic!("{marker} is no stream"));
        // The first field in the order of the numbers is the first one declared, too.
        let items = method
            .output()
            .fields()
            .find(|field| field.is_list())
            .unwrap();
        let Kind::Message(item) = items.kind() else {
            panic!("{marker} lists {items:?}");
        };
        let implementation = &module[at..at + module[at..].find("\n    }\n").unwrap()];
        let item = format!("::{};", item.name().to_upper_camel_case());
        assert!(implementation.contains(&item), "{implementation}");
        let field = format!("mem::take(&mut response.{})", items.name());
        assert!(implementation.contains(&field), "{implementation}");
        count += 1;
        if !method.name().starts_with("List") {
            others.push(method.name().to_owned());
        }
    }
    assert!(count >= 50, "{count} listings");
    others.sort();
    assert_eq!(
        others,
        [
            "GetTopActiveUsers",
            "GetTopEnvironmentClasses",
            "GetTopProjects",
            "SearchRepositories"
        ]
    );
}

/// The resources that most programs wait for can be watched.
#[test]
fn resources_that_events_tell_of_can_be_watched() {
    let code = &GENERATED.code;
    for marker in [
        "GetAgentExecution",
        "GetEnvironment",
        "GetPrebuild",
        "GetProject",
        "GetRunner",
        "GetScimConfiguration",
        "GetTaskExecution",
        "GetWorkflowExecution",
    ] {
        let watchable = format!("impl crate::watch::Watchable for {marker} {{");
        assert!(code.contains(&watchable), "{marker}");
    }
    // The request names no custom domain, but whose it is.
    assert!(!code.contains("Watchable for GetCustomDomain "));
}

/// Without the service that has the events there is nothing to watch with.
#[test]
fn nothing_is_watched_without_events() {
    let code = GENERATED.api.client(|service| service != "EventService");
    assert!(!code.contains("Watchable"));
}
