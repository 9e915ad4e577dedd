//! Protobuf's JSON mapping where senders differ: spellings, repetitions, nulls, escapes, depth.
#![cfg(feature = "organization")]

use gitpod_types::v1::{
    AgentPolicy, CodexModelPolicy, JoinOrganizationRequest, ListScimConfigurationsResponse,
    OrganizationPolicies, RegenerateScimTokenRequest, RegenerateScimTokenResponse,
    ScimConfiguration, join_organization_request::JoinId,
};
use serde_json::{from_slice, from_str, to_string};

#[test]
fn a_field_stands_once_in_whatever_spelling() {
    for json in [
        "{\"id\":\"a\",\"id\":\"a\"}",
        "{\"id\":\"a\",\"id\":null}",
        "{\"organizationId\":\"a\",\"organization_id\":\"a\"}",
        "{\"enabled\":true,\"enabled\":false}",
        "{\"createdAt\":\"2019-12-27T18:11:19Z\",\"created_at\":\"2019-12-27T18:11:19Z\"}",
    ] {
        assert!(from_str::<ScimConfiguration>(json).is_err(), "{json}");
    }
    // Whatever stands between the two.
    let between = "{\"name\":\"b\",\"id\":\"a\",\"unknown\":{},\"enabled\":true,\"name\":\"b\"}";
    assert!(from_str::<ScimConfiguration>(between).is_err());
    // Another case is another name, and nobody knows it.
    let configuration: ScimConfiguration =
        from_str("{\"ID\":\"a\",\"OrganizationId\":\"b\",\"organizationid\":\"c\"}").unwrap();
    assert_eq!(configuration, ScimConfiguration::default());
}

#[test]
fn fields_are_read_in_any_order() {
    let written = "{\"id\":\"a\",\"organizationId\":\"b\",\"enabled\":true,\"name\":\"c\"}";
    let expected: ScimConfiguration = from_str(written).unwrap();
    assert_eq!(expected.name, "c");
    let fields: Vec<_> = written.trim_matches(['{', '}']).split(',').collect();
    for turned in 0..fields.len() {
        let mut fields = fields.clone();
        fields.rotate_left(turned);
        for fields in [fields.clone(), fields.into_iter().rev().collect()] {
            let json = format!("{{\"unknown\":[1],{}}}", fields.join(",\"unknown\":null,"));
            let read: ScimConfiguration = from_str(&json).unwrap();
            assert_eq!(read, expected, "{json}");
        }
    }
}

#[test]
fn a_oneof_has_one_member_and_null_is_none() {
    let b = Some(JoinId::OrganizationId("b".to_owned()));
    for json in [
        "{\"inviteId\":null,\"organizationId\":\"b\"}",
        "{\"organizationId\":\"b\",\"inviteId\":null}",
    ] {
        let request: JoinOrganizationRequest = from_str(json).unwrap();
        assert_eq!(request.join_id, b, "{json}");
    }
    for json in [
        "{\"inviteId\":\"a\",\"organizationId\":\"b\"}",
        "{\"organizationId\":\"b\",\"inviteId\":\"\"}",
        "{\"inviteId\":\"a\",\"invite_id\":\"a\"}",
        "{\"inviteId\":null,\"organizationId\":\"b\",\"inviteId\":\"a\"}",
        // A field that comes twice, even of nothing.
        "{\"invite_id\":null,\"organization_id\":\"b\",\"inviteId\":null}",
    ] {
        assert!(from_str::<JoinOrganizationRequest>(json).is_err(), "{json}");
    }
}

#[test]
fn strings_are_read_with_their_escapes() {
    for (json, id) in [
        ("\"\\ud83e\\udd80\"", "\u{1f980}"),
        (
            "\"\\u0000\\b\\f\\n\\r\\t\\\"\\\\\\/\"",
            "\0\u{8}\u{c}\n\r\t\"\\/",
        ),
        ("\"\u{2028}\\u2028\"", "\u{2028}\u{2028}"),
        ("\"\"", ""),
    ] {
        let json = format!("{{\"id\":{json}}}");
        let configuration: ScimConfiguration = from_str(&json).unwrap();
        assert_eq!(configuration.id, id, "{json}");
        let back: ScimConfiguration = from_str(&to_string(&configuration).unwrap()).unwrap();
        assert_eq!(back, configuration);
    }
    for json in [
        "\"\\ud83e\"",
        "\"\\udd80\\ud83e\"",
        "\"\\ud83ex\"",
        "\"\\u12\"",
        "\"\\x\"",
        "\"\n\"",
        "\"\0\"",
        "'a'",
        "1",
        "true",
        "[]",
        "{}",
    ] {
        let json = format!("{{\"id\":{json}}}");
        assert!(from_str::<ScimConfiguration>(&json).is_err(), "{json}");
    }
    assert!(from_slice::<ScimConfiguration>(b"{\"id\":\"\xff\"}").is_err());
    // A key may be escaped as well.
    let configuration: ScimConfiguration = from_str("{\"\\u0069d\":\"a\"}").unwrap();
    assert_eq!(configuration.id, "a");
}

#[test]
fn space_around_is_nothing_and_anything_else_is_an_error() {
    let configuration: ScimConfiguration =
        from_str(" \r\n\t{ \"id\" :\n\"a\" , \"enabled\":true } \n").unwrap();
    assert_eq!(configuration.id, "a");
    for json in [
        "{\"id\":\"a\"}}",
        "{\"id\":\"a\"} {}",
        "{\"id\":\"a\",}",
        "{\"id\":\"a\"",
        "{\"id\" \"a\"}",
        "{id:\"a\"}",
        "\u{feff}{}",
        "{}\0",
        "\"\"",
        "1",
    ] {
        assert!(from_str::<ScimConfiguration>(json).is_err(), "{json}");
    }
}

#[test]
fn booleans_are_no_strings_and_no_numbers() {
    for json in ["\"true\"", "1", "0", "\"\"", "TRUE", "[true]"] {
        let json = format!("{{\"enabled\":{json}}}");
        assert!(from_str::<ScimConfiguration>(&json).is_err(), "{json}");
    }
}

#[test]
fn lists_and_maps_take_nothing_else() {
    for json in [
        "{\"allowedAgentIds\":\"a\"}",
        "{\"allowedAgentIds\":{}}",
        "{\"allowedAgentIds\":[1]}",
        "{\"allowedAgentIds\":[[\"a\"]]}",
        "{\"allowedCodexReasoningEfforts\":\"CODEX_REASONING_EFFORT_LOW\"}",
        "{\"allowedCodexReasoningEfforts\":[1.5]}",
        "{\"allowedCodexReasoningEfforts\":[2147483648]}",
        "{\"allowedCodexReasoningEfforts\":[true]}",
        "{\"conversationSharingPolicy\":{}}",
    ] {
        assert!(from_str::<AgentPolicy>(json).is_err(), "{json}");
    }
    for json in ["{\"modelStates\":[]}", "{\"modelStates\":{\"a\":[]}}"] {
        assert!(from_str::<CodexModelPolicy>(json).is_err(), "{json}");
    }
    let json = "{\"scimConfigurations\":[null]}";
    assert!(from_str::<ListScimConfigurationsResponse>(json).is_err());
    let json = "{\"scimConfigurations\":[{}],\"pagination\":{}}";
    let list: ListScimConfigurationsResponse = from_str(json).unwrap();
    assert_eq!(list.scim_configurations.len(), 1);
    assert!(list.pagination.is_some());
}

/// An enum value may be written as any number is: `2.0`, `2e0`.
#[test]
fn numbers_of_enum_values_are_numbers() {
    for text in ["2", "2.0", "2e0", "20e-1", "-0"] {
        let json = format!("{{\"conversationSharingPolicy\":{text}}}");
        let policy: AgentPolicy = from_str(&json).unwrap();
        let expected = if text == "-0" { 0 } else { 2 };
        assert_eq!(policy.conversation_sharing_policy, expected, "{text}");
    }
}

#[test]
fn no_number_is_taken_for_another() {
    let policies = |value: &str| {
        from_str::<OrganizationPolicies>(&format!("{{\"maximumEnvironmentsPerUser\":{value}}}"))
            .map(|policies| policies.maximum_environments_per_user)
    };
    for (text, value) in [
        ("\"9007199254740993.0\"", 9_007_199_254_740_993),
        ("\"9223372036854775807.0\"", i64::MAX),
        ("\"-9223372036854775808\"", i64::MIN),
        ("-9223372036854775808", i64::MIN),
        ("\"100e-2\"", 1),
        ("1E+2", 100),
        ("\"-0\"", 0),
        ("-0.0", 0),
    ] {
        assert_eq!(policies(text).unwrap(), value, "{text}");
    }
    for text in [
        "-9223372036854775809",
        "\"-9223372036854775809\"",
        "\"9223372036854775808.0\"",
        "1e400",
        "\"1e400\"",
        "\"1e999999999\"",
        "0.5",
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "0x1",
        "NaN",
        "Infinity",
        "\"Infinity\"",
        "{}",
    ] {
        assert!(policies(text).is_err(), "{text}");
    }
}

#[test]
fn durations_are_exact() {
    let request = |text: &str| {
        from_str::<RegenerateScimTokenRequest>(&format!("{{\"tokenExpiresIn\":{text}}}"))
            .map(|request| request.token_expires_in.unwrap_or_default())
    };
    for (text, seconds, nanos) in [
        ("\"0.000000001s\"", 0, 1),
        ("\"-0.000000001s\"", 0, -1),
        ("\"-1.5s\"", -1, -500_000_000),
        ("\"315576000000s\"", 315_576_000_000, 0),
        ("\"-315576000000s\"", -315_576_000_000, 0),
        ("\"-0s\"", 0, 0),
        ("\"\\u0031s\"", 1, 0),
        ("null", 0, 0),
    ] {
        let duration = request(text).unwrap();
        assert_eq!(
            (duration.seconds, duration.nanos),
            (seconds, nanos),
            "{text}"
        );
    }
    for text in [
        "\"315576000001s\"",
        "\"1\"",
        "\"1.0000000001s\"",
        "\" 1s\"",
        "\"1s \"",
        "\"1h\"",
        "\"s\"",
        "1",
        "{\"seconds\":1}",
    ] {
        assert!(request(text).is_err(), "{text}");
    }
}

#[test]
fn timestamps_are_exact() {
    let response = |text: &str| {
        from_str::<RegenerateScimTokenResponse>(&format!("{{\"tokenExpiresAt\":{text}}}"))
            .map(|response| response.token_expires_at.unwrap_or_default())
    };
    for (text, seconds, nanos) in [
        ("\"0001-01-01T00:00:00Z\"", -62_135_596_800, 0),
        (
            "\"9999-12-31T23:59:59.999999999Z\"",
            253_402_300_799,
            999_999_999,
        ),
        ("\"1969-12-31T23:59:59.5Z\"", -1, 500_000_000),
        ("\"2024-02-29T00:00:00.000000001+23:59\"", 1_709_078_460, 1),
        ("null", 0, 0),
    ] {
        let time = response(text).unwrap();
        assert_eq!((time.seconds, time.nanos), (seconds, nanos), "{text}");
    }
    for text in [
        "\"2019-12-27t18:11:19Z\"",
        "\"2019-12-27T18:11:19z\"",
        "\"2016-12-31T23:59:60Z\"",
        "\"2019-12-27T18:11:19\"",
        "\"2019-12-27T18:11:19.0123456789Z\"",
        "\"0001-01-01T00:00:00+00:01\"",
        "\"9999-12-31T23:59:59-00:01\"",
        "\"0000-12-31T23:59:59Z\"",
        "\" 2019-12-27T18:11:19Z\"",
        "1577470279",
        "{\"seconds\":1}",
    ] {
        assert!(response(text).is_err(), "{text}");
    }
}

#[test]
fn what_nobody_knows_may_be_deep() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let configuration: ScimConfiguration =
        from_str(&format!("{{\"news\":{deep},\"id\":\"a\"}}")).unwrap();
    assert_eq!(configuration.id, "a");
    // Cut off in the middle, it is no message.
    let cut = format!("{{\"news\":{}", &deep[..150_000]);
    assert!(from_str::<ScimConfiguration>(&cut).is_err());
}

/// Of ours, an error names a field and a type. serde_json's, which may quote, is never shown: see
/// the codec of connect-hyper.
#[test]
fn no_text_of_ours_quotes_a_value() {
    const SECRET: &str = "S3CRET";
    let texts = [
        from_str::<OrganizationPolicies>(&format!(
            "{{\"maximumEnvironmentsPerUser\":\"{SECRET}\"}}"
        ))
        .map(drop),
        from_str::<RegenerateScimTokenResponse>(&format!("{{\"tokenExpiresAt\":\"{SECRET}\"}}"))
            .map(drop),
        from_str::<RegenerateScimTokenRequest>(&format!("{{\"tokenExpiresIn\":\"{SECRET}s\"}}"))
            .map(drop),
        from_str::<JoinOrganizationRequest>(&format!(
            "{{\"inviteId\":\"{SECRET}\",\"organizationId\":\"{SECRET}\"}}"
        ))
        .map(drop),
        from_str::<gitpod_types::v1::OrganizationRole>(&format!("\"{SECRET}\"")).map(drop),
    ];
    for text in texts {
        let text = text.unwrap_err().to_string();
        assert!(!text.contains(SECRET), "{text}");
    }
}
