//! Messages print what prost's own `Debug` prints of the same fields, secrets aside.
#![cfg(feature = "organization")]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Debug;

use gitpod_types::v1;

/// Messages of the API as prost alone derives them.
mod prosts {
    use std::collections::BTreeMap;

    use gitpod_types::v1::{
        AdditionalScopesUpdate, LoginProviderKind, OrganizationRole, SsoConfigurationState,
        UserStatus,
    };

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct UpdateSsoConfigurationRequest {
        #[prost(string, tag = "1")]
        sso_configuration_id: String,
        #[prost(string, optional, tag = "2")]
        client_id: Option<String>,
        #[prost(string, optional, tag = "3")]
        client_secret: Option<String>,
        #[prost(string, optional, tag = "4")]
        issuer_url: Option<String>,
        #[prost(enumeration = "SsoConfigurationState", optional, tag = "5")]
        state: Option<i32>,
        #[prost(btree_map = "string, string", tag = "6")]
        claims: BTreeMap<String, String>,
        #[prost(string, optional, tag = "7")]
        email_domain: Option<String>,
        #[prost(string, repeated, tag = "9")]
        email_domains: Vec<String>,
        #[prost(string, optional, tag = "10")]
        display_name: Option<String>,
        #[prost(message, optional, tag = "11")]
        additional_scopes: Option<AdditionalScopesUpdate>,
        #[prost(string, optional, tag = "12")]
        claims_expression: Option<String>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Filter {
        #[prost(string, tag = "1")]
        search: String,
        #[prost(enumeration = "UserStatus", repeated, tag = "2")]
        statuses: Vec<i32>,
        #[prost(enumeration = "OrganizationRole", repeated, tag = "3")]
        roles: Vec<i32>,
        #[prost(string, repeated, tag = "4")]
        user_ids: Vec<String>,
        #[prost(string, repeated, tag = "5")]
        exclude_group_ids: Vec<String>,
        #[prost(bool, tag = "6")]
        exclude_members_in_any_team: bool,
        #[prost(string, tag = "7")]
        email: String,
        #[prost(enumeration = "LoginProviderKind", tag = "8")]
        login_provider: i32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct JoinOrganizationRequest {
        #[prost(oneof = "JoinId", tags = "1, 2")]
        join_id: Option<JoinId>,
    }

    #[derive(Clone, PartialEq, prost::Oneof)]
    enum JoinId {
        #[prost(string, tag = "1")]
        OrganizationId(String),
        #[prost(string, tag = "2")]
        InviteId(String),
    }
}

fn same<Ours, Prosts>(message: &Ours)
where
    Ours: prost::Message + Debug,
    Prosts: prost::Message + Default + Debug,
{
    let prosts = Prosts::decode(message.encode_to_vec().as_slice()).unwrap();
    assert_eq!(format!("{message:?}"), format!("{prosts:?}"));
    assert_eq!(format!("{message:#?}"), format!("{prosts:#?}"));
}

#[test]
fn optional_fields_maps_and_messages() {
    type Prosts = prosts::UpdateSsoConfigurationRequest;
    let mut message = v1::UpdateSsoConfigurationRequest::default();
    same::<_, Prosts>(&message);
    message.sso_configuration_id = "an id with \"quotes\"".to_owned();
    message.issuer_url = Some(String::new());
    message.state = Some(v1::SsoConfigurationState::Active.into());
    message.claims = BTreeMap::from([("b".to_owned(), String::new()), ("a".into(), "1".into())]);
    message.additional_scopes = Some(v1::AdditionalScopesUpdate {
        scopes: vec!["openid".to_owned()],
    });
    same::<_, Prosts>(&message);
    message.state = Some(99);
    same::<_, Prosts>(&message);
}

#[test]
fn lists_of_enums() {
    let message = v1::list_members_request::Filter {
        statuses: vec![v1::UserStatus::Suspended.into(), 99, 0, -1],
        roles: vec![v1::OrganizationRole::Admin.into()],
        user_ids: vec!["u".to_owned()],
        ..Default::default()
    };
    same::<_, prosts::Filter>(&message);
}

#[test]
fn members_of_a_oneof() {
    use v1::join_organization_request::JoinId;

    for join_id in [
        None,
        Some(JoinId::OrganizationId("o".to_owned())),
        Some(JoinId::InviteId(String::new())),
    ] {
        same::<_, prosts::JoinOrganizationRequest>(&v1::JoinOrganizationRequest { join_id });
    }
}
