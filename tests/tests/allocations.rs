//! A message that breaks no rule is checked without an allocation. A binary of its own, for it
//! counts what the whole process allocates.

#![allow(clippy::unwrap_used)]

use std::alloc::System;

use gitpod_client::Validate;
use gitpod_client::types::v1::{
    CreateScimConfigurationRequest, ListScimConfigurationsRequest, PaginationRequest,
    RegenerateScimTokenRequest, UpdateSsoConfigurationRequest,
};
use gitpod_client::types::{Duration, v1};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ID: &str = "8a1c0f32-5b0e-4d5a-9c53-0a9c3f6f2d11";

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
    // Unique items with a regular expression, and a list of the most.
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
    // The counting counts.
    assert!(allocations(&|| create.clone() == create) > 0);
}
