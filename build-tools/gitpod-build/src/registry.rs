//! All messages in one place, for tests that treat them alike.

use std::fmt::Write as _;

use crate::api::Api;

/// A function that takes a visitor to each message type that is wanted, by its full name.
pub(crate) fn generate(api: &Api, is_wanted: impl Fn(&str) -> bool) -> String {
    let mut messages: Vec<_> = api
        .pool
        .all_messages()
        .filter(|message| {
            message.package_name() == api.package
                && !message.is_map_entry()
                && is_wanted(message.full_name())
        })
        .collect();
    messages.sort_by(|a, b| a.full_name().cmp(b.full_name()));

    let mut code = String::from(
        "/// Visits every message type, with its full name, in the order of the names.\n\
         fn visit_messages(visitor: &mut impl MessageVisitor) {\n",
    );
    for message in messages {
        let name = message.full_name();
        let path = api.rust_path(name);
        let _ = writeln!(code, "    visitor.visit::<{path}>(\"{name}\");");
    }
    code.push_str("}\n");
    code
}
