//! What only some services have.
#![cfg(feature = "full")]

use gitpod_types::v1::{
    EnvironmentVariableItem, GetActiveUsersCountResponse, PrebuildStatus, UserInputBlock,
    environment_variable_item, user_input_block,
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

#[test]
fn unsigned_integers_are_strings() {
    let json = "{\"statusVersion\":\"18446744073709551615\"}";
    let status: PrebuildStatus = from_str(json).unwrap();
    assert_eq!(status.status_version, u64::MAX);
    assert_eq!(to_string(&status).unwrap(), json);
    for (text, value) in [
        ("18446744073709551615", Some(u64::MAX)),
        ("\"18446744073709551615.0\"", Some(u64::MAX)),
        ("1e18", Some(1_000_000_000_000_000_000)),
        ("\"-0\"", Some(0)),
        ("18446744073709551616", None),
        ("\"18446744073709551616\"", None),
        ("-1", None),
        ("\"-1\"", None),
        ("0.1", None),
    ] {
        let json = format!("{{\"statusVersion\":{text}}}");
        let read = from_str::<PrebuildStatus>(&json).map(|status| status.status_version);
        assert_eq!(read.ok(), value, "{text}");
    }
}

#[test]
fn doubles_are_exact() {
    for (text, value) in [
        ("2.22507e-308", 2.22507e-308),
        ("-1.7976931348623157e308", f64::MIN),
        ("5e-324", 5e-324),
        ("0.1", 0.1),
        ("123456789.123456789", 123_456_789.123_456_79),
        ("\"1.5e3\"", 1500.0),
        ("9007199254740993", 9_007_199_254_740_992.0),
        ("\"Infinity\"", f64::INFINITY),
        ("\"-Infinity\"", f64::NEG_INFINITY),
    ] {
        let json = format!("{{\"trend\":{text}}}");
        let response: GetActiveUsersCountResponse = from_str(&json).unwrap();
        assert_eq!(response.trend, value, "{text}");
        let back: GetActiveUsersCountResponse = from_str(&to_string(&response).unwrap()).unwrap();
        assert_eq!(back, response, "{text}");
    }
    for text in [
        "1e400",
        "-1e400",
        "\"1e400\"",
        "\"nan\"",
        "\"+Infinity\"",
        "\"\"",
        "NaN",
        "{}",
    ] {
        let json = format!("{{\"trend\":{text}}}");
        assert!(
            from_str::<GetActiveUsersCountResponse>(&json).is_err(),
            "{text}"
        );
    }
}
