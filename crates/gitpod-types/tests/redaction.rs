//! Secrets don't print; everything else prints as prost prints it.
#![cfg(feature = "organization")]

use gitpod_types::Timestamp;
use gitpod_types::v1::{
    CreateScimConfigurationResponse, RegenerateScimTokenResponse, ScimConfiguration,
};

const TOKEN: &str = "scim-token-nobody-may-see";

#[test]
fn a_token_is_redacted() {
    let response = RegenerateScimTokenResponse {
        token: TOKEN.to_owned(),
        token_expires_at: Some(Timestamp {
            seconds: 1,
            nanos: 2,
        }),
    };
    assert_eq!(
        format!("{response:?}"),
        "RegenerateScimTokenResponse { token: [redacted], \
         token_expires_at: Some(Timestamp { seconds: 1, nanos: 2 }) }"
    );
    assert!(!format!("{response:#?}").contains(TOKEN));
}

#[test]
fn an_absent_token_prints_as_absent() {
    assert_eq!(
        format!("{:?}", RegenerateScimTokenResponse::default()),
        "RegenerateScimTokenResponse { token: \"\", token_expires_at: None }"
    );
}

#[test]
fn a_token_is_redacted_wherever_the_message_stands() {
    let response = CreateScimConfigurationResponse {
        token: TOKEN.to_owned(),
        scim_configuration: Some(ScimConfiguration {
            name: "Entra".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let nested = format!("{:?} {:#?}", vec![Some(&response)], Box::new(&response));
    assert!(!nested.contains(TOKEN), "{nested}");
    assert!(nested.contains("Entra"), "{nested}");
}

#[test]
fn the_wire_has_the_token() {
    let response = RegenerateScimTokenResponse {
        token: TOKEN.to_owned(),
        ..Default::default()
    };
    let json = serde_json::to_string(&response).unwrap();
    assert_eq!(json, format!("{{\"token\":\"{TOKEN}\"}}"));
}
