//! What fits its field and what doesn't, by the descriptors of the API.

use super::*;
use crate::schema::Schema;

fn check(method: &str, text: &str, rigour: Rigour) -> Result<(), String> {
    let message = Schema::load().unwrap().method(method).unwrap().input();
    document(&Json::parse(text.as_bytes()).unwrap(), &message, rigour)
}

fn strict(method: &str, text: &str) -> Result<(), String> {
    check(method, text, Rigour::Strict)
}

#[test]
fn what_the_api_takes() {
    for text in [
        "{}",
        r#"{"filter":null,"pagination":{"pageSize":1.0}}"#,
        r#"{"pagination":{"page_size":1e1}}"#,
        r#"{"filter":{"runnerIds":["x"],"archivalStatus":"ARCHIVAL_STATUS_ALL"}}"#,
        r#"{"filter":{"archivalStatus":99,"created_before":"2027-01-02T03:04:05Z"}}"#,
    ] {
        assert_eq!(
            strict("EnvironmentService/ListEnvironments", text),
            Ok(()),
            "{text}"
        );
    }
    let regenerate = "OrganizationService/RegenerateSCIMToken";
    let text = r#"{"scimConfigurationId":"x","tokenExpiresIn":"15552000.5s"}"#;
    assert_eq!(strict(regenerate, text), Ok(()));
    let text = r#"{"organization":true,"environmentId":null}"#;
    assert_eq!(strict("EventService/WatchEvents", text), Ok(()));
}

#[test]
fn errors_say_where_and_what_was_expected() {
    for (method, text, said) in [
        (
            "EnvironmentService/ListEnvironments",
            r#"{"filter":{"namex":1}}"#,
            "filter.namex: Filter has no such field; expected runnerIds, statusPhases, creatorIds, projectIds, ",
        ),
        (
            "EnvironmentService/ListEnvironments",
            r#"{"filter":{"runnerId":["s3cret"]}}"#,
            "filter.runnerId: Filter has no such field; expected runnerIds perhaps",
        ),
        (
            "EnvironmentService/ListEnvironments",
            r#"{"filter":{"runnerIds":["a",7]}}"#,
            "filter.runnerIds[1]: expected a string",
        ),
        (
            "EnvironmentService/ListEnvironments",
            r#"{"filter":{"runnerIds":[null]}}"#,
            "filter.runnerIds[0]: expected a string",
        ),
        (
            "EnvironmentService/ListEnvironments",
            r#"{"filter":{"runnerIds":"s3cret"}}"#,
            "filter.runnerIds: expected an array",
        ),
        (
            "EnvironmentService/ListEnvironments",
            r#"{"filter":{"archivalStatus":"STATUS_ALL"}}"#,
            "filter.archivalStatus: expected a value of ArchivalStatus: ARCHIVAL_STATUS_ALL perhaps",
        ),
        (
            "EnvironmentService/ListEnvironments",
            r#"{"filter":{"archivalStatus":"s3cret"}}"#,
            "filter.archivalStatus: expected a value of ArchivalStatus: \
             ARCHIVAL_STATUS_UNSPECIFIED, ARCHIVAL_STATUS_ACTIVE, ARCHIVAL_STATUS_ARCHIVED, \
             ARCHIVAL_STATUS_ALL",
        ),
        (
            "EnvironmentService/ListEnvironments",
            r#"{"filter":{"createdBefore":"s3cret"}}"#,
            "filter.createdBefore: expected a time such as",
        ),
        (
            "EnvironmentService/ListEnvironments",
            r#"{"pagination":{"pageSize":2147483648}}"#,
            "pagination.pageSize: expected a whole number of 32 bits",
        ),
        (
            "EnvironmentService/ListEnvironments",
            r#"{"pagination":{"pageSize":1,"page_size":1}}"#,
            "pagination.page_size: the field is there twice",
        ),
        (
            "EnvironmentService/ListEnvironments",
            r#"["s3cret"]"#,
            "expected an object (ListEnvironmentsRequest)",
        ),
        (
            "EventService/WatchEvents",
            r#"{"resourceTypeFilters":[{},{"foo":"s3cret"}]}"#,
            "resourceTypeFilters[1].foo: ResourceTypeFilter has no such field",
        ),
        (
            "EventService/WatchEvents",
            r#"{"organization":true,"environmentId":"x"}"#,
            "environmentId: another field stands for scope; expected one of organization, \
             environmentId",
        ),
        (
            "OrganizationService/RegenerateSCIMToken",
            r#"{"tokenExpiresIn":15552000}"#,
            "tokenExpiresIn: expected a span of seconds such as",
        ),
        (
            "SecretService/CreateSecret",
            r#"{"value":{"s3cret":"s3cret"}}"#,
            "value: expected a string",
        ),
        (
            "IdentityService/GetAuthenticatedIdentity",
            r#"{"x":1}"#,
            "x: GetAuthenticatedIdentityRequest has no such field; the message is empty",
        ),
    ] {
        let error = strict(method, text).unwrap_err();
        assert!(error.starts_with(said), "{text}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

/// A newer server's answer passes, and one that is of another type doesn't.
#[test]
fn answers_are_taken_as_they_come() {
    let lenient = |text| check("EnvironmentService/ListEnvironments", text, Rigour::Lenient);
    for text in [
        r#"{"new":{"a":[1]},"filter":{"archivalStatus":"ARCHIVAL_STATUS_NEW","new":1}}"#,
        r#"{"filter":{},"filter":{}}"#,
    ] {
        assert_eq!(lenient(text), Ok(()), "{text}");
    }
    assert!(lenient(r#"{"filter":5}"#).is_err());
    assert!(lenient(r#"{"filter":{"archivalStatus":true}}"#).is_err());
}

#[test]
fn scalars() {
    let fits = |kind: &Kind, text: &str| is_scalar(&Json::parse(text.as_bytes()).unwrap(), kind);
    for (kind, good, bad) in [
        (
            Kind::Bool,
            &["true", "false"][..],
            &["1", "\"true\"", "null"][..],
        ),
        (Kind::String, &["\"\""], &["1", "null", "[]", "{}"]),
        (
            Kind::Int32,
            &[
                "0",
                "-2147483648",
                "\"2147483647\"",
                "1.0",
                "1e5",
                "\"1e5\"",
                "\"-7\"",
            ],
            &[
                "2147483648",
                "1.5",
                "\"\"",
                "\"+1\"",
                "\" 1\"",
                "\"inf\"",
                "true",
                "\"0x1\"",
            ],
        ),
        (Kind::Uint32, &["4294967295", "-0"], &["-1", "4294967296"]),
        (
            Kind::Int64,
            &["\"9223372036854775807\"", "-9223372036854775808"],
            &["9223372036854775808", "\"9223372036854775808\"", "1e300"],
        ),
        (
            Kind::Uint64,
            &["18446744073709551615", "\"18446744073709551615\""],
            &["-1", "18446744073709551616", "\"-1\""],
        ),
        (
            Kind::Double,
            &["1.5", "\"NaN\"", "\"-Infinity\"", "\"1e300\"", "-0.0"],
            &["\"nan\"", "\"inf\"", "true", "\"\"", "\"1e999\""],
        ),
        (Kind::Float, &["1.5", "3e38"], &["1e39", "\"-1e39\""]),
        (
            Kind::Bytes,
            &[
                "\"\"", "\"AA==\"", "\"AA\"", "\"-_-_\"", "\"+/+/\"", "\"AAA=\"",
            ],
            &["\"A\"", "\"AA=\"", "\"-/\"", "\"AA AA\"", "\"AAAA=\"", "7"],
        ),
    ] {
        for text in good {
            assert!(fits(&kind, text), "{kind:?} {text}");
        }
        for text in bad {
            assert!(!fits(&kind, text), "{kind:?} {text}");
        }
    }
}

#[test]
fn keys_of_maps() {
    assert!(is_key("anything", &Kind::String));
    assert!(is_key("true", &Kind::Bool) && !is_key("1", &Kind::Bool));
    assert!(is_key("-5", &Kind::Int32) && !is_key("x", &Kind::Int32));
}
