//! The typed details of errors, from a server's to a user's hands.

use gitpod_client::prost::Name;
use gitpod_client::types::v1::{ActionableErrorDetails, ErrorAction, GetScimConfigurationRequest};
use gitpod_client::{Code, Codec, Error, rpc};
use gitpod_testing::{Fault, ServerError};
use gitpod_tests::harness::Harness;

/// An error of the API's with this detail, as a client sees it in either codec.
async fn told<T: Name>(detail: &T, check: impl Fn(Error)) {
    let harness = Harness::start().await.unwrap();
    for (_, client) in harness.clients().unwrap() {
        let error = ServerError::new(Code::FailedPrecondition, "no")
            .with_detail("gitpod.v1.Unheard", vec![0xff])
            .with_detail(T::full_name(), detail.encode_to_vec());
        harness.inject(Fault::error(error));
        let request = GetScimConfigurationRequest {
            scim_configuration_id: harness.scim_configuration_id().to_owned(),
        };
        let call = client.organization().get_scim_configuration(request);
        check(harness.note_error(call.await.unwrap_err()));
    }
}

#[tokio::test]
async fn a_detail_of_the_api_s_own() {
    let detail = ActionableErrorDetails {
        error_code: "CONTENT_GIT_ACCESS_DENIED".to_owned(),
        user_message: "sign in to the host".to_owned(),
        actions: vec![ErrorAction {
            action_id: "configure_git_auth".to_owned(),
            ..Default::default()
        }],
        ..Default::default()
    };
    assert_eq!(
        ActionableErrorDetails::type_url(),
        "type.googleapis.com/gitpod.v1.ActionableErrorDetails"
    );
    told(&detail, |error| {
        let found: Vec<ActionableErrorDetails> = error.details().collect();
        assert_eq!(found.as_slice(), std::slice::from_ref(&detail));
        assert_eq!(error.details::<rpc::ErrorInfo>().count(), 0);
        let names = error.raw_details().iter().map(|detail| detail.type_name());
        let own = "gitpod.v1.ActionableErrorDetails";
        assert_eq!(names.collect::<Vec<_>>(), ["gitpod.v1.Unheard", own]);
    })
    .await;
}

#[tokio::test]
async fn a_detail_of_google_s() {
    let detail = rpc::ErrorInfo {
        reason: "STOCKOUT".to_owned(),
        domain: "ona.com".to_owned(),
        metadata: [("key".to_owned(), "a-value-nobody-should-see".to_owned())].into(),
    };
    told(&detail, |error| {
        assert_eq!(
            error.details::<rpc::ErrorInfo>().next().as_ref(),
            Some(&detail)
        );
        let printed = format!("{error} {error:?}");
        assert!(!printed.contains("nobody-should-see"), "{printed}");
        assert!(printed.contains("google.rpc.ErrorInfo"), "{printed}");
    })
    .await;
}

/// What has a known name and another form is no detail of that type.
#[tokio::test]
async fn a_detail_that_is_not_what_it_says() {
    let harness = Harness::start().await.unwrap();
    let client = harness.client(Codec::Json).build().unwrap();
    let error = ServerError::new(Code::Internal, "")
        .with_detail(rpc::BadRequest::full_name(), vec![0xff])
        .with_detail(rpc::BadRequest::full_name(), vec![]);
    harness.inject(Fault::error(error));
    let request = GetScimConfigurationRequest {
        scim_configuration_id: harness.scim_configuration_id().to_owned(),
    };
    let error = client
        .organization()
        .get_scim_configuration(request)
        .await
        .unwrap_err();
    let found: Vec<rpc::BadRequest> = error.details().collect();
    assert_eq!(found, [rpc::BadRequest::default()]);
    assert_eq!(error.raw_details().len(), 2);
}

#[test]
fn google_s_names() {
    let names = [
        rpc::BadRequest::full_name(),
        rpc::DebugInfo::full_name(),
        rpc::ErrorInfo::full_name(),
        rpc::Help::full_name(),
        rpc::LocalizedMessage::full_name(),
        rpc::PreconditionFailure::full_name(),
        rpc::QuotaFailure::full_name(),
        rpc::RequestInfo::full_name(),
        rpc::ResourceInfo::full_name(),
        rpc::RetryInfo::full_name(),
    ];
    assert!(names.iter().all(|name| name.starts_with("google.rpc.")));
    assert_eq!(names[5], "google.rpc.PreconditionFailure");
}
