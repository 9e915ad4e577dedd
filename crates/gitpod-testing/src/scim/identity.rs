//! Whose the API key is: a service account's, which every key stands for.

use gitpod_types::v1::{
    GetAuthenticatedIdentityRequest, GetAuthenticatedIdentityResponse, OrganizationTier, Principal,
    Subject,
};

use super::Service;
use crate::connect::error::ServerError;

impl Service {
    #[allow(
        clippy::unnecessary_wraps,
        reason = "the form of all methods, and this one has nothing to refuse"
    )]
    pub(super) fn get_identity(
        &self,
        _request: &GetAuthenticatedIdentityRequest,
    ) -> Result<GetAuthenticatedIdentityResponse, ServerError> {
        let store = self.store();
        let tier = OrganizationTier::try_from(store.organization.tier).unwrap_or_default();
        Ok(GetAuthenticatedIdentityResponse {
            subject: Some(Subject {
                id: store.caller_id.clone(),
                principal: Principal::ServiceAccount.into(),
            }),
            organization_id: store.organization.id.clone(),
            organization_tier: tier.as_str_name().to_owned(),
        })
    }
}
