//! Protobuf's JSON mapping in messages, where it isn't what serde would do.
#![cfg(feature = "organization")]

use gitpod_types::v1::{
    AgentPolicy, CodexModelPolicy, CodexModelPolicyState, CodexReasoningEffort, EndLogSection,
    JoinOrganizationRequest, OrganizationPolicies, OrganizationRole, RegenerateScimTokenRequest,
    RegenerateScimTokenResponse, ScimConfiguration, join_organization_request::JoinId,
};
use gitpod_types::{Duration, Timestamp};
use proptest::prelude::*;
use serde_json::{from_str, to_string};

#[test]
fn times_are_exact() {
    let json = "{\"token\":\"t\",\"tokenExpiresAt\":\"2019-12-27T18:11:19.117Z\"}";
    let response: RegenerateScimTokenResponse = from_str(json).unwrap();
    assert_eq!(
        response.token_expires_at,
        Some(Timestamp {
            seconds: 1_577_470_279,
            nanos: 117_000_000,
        })
    );
    assert_eq!(to_string(&response).unwrap(), json);

    let json = "{\"scimConfigurationId\":\"id\",\"tokenExpiresIn\":\"15552000s\"}";
    let request: RegenerateScimTokenRequest = from_str(json).unwrap();
    assert_eq!(
        request.token_expires_in,
        Some(Duration {
            seconds: 15_552_000,
            nanos: 0,
        })
    );
    assert_eq!(to_string(&request).unwrap(), json);
}

#[test]
fn times_out_of_range_are_errors_both_ways() {
    let request = RegenerateScimTokenRequest {
        token_expires_in: Some(Duration {
            seconds: i64::MAX,
            nanos: 0,
        }),
        ..Default::default()
    };
    let error = to_string(&request).unwrap_err().to_string();
    assert!(
        error.contains("longer than 315,576,000,000 seconds"),
        "{error}"
    );

    let json = "{\"tokenExpiresAt\":\"10000-01-01T00:00:00Z\"}";
    assert!(from_str::<RegenerateScimTokenResponse>(json).is_err());
    let json = "{\"tokenExpiresAt\":1577470279}";
    assert!(from_str::<RegenerateScimTokenResponse>(json).is_err());
}

#[test]
fn the_original_name_of_a_field_is_accepted() {
    let request: RegenerateScimTokenRequest =
        from_str("{\"scim_configuration_id\":\"id\",\"token_expires_in\":\"1s\"}").unwrap();
    assert_eq!(request.scim_configuration_id, "id");
    assert!(request.token_expires_in.is_some());
}

#[test]
fn unknown_fields_are_ignored() {
    let json = "{\"id\":\"a\",\"news\":{\"deep\":[1,{\"x\":null}]},\"enabled\":true}";
    let configuration: ScimConfiguration = from_str(json).unwrap();
    assert_eq!(configuration.id, "a");
    assert!(configuration.enabled);
}

#[test]
fn null_is_the_default_of_every_field() {
    let json = "{\"id\":null,\"enabled\":null,\"createdAt\":null}";
    assert_eq!(
        from_str::<ScimConfiguration>(json).unwrap(),
        ScimConfiguration::default()
    );
    let json = "{\"maxSubagentsPerEnvironment\":null,\"allowedAgentIds\":null,\
                \"conversationSharingPolicy\":null,\"allowedCodexReasoningEfforts\":null,\
                \"codexModelPolicy\":null}";
    assert_eq!(
        from_str::<AgentPolicy>(json).unwrap(),
        AgentPolicy::default()
    );
    assert_eq!(
        from_str::<CodexModelPolicy>("{\"modelStates\":null}").unwrap(),
        CodexModelPolicy::default()
    );
    assert_eq!(
        from_str::<JoinOrganizationRequest>("{\"inviteId\":null}").unwrap(),
        JoinOrganizationRequest::default()
    );
}

#[test]
fn null_is_no_element() {
    assert!(from_str::<AgentPolicy>("{\"allowedAgentIds\":[null]}").is_err());
    assert!(from_str::<AgentPolicy>("{\"allowedCodexReasoningEfforts\":[null]}").is_err());
    assert!(from_str::<CodexModelPolicy>("{\"modelStates\":{\"a\":null}}").is_err());
}

#[test]
fn an_enum_number_without_a_name_is_kept() {
    let json = "{\"allowedCodexReasoningEfforts\":[4711,-1],\"conversationSharingPolicy\":4711}";
    let policy: AgentPolicy = from_str(json).unwrap();
    assert_eq!(policy.allowed_codex_reasoning_efforts, [4711, -1]);
    assert_eq!(policy.conversation_sharing_policy, 4711);
    let back: serde_json::Value = from_str(&to_string(&policy).unwrap()).unwrap();
    assert_eq!(back, from_str::<serde_json::Value>(json).unwrap());

    let policy: CodexModelPolicy = from_str("{\"modelStates\":{\"a\":4711}}").unwrap();
    assert_eq!(
        to_string(&policy).unwrap(),
        "{\"modelStates\":{\"a\":4711}}"
    );
}

#[test]
fn an_enum_name_that_nobody_knows_is_absent() {
    let known = CodexReasoningEffort::try_from(1).unwrap();
    let json = format!(
        "{{\"conversationSharingPolicy\":\"OF_TOMORROW\",\
         \"allowedCodexReasoningEfforts\":[\"OF_TOMORROW\",\"{}\",2]}}",
        known.as_str_name()
    );
    let policy: AgentPolicy = from_str(&json).unwrap();
    assert_eq!(policy.conversation_sharing_policy, 0);
    assert_eq!(policy.allowed_codex_reasoning_efforts, [1, 2]);

    let known = CodexModelPolicyState::try_from(1).unwrap().as_str_name();
    let json = format!("{{\"modelStates\":{{\"a\":\"OF_TOMORROW\",\"b\":\"{known}\"}}}}");
    let policy: CodexModelPolicy = from_str(&json).unwrap();
    assert_eq!(
        policy.model_states.into_iter().collect::<Vec<_>>(),
        [("b".to_owned(), 1)]
    );
}

#[test]
fn an_enum_outside_of_a_message_is_closed() {
    let admin: OrganizationRole = from_str("\"ORGANIZATION_ROLE_ADMIN\"").unwrap();
    assert_eq!(to_string(&admin).unwrap(), "\"ORGANIZATION_ROLE_ADMIN\"");
    assert_eq!(from_str::<OrganizationRole>("1").unwrap(), admin);
    assert!(from_str::<OrganizationRole>("4711").is_err());
    assert!(from_str::<OrganizationRole>("\"OF_TOMORROW\"").is_err());
}

#[test]
fn integers_are_read_in_every_form_of_json() {
    let policies = |value: &str| {
        from_str::<OrganizationPolicies>(&format!("{{\"maximumEnvironmentsPerUser\":{value}}}"))
            .map(|policies| policies.maximum_environments_per_user)
    };
    for (text, value) in [
        ("1", 1),
        ("1.0", 1),
        ("1e5", 100_000),
        ("-0", 0),
        ("\"1\"", 1),
        ("\"-9223372036854775808\"", i64::MIN),
        ("9223372036854775807", i64::MAX),
        ("\"1e2\"", 100),
        ("null", 0),
    ] {
        assert_eq!(policies(text).unwrap(), value, "{text}");
    }
    for text in [
        "1.5",
        "\"\"",
        "\" 1\"",
        "\"1 \"",
        "\"0x1\"",
        "\"+1\"",
        "1e300",
        "true",
        "[]",
        "\"9223372036854775808\"",
        "9223372036854775808",
        "\"inf\"",
        "\"NaN\"",
    ] {
        assert!(policies(text).is_err(), "{text}");
    }
    let value = OrganizationPolicies {
        maximum_environments_per_user: i64::MAX,
        ..Default::default()
    };
    assert_eq!(
        to_string(&value).unwrap(),
        "{\"maximumEnvironmentsPerUser\":\"9223372036854775807\"}"
    );
}

#[test]
fn floats_that_are_no_numbers_are_strings() {
    for (value, json) in [
        (f32::INFINITY, "\"Infinity\""),
        (f32::NEG_INFINITY, "\"-Infinity\""),
        (1.5, "1.5"),
    ] {
        let section = EndLogSection {
            seconds_elapsed: value,
            ..Default::default()
        };
        let json = format!("{{\"secondsElapsed\":{json}}}");
        assert_eq!(to_string(&section).unwrap(), json);
        assert_eq!(from_str::<EndLogSection>(&json).unwrap(), section);
    }
    let section: EndLogSection = from_str("{\"secondsElapsed\":\"NaN\"}").unwrap();
    assert!(section.seconds_elapsed.is_nan());
    assert_eq!(to_string(&section).unwrap(), "{\"secondsElapsed\":\"NaN\"}");
    for text in [
        "\"nan\"", "\"inf\"", "\"\"", "1e39", "\"1e39\"", "\"1.\"", "\"+1\"",
    ] {
        let json = format!("{{\"secondsElapsed\":{text}}}");
        assert!(from_str::<EndLogSection>(&json).is_err(), "{text}");
    }
}

#[test]
fn two_members_of_a_oneof_are_refused() {
    let both = "{\"inviteId\":\"a\",\"organizationId\":\"b\"}";
    assert!(from_str::<JoinOrganizationRequest>(both).is_err());
    let request: JoinOrganizationRequest = from_str("{\"organizationId\":\"b\"}").unwrap();
    assert_eq!(
        request.join_id,
        Some(JoinId::OrganizationId("b".to_owned()))
    );
    // An empty member is a member.
    let json = "{\"inviteId\":\"\"}";
    let request: JoinOrganizationRequest = from_str(json).unwrap();
    assert_eq!(to_string(&request).unwrap(), json);
}

#[test]
fn an_empty_body_is_no_message() {
    assert!(from_str::<RegenerateScimTokenResponse>("").is_err());
    assert!(from_str::<RegenerateScimTokenResponse>("null").is_err());
    assert!(from_str::<RegenerateScimTokenResponse>("[]").is_err());
}

proptest! {
    #[test]
    fn hostile_json_never_panics(text in ".*", looks_right in "[-{}\\[\\]:,\"a-zA-Z0-9.]{0,80}") {
        for text in [text, looks_right] {
            let _ = from_str::<AgentPolicy>(&text);
            let field = serde_json::json!({
                "tokenExpiresAt": text, "token": text, "secondsElapsed": text,
                "maximumEnvironmentsPerUser": text, "conversationSharingPolicy": text,
            })
            .to_string();
            let _ = from_str::<RegenerateScimTokenResponse>(&field);
            let _ = from_str::<EndLogSection>(&field);
            let _ = from_str::<OrganizationPolicies>(&field);
            prop_assert!(from_str::<AgentPolicy>(&field).is_ok());
        }
    }
}
