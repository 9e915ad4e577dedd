//! The descriptors that programs carry along have the options and the comments.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use gitpod_build::Api;
use prost_reflect::DescriptorPool;

#[test]
fn options_and_comments_are_there_and_places_are_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/toy/proto");
    let set = Api::load(&root).unwrap().descriptors().unwrap();
    let pool = DescriptorPool::decode(&*set).unwrap();

    let key = pool
        .get_message_by_name("toy.v1.RegenerateBoxKeyResponse")
        .unwrap()
        .get_field_by_name("key")
        .unwrap();
    let options = key.options();
    let redact = options.get_field_by_name("debug_redact").unwrap();
    assert_eq!(redact.as_bool(), Some(true));
    assert!(
        options
            .extensions()
            .any(|(extension, _)| extension.full_name() == "buf.validate.field")
    );

    let file = pool.get_file_by_name("toy/v1/toy.proto").unwrap();
    let info = file.file_descriptor_proto().source_code_info.clone();
    let locations = info.unwrap().location;
    let comment = locations
        .iter()
        .find(|location| location.path == key.path())
        .unwrap();
    assert_eq!(
        comment.leading_comments(),
        " The key, which is shown once.\n"
    );
    for location in locations {
        assert!(!location.leading_comments().is_empty());
        assert!(location.span.is_empty() && location.trailing_comments.is_none());
    }
}
