//! The organization, as far as SCIM needs it.

use gitpod_types::v1::{GetOrganizationRequest, GetOrganizationResponse};

use super::rules::uuid;
use super::{Service, not_found};
use crate::connect::error::ServerError;

impl Service {
    pub(super) fn get_organization(
        &self,
        request: &GetOrganizationRequest,
    ) -> Result<GetOrganizationResponse, ServerError> {
        let id = uuid("organization_id", &request.organization_id)?;
        let store = self.store();
        if store.organization.id != id {
            return Err(not_found("organization", &id));
        }
        Ok(GetOrganizationResponse {
            organization: Some(store.organization.clone()),
        })
    }
}
