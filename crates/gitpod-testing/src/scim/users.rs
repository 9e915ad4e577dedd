//! Who calls, and which personal access tokens they have.

use gitpod_types::v1::{
    GetAuthenticatedIdentityRequest, GetAuthenticatedIdentityResponse,
    ListPersonalAccessTokensRequest, ListPersonalAccessTokensResponse, OrganizationTier,
    PersonalAccessToken, Principal, Subject,
};

use super::page::page;
use super::{Service, timestamp};
use crate::connect::error::ServerError;
use crate::credential::Caller;

impl Caller {
    pub(super) fn principal(&self) -> Principal {
        match &self.token {
            _ if self.id.is_empty() => Principal::Unspecified,
            Some(_) => Principal::User,
            None => Principal::ServiceAccount,
        }
    }

    fn subject(&self) -> Subject {
        Subject {
            id: self.id.clone(),
            principal: self.principal().into(),
        }
    }
}

impl Service {
    pub(super) fn identity(
        &self,
        _request: &GetAuthenticatedIdentityRequest,
        caller: &Caller,
    ) -> Result<GetAuthenticatedIdentityResponse, ServerError> {
        let store = self.store();
        let tier = OrganizationTier::try_from(store.organization.tier).unwrap_or_default();
        Ok(GetAuthenticatedIdentityResponse {
            subject: Some(caller.subject()),
            organization_id: store.organization.id.clone(),
            organization_tier: tier.as_str_name().to_owned(),
        })
    }

    /// The caller's own: the one that it calls with.
    pub(super) fn list_tokens(
        &self,
        request: &ListPersonalAccessTokensRequest,
        caller: &Caller,
    ) -> Result<ListPersonalAccessTokensResponse, ServerError> {
        let filter = request.filter.clone().unwrap_or_default();
        let wanted = filter.user_ids.is_empty() || filter.user_ids.contains(&caller.id);
        let token = caller.token.as_ref().filter(|_| wanted);
        let token = token.map(|token| PersonalAccessToken {
            id: token.id.clone(),
            user_id: caller.id.clone(),
            description: "the one that this call was made with".to_owned(),
            creator: Some(caller.subject()),
            created_at: Some(timestamp(token.created_at)),
            expires_at: Some(timestamp(token.expires_at)),
            last_used: Some(timestamp(self.now())),
            read_only: token.read_only,
        });
        let tokens = token.iter().map(|token| (1, token));
        let (tokens, pagination) = page("tokens", tokens, request.pagination.as_ref())?;
        Ok(ListPersonalAccessTokensResponse {
            pagination: Some(pagination),
            personal_access_tokens: tokens.into_iter().cloned().collect(),
        })
    }
}
