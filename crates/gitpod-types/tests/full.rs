//! What only some services have.
#![cfg(feature = "full")]

use gitpod_types::v1::{
    EnvironmentVariableItem, UserInputBlock, environment_variable_item, user_input_block,
};
use serde_json::{from_str, to_string};

#[test]
fn a_secret_in_a_oneof_is_redacted() {
    let secret = EnvironmentVariableItem {
        name: "PASSWORD".to_owned(),
        source: Some(environment_variable_item::Source::Value(
            "nobody-may-see".to_owned(),
        )),
        ..Default::default()
    };
    let text = format!("{secret:?}");
    assert!(text.contains("name: \"PASSWORD\""), "{text}");
    assert!(text.contains("source: Some(Value([redacted]))"), "{text}");
}

#[test]
fn a_oneof_that_prost_renames_has_json() {
    // A message nested in UserInputBlock is called Input as the oneof is.
    let json =
        "{\"id\":\"1\",\"inputs\":[{\"image\":{\"data\":\"_-8\",\"mimeType\":\"image/png\"}}]}";
    let block: UserInputBlock = from_str(json).unwrap();
    let image = match &block.inputs[0].input {
        Some(user_input_block::input::Input::Image(image)) => image,
        other => panic!("{other:?}"),
    };
    // Either alphabet of base64 is read, the standard one is written.
    assert_eq!(image.data, [0xff, 0xef]);
    assert!(to_string(&block).unwrap().contains("\"data\":\"/+8=\""));
}

#[test]
fn base64_is_read_in_all_four_forms() {
    for text in ["/+8=", "/+8", "_-8=", "_-8"] {
        let json = format!("{{\"data\":\"{text}\"}}");
        let image: user_input_block::ImageInput = from_str(&json).unwrap();
        assert_eq!(image.data, [0xff, 0xef], "{text}");
    }
    for text in ["/+8==", "/-8", "a", "%%%%", "/+8 "] {
        let json = format!("{{\"data\":\"{text}\"}}");
        assert!(
            from_str::<user_input_block::ImageInput>(&json).is_err(),
            "{text}"
        );
    }
}
