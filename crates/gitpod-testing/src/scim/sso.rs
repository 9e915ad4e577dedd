//! The RPCs of SSO configurations, to which SCIM configurations refer.
//!
//! Client secrets are checked and not kept: nothing here logs anybody in.

use connect_hyper::Code;
use gitpod_types::v1::sso_configuration::ProviderType;
use gitpod_types::v1::{
    CreateSsoConfigurationRequest, CreateSsoConfigurationResponse, DeleteSsoConfigurationRequest,
    DeleteSsoConfigurationResponse, GetSsoConfigurationRequest, GetSsoConfigurationResponse,
    ListSsoConfigurationsRequest, ListSsoConfigurationsResponse, SsoConfiguration,
    SsoConfigurationState, UpdateSsoConfigurationRequest, UpdateSsoConfigurationResponse,
};

use super::page::page;
use super::rules::{domains, invalid, max_characters, not_empty, uri, uuid};
use super::{Service, not_found};
use crate::connect::error::ServerError;

const WHAT: &str = "SSO configuration";
const MAX_DISPLAY_NAME: usize = 128;
const MAX_EXPRESSION: usize = 4096;
const MAX_SCOPES: usize = 100;
const MAX_SCOPE: usize = 128;
/// Of the older field alone, which takes more than domains.
const MIN_EMAIL_DOMAIN: usize = 4;

type Answer<T> = Result<T, ServerError>;

impl Service {
    pub(super) fn create_sso(
        &self,
        request: &CreateSsoConfigurationRequest,
    ) -> Answer<CreateSsoConfigurationResponse> {
        let organization_id = uuid("organization_id", &request.organization_id)?;
        not_empty("client_id", &request.client_id)?;
        not_empty("client_secret", &request.client_secret)?;
        uri("issuer_url", &request.issuer_url)?;
        email_domain(request.email_domain.as_deref())?;
        domains("email_domains", &request.email_domains)?;
        max_characters("display_name", &request.display_name, MAX_DISPLAY_NAME)?;
        scopes("additional_scopes", &request.additional_scopes)?;
        let expression = request.claims_expression.clone().unwrap_or_default();
        max_characters("claims_expression", &expression, MAX_EXPRESSION)?;

        let mut store = self.store();
        if store.organization.id != organization_id {
            return Err(not_found("organization", &organization_id));
        }
        let record = SsoConfiguration {
            id: store.new_id(),
            organization_id,
            client_id: request.client_id.clone(),
            issuer_url: request.issuer_url.clone(),
            state: SsoConfigurationState::Inactive.into(),
            email_domain: request.email_domain.clone().unwrap_or_default(),
            provider_type: ProviderType::Custom.into(),
            email_domains: request.email_domains.clone(),
            display_name: request.display_name.clone(),
            additional_scopes: request.additional_scopes.clone(),
            claims_expression: expression,
            ..SsoConfiguration::default()
        };
        let rank = store.new_rank();
        store.sso.insert(rank, record.clone());
        Ok(CreateSsoConfigurationResponse {
            sso_configuration: Some(record),
        })
    }

    pub(super) fn get_sso(
        &self,
        request: &GetSsoConfigurationRequest,
    ) -> Answer<GetSsoConfigurationResponse> {
        let id = uuid("sso_configuration_id", &request.sso_configuration_id)?;
        let store = self.store();
        let record = store.find_sso(&id).ok_or_else(|| not_found(WHAT, &id))?;
        Ok(GetSsoConfigurationResponse {
            sso_configuration: Some(record.clone()),
        })
    }

    pub(super) fn list_sso(
        &self,
        request: &ListSsoConfigurationsRequest,
    ) -> Answer<ListSsoConfigurationsResponse> {
        let organization_id = uuid("organization_id", &request.organization_id)?;
        let store = self.store();
        if store.organization.id != organization_id {
            return Err(not_found("organization", &organization_id));
        }
        let items = store.sso.iter().map(|(rank, record)| (*rank, record));
        let (records, pagination) = page("sso", items, request.pagination.as_ref())?;
        Ok(ListSsoConfigurationsResponse {
            pagination: Some(pagination),
            sso_configurations: records.into_iter().cloned().collect(),
        })
    }

    pub(super) fn update_sso(
        &self,
        request: &UpdateSsoConfigurationRequest,
    ) -> Answer<UpdateSsoConfigurationResponse> {
        let id = uuid("sso_configuration_id", &request.sso_configuration_id)?;
        for (field, value) in [
            ("client_id", &request.client_id),
            ("client_secret", &request.client_secret),
        ] {
            if let Some(value) = value {
                not_empty(field, value)?;
            }
        }
        if let Some(url) = &request.issuer_url {
            uri("issuer_url", url)?;
        }
        email_domain(request.email_domain.as_deref())?;
        domains("email_domains", &request.email_domains)?;
        if let Some(name) = &request.display_name {
            max_characters("display_name", name, MAX_DISPLAY_NAME)?;
        }
        if let Some(update) = &request.additional_scopes {
            scopes("additional_scopes.scopes", &update.scopes)?;
        }
        if let Some(expression) = &request.claims_expression {
            max_characters("claims_expression", expression, MAX_EXPRESSION)?;
        }

        let mut store = self.store();
        let record = store
            .sso
            .values_mut()
            .find(|record| record.id == id)
            .ok_or_else(|| not_found(WHAT, &id))?;
        replace(&mut record.client_id, request.client_id.as_ref());
        replace(&mut record.issuer_url, request.issuer_url.as_ref());
        replace(&mut record.state, request.state.as_ref());
        replace(&mut record.email_domain, request.email_domain.as_ref());
        replace(&mut record.display_name, request.display_name.as_ref());
        replace(
            &mut record.claims_expression,
            request.claims_expression.as_ref(),
        );
        // Lists and maps have no presence: empty means that they stay.
        if !request.email_domains.is_empty() {
            record.email_domains.clone_from(&request.email_domains);
        }
        if !request.claims.is_empty() {
            record.claims.clone_from(&request.claims);
        }
        if let Some(update) = &request.additional_scopes {
            record.additional_scopes.clone_from(&update.scopes);
        }
        Ok(UpdateSsoConfigurationResponse {})
    }

    pub(super) fn delete_sso(
        &self,
        request: &DeleteSsoConfigurationRequest,
    ) -> Answer<DeleteSsoConfigurationResponse> {
        let id = uuid("sso_configuration_id", &request.sso_configuration_id)?;
        let mut store = self.store();
        if store.find_sso(&id).is_none() {
            return Err(not_found(WHAT, &id));
        }
        let mut scim = store.scim.values();
        if let Some(user) = scim.find(|record| record.sso_configuration_id == id) {
            return Err(ServerError::new(
                Code::FailedPrecondition,
                format!("{WHAT} {id} is used by SCIM configuration {}", user.id),
            ));
        }
        store.sso.retain(|_, record| record.id != id);
        Ok(DeleteSsoConfigurationResponse {})
    }
}

fn replace<T: Clone>(value: &mut T, new: Option<&T>) {
    if let Some(new) = new {
        value.clone_from(new);
    }
}

fn email_domain(value: Option<&str>) -> Answer<()> {
    match value {
        Some(value) if value.chars().count() < MIN_EMAIL_DOMAIN => Err(invalid(
            "email_domain",
            &format!("must be at least {MIN_EMAIL_DOMAIN} characters"),
        )),
        _ => Ok(()),
    }
}

fn scopes(field: &str, scopes: &[String]) -> Answer<()> {
    if scopes.len() > MAX_SCOPES {
        return Err(invalid(
            field,
            &format!("must be at most {MAX_SCOPES} items"),
        ));
    }
    for (at, scope) in scopes.iter().enumerate() {
        let field = format!("{field}[{at}]");
        not_empty(&field, scope)?;
        max_characters(&field, scope, MAX_SCOPE)?;
    }
    Ok(())
}
