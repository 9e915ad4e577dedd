//! A message that breaks no rule is checked without an allocation. A binary of its own, for it
//! counts what the whole process allocates.

#![allow(clippy::unwrap_used)]

use std::alloc::System;
use std::path::Path;
use std::sync::Mutex;

use gitpod_client::Validate;
use gitpod_client::types::v1::{
    CreateScimConfigurationRequest, ListScimConfigurationsRequest, PaginationRequest,
    RegenerateScimTokenRequest, UpdateSsoConfigurationRequest,
};
use gitpod_client::types::{Duration, v1};
use prost_reflect::DescriptorPool;
use prost_reflect::prost::Message as _;
use protobuf_tests::filled::rounds;
use protobuf_tests::valid::valid;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ID: &str = "8a1c0f32-5b0e-4d5a-9c53-0a9c3f6f2d11";

/// What one test counts isn't the other's.
static ALONE: Mutex<()> = Mutex::new(());

/// How often a check allocates. The least of some, for the test's own threads allocate too.
fn allocations(message: &dyn Fn() -> bool) -> usize {
    (0..20)
        .map(|_| {
            let region = Region::new(COUNTING);
            assert!(message(), "the message is valid");
            let change = region.change();
            change.allocations + change.reallocations
        })
        .min()
        .unwrap()
}

#[test]
fn what_breaks_no_rule_costs_no_allocation() {
    let _alone = ALONE.lock().unwrap();
    let life = Duration {
        seconds: 86_400,
        nanos: 0,
    };
    let regenerate = RegenerateScimTokenRequest {
        scim_configuration_id: ID.to_owned(),
        token_expires_in: Some(life),
    };
    let create = CreateScimConfigurationRequest {
        organization_id: ID.to_owned(),
        sso_configuration_id: ID.to_owned(),
        name: Some("é".repeat(128)),
        token_expires_in: Some(life),
        ..Default::default()
    };
    let list = ListScimConfigurationsRequest {
        pagination: Some(PaginationRequest {
            page_size: 100,
            token: String::new(),
        }),
    };
    // Unique items with a regular expression.
    let update = UpdateSsoConfigurationRequest {
        sso_configuration_id: ID.to_owned(),
        email_domains: (0..256)
            .map(|number| format!("d{number}.ona.com"))
            .collect(),
        ..Default::default()
    };
    // An enum number that this build has no name for.
    let domain = v1::CreateCustomDomainRequest {
        organization_id: ID.to_owned(),
        domain_name: "ona.example.com".to_owned(),
        provider: 4711,
        ..Default::default()
    };
    let checks: [&dyn Fn() -> bool; 5] = [
        &|| regenerate.validate().is_ok(),
        &|| create.validate().is_ok(),
        &|| list.validate_for_sending().is_ok(),
        &|| update.validate().is_ok(),
        &|| domain.validate_for_sending().is_ok(),
    ];
    for (index, check) in checks.into_iter().enumerate() {
        assert_eq!(allocations(check), 0, "{index}");
    }
    // The most items that are looked at without a set.
    let many = UpdateSsoConfigurationRequest {
        email_domains: (0..4096)
            .map(|number| format!("d{number}.ona.com"))
            .collect(),
        ..update.clone()
    };
    assert_eq!(allocations(&|| many.validate().is_ok()), 0);
    // The counting counts.
    assert!(allocations(&|| create.clone() == create) > 0);
}

trait MessageVisitor {
    fn visit<M: Validate + prost::Message + Default>(&mut self, full_name: &'static str);
}

include!(concat!(env!("OUT_DIR"), "/all.rs"));

struct Each(DescriptorPool);

impl MessageVisitor for Each {
    fn visit<M: Validate + prost::Message + Default>(&mut self, full_name: &'static str) {
        let descriptor = self.0.get_message_by_name(full_name).unwrap();
        for member in 0..rounds(&descriptor) {
            let message = M::decode(&*valid(&descriptor, member).encode_to_vec()).unwrap();
            let costs = allocations(&|| message.validate().is_ok());
            assert_eq!(costs, 0, "{full_name}");
            let costs = allocations(&|| message.validate_for_sending().is_ok());
            assert_eq!(costs, 0, "{full_name}");
        }
    }
}

/// Every message of the API, with all of its fields.
#[test]
fn no_message_without_violation_costs_an_allocation() {
    let _alone = ALONE.lock().unwrap();
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    visit_messages(&mut Each(gitpod_build::descriptors::pool(&proto).unwrap()));
}
