//! All messages in one place, for tests that treat them alike.

use std::fmt::Write as _;

use crate::api::Api;
use crate::selection::Selection;
use crate::types::Part;

/// A function that takes a visitor to each message type.
pub(crate) fn generate(api: &Api, selection: &Selection) -> String {
    let mut code = String::from(
        "/// Visits every message type, with its full name, in the order of the names.\n\
         fn visit_messages(visitor: &mut impl MessageVisitor) {\n",
    );
    for message in Part::new(api, selection).messages {
        let name = message.full_name();
        let path = api.rust_path(name);
        let _ = writeln!(code, "    visitor.visit::<{path}>(\"{name}\");");
    }
    code.push_str("}\n");
    code
}
