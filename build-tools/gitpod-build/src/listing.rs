//! Methods that list something page by page.

use std::fmt::Write as _;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};

use crate::api::Api;
use crate::names;

/// The field of request and response that says which page it is.
const PAGINATION: &str = "pagination";

/// What makes a method a listing: `pagination` in its request, with a page size and a token, and in
/// its response, with the next token, and a first repeated field there, which has the items.
struct Listing {
    items: FieldDescriptor,
}

/// Whether the method is a listing.
pub(crate) fn is(method: &MethodDescriptor) -> bool {
    Listing::of(method).is_some()
}

impl Listing {
    fn of(method: &MethodDescriptor) -> Option<Self> {
        if method.is_client_streaming() || method.is_server_streaming() {
            return None;
        }
        let asked = pagination(&method.input())?;
        let told = pagination(&method.output())?;
        let has = |message: &MessageDescriptor, name: &str, kind: Kind| {
            message.get_field_by_name(name).is_some_and(|field| {
                field.kind() == kind && !field.is_list() && !field.supports_presence()
            })
        };
        let fits = has(&asked, "page_size", Kind::Int32)
            && has(&asked, "token", Kind::String)
            && has(&told, "next_token", Kind::String);
        let items = method
            .output()
            .fields()
            .filter(FieldDescriptor::is_list)
            // In the order in which they are declared.
            .min_by_key(|field| field.path().last().copied())?;
        // Of numbers and enums there are no long lists.
        let fits = fits && matches!(items.kind(), Kind::Message(_) | Kind::String);
        fits.then_some(Self { items })
    }
}

fn pagination(message: &MessageDescriptor) -> Option<MessageDescriptor> {
    match message.get_field_by_name(PAGINATION)?.kind() {
        Kind::Message(pagination) => Some(pagination),
        _ => None,
    }
}

/// `impl Paged` for the method's marker, if it is a listing.
pub(crate) fn generate(code: &mut String, api: &Api, method: &MethodDescriptor) {
    let Some(Listing { items }) = Listing::of(method) else {
        return;
    };
    let item = match items.kind() {
        Kind::Message(message) => api.rust_path(message.full_name()),
        _ => "::prost::alloc::string::String".to_owned(),
    };
    let marker = names::camel(method.name());
    let field = names::snake(items.name());
    let _ = write!(
        code,
        "
    #[allow(deprecated)]
    impl ::connect_hyper::Paged for {marker} {{
        type Item = {item};
        #[inline]
        fn page(request: &mut Self::Request) -> (&mut i32, &mut ::prost::alloc::string::String) {{
            let pagination = request.pagination.get_or_insert_default();
            (&mut pagination.page_size, &mut pagination.token)
        }}
        #[inline]
        fn next_token(response: &Self::Response) -> &str {{
            response.pagination.as_ref().map_or(\"\", |pagination| &pagination.next_token)
        }}
        #[inline]
        fn take_items(response: &mut Self::Response) -> ::prost::alloc::vec::Vec<Self::Item> {{
            ::core::mem::take(&mut response.{field})
        }}
    }}
"
    );
}
