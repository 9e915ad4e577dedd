//! Service clients: a marker type and a thin method an RPC.

use std::collections::HashMap;
use std::fmt::Write as _;

use prost_reflect::{Kind, MethodDescriptor, ServiceDescriptor};
use prost_types::method_options::IdempotencyLevel;
use prost_types::source_code_info::Location;

use crate::api::Api;
use crate::descriptors::{flag, is_required};
use crate::{docs, listing, names, redact, watched};

/// What the documentation of a listing says besides its comment.
const LISTING: &str = "        /// The call itself fetches one page; \
    [`items`](::connect_hyper::Call::items) and [`pages`](::connect_hyper::Call::pages) of it are \
    streams of all.\n";

/// The whole of `client.rs`.
pub(crate) fn generate(api: &Api, services: &[ServiceDescriptor]) -> String {
    let mut code = String::new();
    for service in services {
        generate_service(&mut code, api, service, services);
    }
    code
}

fn generate_service(
    code: &mut String,
    api: &Api,
    service: &ServiceDescriptor,
    all: &[ServiceDescriptor],
) {
    let comments = Comments::of(service);
    let stem = names::service_stem(service.name());
    let module = names::snake(stem);
    let client = format!("{}Client", names::camel(stem));
    let full_name = service.full_name();

    let _ = writeln!(code, "/// `{full_name}`: its client, and a type an RPC.");
    code.push_str("#[allow(missing_docs)]\n");
    let _ = writeln!(code, "pub mod {module} {{");

    let own = comments.of_service();
    if own.is_empty() {
        let _ = writeln!(code, "    /// `{full_name}`.");
    } else {
        code.push_str(&docs::block(&own, "    "));
    }
    code.push_str("    #[derive(Debug, Clone)]\n");
    if is_deprecated(&service.options()) {
        code.push_str("    #[deprecated]\n");
    }
    let _ = writeln!(
        code,
        "    pub struct {client} {{\n        client: ::connect_hyper::Client,\n    }}\n"
    );
    let _ = writeln!(code, "    #[allow(deprecated)]\n    impl {client} {{");
    let _ = writeln!(
        code,
        "        pub(crate) fn new(client: ::connect_hyper::Client) -> Self {{\n            \
         Self {{ client }}\n        }}"
    );
    for (index, method) in service.methods().enumerate() {
        generate_call(code, api, &method, &comments.of_method(index));
    }
    code.push_str("    }\n");
    for method in service.methods() {
        generate_marker(code, api, &client, &method);
        listing::generate(code, api, &method);
        watched::generate(code, api, &method, all);
    }
    code.push_str("}\n\n");

    let _ = writeln!(code, "#[allow(deprecated)]\nimpl crate::Client {{");
    let _ = writeln!(code, "    /// The calls of `{full_name}`.");
    let _ = writeln!(
        code,
        "    pub fn {module}(&self) -> {module}::{client} {{\n        \
         {module}::{client}::new(self.connect().clone())\n    }}\n}}\n"
    );
}

fn generate_call(code: &mut String, api: &Api, method: &MethodDescriptor, comment: &str) {
    let request = api.rust_path(method.input().full_name());
    let (argument, taken) = if method.is_client_streaming() {
        ("requests", format!("::connect_hyper::Requests<{request}>"))
    } else {
        ("request", request)
    };
    code.push('\n');
    code.push_str(&docs::block(comment, "        "));
    if listing::is(method) {
        if !comment.is_empty() {
            code.push_str("        ///\n");
        }
        code.push_str(LISTING);
    }
    if is_deprecated(&method.options()) {
        code.push_str("        #[deprecated]\n");
    }
    let _ = writeln!(
        code,
        "        pub fn {}(&self, {argument}: {taken}) -> ::connect_hyper::Call<{}> {{\n            \
         self.client.call({argument})\n        }}",
        names::snake(method.name()),
        names::camel(method.name()),
    );
}

fn generate_marker(code: &mut String, api: &Api, client: &str, method: &MethodDescriptor) {
    let marker = names::camel(method.name());
    let kind = stream_kind(method);
    let idempotency = idempotency(method);
    let path = format!("/{}/{}", method.parent_service().full_name(), method.name());

    let _ = writeln!(code, "\n    /// The RPC `{}`.", &path[1..]);
    let _ = writeln!(
        code,
        "    ///\n    /// It is called by [`{client}::{}`].",
        names::snake(method.name())
    );
    let _ = writeln!(
        code,
        "    #[derive(Debug, Clone, Copy)]\n    pub enum {marker} {{}}\n"
    );
    let _ = writeln!(code, "    impl ::connect_hyper::Method for {marker} {{");
    let _ = writeln!(
        code,
        "        type Request = {};",
        api.rust_path(method.input().full_name())
    );
    let _ = writeln!(
        code,
        "        type Response = {};",
        api.rust_path(method.output().full_name())
    );
    let _ = writeln!(code, "        type Kind = ::connect_hyper::{kind};");
    let _ = writeln!(code, "        const PATH: &'static str = \"{path}\";");
    if idempotency != "Unknown" {
        let _ = writeln!(
            code,
            "        const IDEMPOTENCY: ::connect_hyper::Idempotency = ::connect_hyper::Idempotency::{idempotency};"
        );
    }
    if idempotency != "NoSideEffects" {
        generate_missing_field(code, method);
    }
    code.push_str(
        "        #[inline]\n        fn validate(request: &Self::Request) -> \
         ::core::result::Result<(), ::connect_hyper::Error> {\n            \
         crate::validation::check(request)\n        }\n",
    );
    code.push_str("    }\n");
}

/// A secret that is shown once is what the call was made for.
fn generate_missing_field(code: &mut String, method: &MethodDescriptor) {
    let secrets: Vec<_> = method
        .output()
        .fields()
        .filter(|field| {
            field.kind() == Kind::String
                && !field.is_list()
                && !field.supports_presence()
                && redact::is_redacted(field)
                && is_required(&field.options())
        })
        .collect();
    if secrets.is_empty() {
        return;
    }
    code.push_str(
        "        fn missing_field(response: &Self::Response) -> ::core::option::Option<&'static str> {\n",
    );
    for field in secrets {
        let _ = writeln!(
            code,
            "            if response.{}.is_empty() {{\n                \
             return ::core::option::Option::Some(\"{}\");\n            }}",
            names::snake(field.name()),
            field.name()
        );
    }
    code.push_str("            ::core::option::Option::None\n        }\n");
}

fn is_deprecated(options: &prost_reflect::DynamicMessage) -> bool {
    flag(options, "deprecated")
}

fn stream_kind(method: &MethodDescriptor) -> &'static str {
    match (method.is_client_streaming(), method.is_server_streaming()) {
        (false, false) => "Unary",
        (true, false) => "ClientStreaming",
        (false, true) => "ServerStreaming",
        (true, true) => "Bidi",
    }
}

fn idempotency(method: &MethodDescriptor) -> &'static str {
    let level = method
        .options()
        .get_field_by_name("idempotency_level")
        .and_then(|level| level.as_enum_number())
        .and_then(|level| IdempotencyLevel::try_from(level).ok())
        .unwrap_or(IdempotencyLevel::IdempotencyUnknown);
    match level {
        IdempotencyLevel::IdempotencyUnknown => "Unknown",
        IdempotencyLevel::NoSideEffects => "NoSideEffects",
        IdempotencyLevel::Idempotent => "Idempotent",
    }
}

/// The comments of one service, by index of the method.
struct Comments {
    service: String,
    methods: HashMap<i32, String>,
}

impl Comments {
    fn of(service: &ServiceDescriptor) -> Self {
        const METHODS: i32 = 2;
        let path = service.path().to_vec();
        let file = service.parent_file();
        let locations: &[Location] = file
            .file_descriptor_proto()
            .source_code_info
            .as_ref()
            .map_or(&[], |info| &info.location);

        let mut comments = Self {
            service: String::new(),
            methods: HashMap::new(),
        };
        for location in locations {
            match location.path.strip_prefix(path.as_slice()) {
                Some([]) => comments.service = docs::comment(location),
                Some([METHODS, index]) => {
                    comments.methods.insert(*index, docs::comment(location));
                }
                _ => {}
            }
        }
        comments
    }

    fn of_service(&self) -> String {
        self.service.clone()
    }

    fn of_method(&self, index: usize) -> String {
        i32::try_from(index)
            .ok()
            .and_then(|index| self.methods.get(&index).cloned())
            .unwrap_or_default()
    }
}
