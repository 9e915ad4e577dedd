//! Requests that break rules of the API aren't sent.

use gitpod_client::types::Duration;
use gitpod_client::types::v1::{
    CreateCustomDomainRequest, CreateScimConfigurationRequest, RegenerateScimTokenRequest,
};
use gitpod_client::{Code, Codec, Error, Execution, Validate as _, Violations};
use gitpod_tests::harness::Harness;

/// What an error says is broken: field and rule.
fn broken(error: &Error) -> Vec<(&str, &str)> {
    let violations = Violations::of(error).unwrap();
    let broken = violations.into_iter();
    broken
        .map(|broken| (broken.field(), broken.rule_id()))
        .collect()
}

#[tokio::test]
async fn a_request_that_breaks_rules_is_not_sent() {
    let harness = Harness::start().await.unwrap();
    for (name, client) in harness.clients().unwrap() {
        let request = RegenerateScimTokenRequest {
            scim_configuration_id: "hunter2".to_owned(),
            token_expires_in: Some(Duration {
                seconds: 4711,
                nanos: 0,
            }),
        };
        let call = client.organization().regenerate_scim_token(request);
        let error = harness.note_error(call.await.unwrap_err());
        assert_eq!(error.code(), Code::InvalidArgument, "{name}");
        assert_eq!(error.execution(), Execution::NotSent);
        assert!(!error.is_from_server() && error.attempts() == 0);
        assert_eq!(
            broken(&error),
            [
                ("scim_configuration_id", "string.uuid"),
                ("token_expires_in", "duration.gte_lte")
            ]
        );
        assert_eq!(
            error.message(),
            "the request breaks rules of the API: scim_configuration_id: value must be a valid UUID \
             [string.uuid]; token_expires_in: value must be greater than or equal to 86400s and less \
             than or equal to 63072000s [duration.gte_lte]"
        );
        let printed = format!("{error} {error:?}");
        assert!(
            !printed.contains("hunter2") && !printed.contains("4711"),
            "{printed}"
        );
    }
    assert_eq!(harness.call_count(), 0);
}

#[tokio::test]
async fn the_server_decides_if_the_client_is_told_not_to() {
    let harness = Harness::start().await.unwrap();
    let client = harness.client(Codec::Json).validate(false).build().unwrap();
    let request = || CreateScimConfigurationRequest {
        organization_id: harness.organization_id().to_owned(),
        sso_configuration_id: harness.sso_configuration_id().to_owned(),
        name: Some("x".repeat(129)),
        ..Default::default()
    };
    let organization = client.organization();
    let error = organization
        .create_scim_configuration(request())
        .await
        .unwrap_err();
    assert!(
        error.is_from_server() && Violations::of(&error).is_none(),
        "{error:?}"
    );
    assert_eq!(harness.call_count(), 1);

    let call = organization
        .create_scim_configuration(request())
        .validate(true);
    let error = call.await.unwrap_err();
    assert_eq!(broken(&error), [("name", "string.max_len")]);
    assert_eq!(harness.call_count(), 1);
}

/// What a newer server has sent can be sent back.
#[test]
fn enum_numbers_that_are_not_known_here_are_sent() {
    let mut request = CreateCustomDomainRequest {
        organization_id: "00000000-0000-4000-8000-000000000001".to_owned(),
        domain_name: "ona.example.com".to_owned(),
        provider: 77,
        ..Default::default()
    };
    assert_eq!(request.validate_for_sending(), Ok(()));
    let violations = request.validate().unwrap_err();
    assert_eq!(violations.as_slice()[0].rule_id(), "enum.defined_only");
    request.domain_name.clear();
    let violations = request.validate_for_sending().unwrap_err();
    assert_eq!(violations.as_slice()[0].field(), "domain_name");
    assert_eq!(violations.as_slice().len(), 1);
}
