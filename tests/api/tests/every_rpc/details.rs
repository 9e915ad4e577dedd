//! The messages that no RPC has, and that errors may have as details: each decodes by its type.

use std::collections::BTreeSet;
use std::fmt::Debug;

use gitpod_client::prost::Name;
use gitpod_client::types::v1::GetScimConfigurationRequest;
use gitpod_client::{Code, Error};
use gitpod_testing::{Fault, ServerError};
use gitpod_tests::harness::Harness;
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};

use crate::{filled, pool};

trait MessageVisitor {
    fn visit<M: Name + Default + PartialEq + Debug>(&mut self, full_name: &'static str);
}

include!(concat!(env!("OUT_DIR"), "/details.rs"));

/// Puts each message into an error, with all fields set.
struct Attach {
    pool: DescriptorPool,
    error: ServerError,
    names: BTreeSet<&'static str>,
}

impl MessageVisitor for Attach {
    fn visit<M: Name + Default + PartialEq + Debug>(&mut self, full_name: &'static str) {
        assert_eq!(M::full_name(), full_name);
        let descriptor = self.pool.get_message_by_name(full_name).unwrap();
        let value = filled(&descriptor, 0).encode_to_vec();
        let error = std::mem::replace(&mut self.error, ServerError::new(Code::Internal, ""));
        self.error = error.with_detail(full_name, value);
        self.names.insert(full_name);
    }
}

/// Finds each message in an error, by its type.
struct Find<'a> {
    pool: DescriptorPool,
    error: &'a Error,
}

impl MessageVisitor for Find<'_> {
    fn visit<M: Name + Default + PartialEq + Debug>(&mut self, full_name: &'static str) {
        let found: Vec<M> = self.error.details().collect();
        let [found] = &found[..] else {
            panic!("{full_name}: {found:?}");
        };
        let descriptor = self.pool.get_message_by_name(full_name).unwrap();
        let expected = filled(&descriptor, 0);
        let found = DynamicMessage::decode(descriptor, &*found.encode_to_vec()).unwrap();
        assert!(found == expected, "{full_name}: {found:?}");
    }
}

#[tokio::test]
async fn every_detail_decodes_by_its_type() {
    let harness = Harness::start().await.unwrap();
    let mut attach = Attach {
        pool: pool(),
        error: ServerError::new(Code::FailedPrecondition, "no"),
        names: BTreeSet::new(),
    };
    visit_messages(&mut attach);
    // What is called a detail is one, unless it is in a response.
    for name in [
        "gitpod.v1.ActionableErrorDetails",
        "gitpod.v1.CreateEnvironmentPreconditionFailureDetails",
        "gitpod.v1.EnvironmentMaxLifetimeExceededDetails",
        "gitpod.v1.OrganizationTierFailedPreconditionDetails",
        "gitpod.v1.ParseContextURLPreconditionFailureDetails",
        "gitpod.v1.PolicyEnforcedFailedPreconditionDetails",
        "gitpod.v1.PromptValidationErrorDetails",
    ] {
        assert!(attach.names.contains(name), "{name}");
    }
    for (kind, client) in harness.clients().unwrap() {
        harness.inject(Fault::error(attach.error.clone()));
        let request = GetScimConfigurationRequest {
            scim_configuration_id: harness.scim_configuration_id().to_owned(),
        };
        let call = client.organization().get_scim_configuration(request);
        let error = harness.note_error(call.await.unwrap_err());
        assert_eq!(error.raw_details().len(), attach.names.len(), "{kind}");
        visit_messages(&mut Find {
            pool: pool(),
            error: &error,
        });
    }
}
