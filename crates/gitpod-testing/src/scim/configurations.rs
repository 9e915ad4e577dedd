//! The RPCs of SCIM configurations and their tokens.

use std::time::{Duration, SystemTime};

use gitpod_types::v1::{
    CreateScimConfigurationRequest, CreateScimConfigurationResponse,
    DeleteScimConfigurationRequest, DeleteScimConfigurationResponse, GetScimConfigurationRequest,
    GetScimConfigurationResponse, ListScimConfigurationsRequest, ListScimConfigurationsResponse,
    RegenerateScimTokenRequest, RegenerateScimTokenResponse, ScimConfiguration,
    UpdateScimConfigurationRequest, UpdateScimConfigurationResponse,
};

use super::page::page;
use super::rules::{DEFAULT_LIFE, life, max_characters, uuid};
use super::store::ScimRecord;
use super::{Service, not_found, timestamp};
use crate::connect::error::ServerError;
use crate::credential::Caller;
use crate::fault::is_stale;

const WHAT: &str = "SCIM configuration";
const MAX_NAME: usize = 128;

type Answer<T> = Result<T, ServerError>;

impl Service {
    pub(super) fn create_scim(
        &self,
        request: &CreateScimConfigurationRequest,
        caller: &Caller,
    ) -> Answer<CreateScimConfigurationResponse> {
        let organization_id = uuid("organization_id", &request.organization_id)?;
        let name = request.name.clone().unwrap_or_default();
        max_characters("name", &name, MAX_NAME)?;
        let sso_configuration_id = uuid("sso_configuration_id", &request.sso_configuration_id)?;
        let life = life("token_expires_in", request.token_expires_in.as_ref())?;
        let life = life.unwrap_or(DEFAULT_LIFE);

        let mut store = self.store();
        if store.organization.id != organization_id {
            return Err(not_found("organization", &organization_id));
        }
        if store.find_sso(&sso_configuration_id).is_none() {
            return Err(not_found("SSO configuration", &sso_configuration_id));
        }
        let now = self.now();
        let token = store.new_token()?;
        let record = ScimRecord {
            id: store.new_id(),
            name,
            enabled: true,
            sso_configuration_id,
            allow_unverified_email_account_linking: request
                .allow_unverified_email_account_linking
                .unwrap_or(false),
            created_at: now,
            updated_at: now,
            token,
            token_expires_at: self.quirks.kept(end_of(now, life)),
            before: None,
            token_life: life,
        };
        let response = CreateScimConfigurationResponse {
            scim_configuration: Some(message(&record, &organization_id)),
            token: record.token.reveal().to_owned(),
            token_expires_at: Some(timestamp(record.token_expires_at)),
        };
        let rank = store.new_rank();
        store.record(caller, &record.id, "CreateSCIMConfiguration", now);
        store.scim.insert(rank, record);
        Ok(response)
    }

    pub(super) fn get_scim(
        &self,
        request: &GetScimConfigurationRequest,
    ) -> Answer<GetScimConfigurationResponse> {
        let id = uuid("scim_configuration_id", &request.scim_configuration_id)?;
        let store = self.store();
        let record = store.find_scim(&id).ok_or_else(|| not_found(WHAT, &id))?;
        Ok(GetScimConfigurationResponse {
            scim_configuration: Some(message(record, &store.organization.id)),
        })
    }

    pub(super) fn list_scim(
        &self,
        request: &ListScimConfigurationsRequest,
    ) -> Answer<ListScimConfigurationsResponse> {
        let store = self.store();
        let items = store.scim.iter().map(|(rank, record)| (*rank, record));
        let (records, pagination) = page("scim", items, request.pagination.as_ref())?;
        Ok(ListScimConfigurationsResponse {
            pagination: Some(pagination),
            scim_configurations: records
                .into_iter()
                .map(|record| message(record, &store.organization.id))
                .collect(),
        })
    }

    pub(super) fn update_scim(
        &self,
        request: &UpdateScimConfigurationRequest,
        caller: &Caller,
    ) -> Answer<UpdateScimConfigurationResponse> {
        let id = uuid("scim_configuration_id", &request.scim_configuration_id)?;
        if let Some(name) = &request.name {
            max_characters("name", name, MAX_NAME)?;
        }
        let sso_configuration_id = match &request.sso_configuration_id {
            Some(id) => Some(uuid("sso_configuration_id", id)?),
            None => None,
        };
        let mut store = self.store();
        if let Some(id) = &sso_configuration_id
            && store.find_sso(id).is_none()
        {
            return Err(not_found("SSO configuration", id));
        }
        let now = self.now();
        let organization_id = store.organization.id.clone();
        let record = store
            .find_scim_mut(&id)
            .ok_or_else(|| not_found(WHAT, &id))?;
        if let Some(name) = &request.name {
            record.name.clone_from(name);
        }
        if let Some(enabled) = request.enabled {
            record.enabled = enabled;
        }
        if let Some(id) = sso_configuration_id {
            record.sso_configuration_id = id;
        }
        if let Some(allow) = request.allow_unverified_email_account_linking {
            record.allow_unverified_email_account_linking = allow;
        }
        record.updated_at = now;
        let response = UpdateScimConfigurationResponse {
            scim_configuration: Some(message(record, &organization_id)),
        };
        store.record(caller, &id, "UpdateSCIMConfiguration", now);
        Ok(response)
    }

    pub(super) fn delete_scim(
        &self,
        request: &DeleteScimConfigurationRequest,
        caller: &Caller,
    ) -> Answer<DeleteScimConfigurationResponse> {
        let id = uuid("scim_configuration_id", &request.scim_configuration_id)?;
        let mut store = self.store();
        let before = store.scim.len();
        store.scim.retain(|_, record| record.id != id);
        if store.scim.len() == before {
            return Err(not_found(WHAT, &id));
        }
        store.record(caller, &id, "DeleteSCIMConfiguration", self.now());
        Ok(DeleteScimConfigurationResponse {})
    }

    pub(super) fn regenerate_token(
        &self,
        request: &RegenerateScimTokenRequest,
        caller: &Caller,
    ) -> Answer<RegenerateScimTokenResponse> {
        let id = uuid("scim_configuration_id", &request.scim_configuration_id)?;
        let life = life("token_expires_in", request.token_expires_in.as_ref())?;
        let mut store = self.store();
        if store.find_scim(&id).is_none() {
            return Err(not_found(WHAT, &id));
        }
        let token = store.new_token()?;
        let now = self.now();
        let record = store
            .find_scim_mut(&id)
            .ok_or_else(|| not_found(WHAT, &id))?;
        let life = self.quirks.life(life.unwrap_or(record.token_life));
        let expires_at = end_of(now, life);
        record.token = token;
        record.token_life = life;
        record.before = Some(record.token_expires_at);
        record.token_expires_at = self.quirks.kept(expires_at);
        record.updated_at = now;
        let response = RegenerateScimTokenResponse {
            token: record.token.reveal().to_owned(),
            token_expires_at: Some(timestamp(expires_at)),
        };
        store.record(caller, &id, "RegenerateSCIMToken", now);
        Ok(response)
    }
}

/// When a life that begins now ends. The clock ends two years before time does.
fn end_of(now: SystemTime, life: Duration) -> SystemTime {
    now.checked_add(life).unwrap_or(now)
}

fn message(record: &ScimRecord, organization_id: &str) -> ScimConfiguration {
    let expires_at = match record.before {
        Some(before) if is_stale() => before,
        _ => record.token_expires_at,
    };
    ScimConfiguration {
        id: record.id.clone(),
        organization_id: organization_id.to_owned(),
        name: record.name.clone(),
        enabled: record.enabled,
        sso_configuration_id: record.sso_configuration_id.clone(),
        created_at: Some(timestamp(record.created_at)),
        updated_at: Some(timestamp(record.updated_at)),
        token_expires_at: Some(timestamp(expires_at)),
        allow_unverified_email_account_linking: record.allow_unverified_email_account_linking,
    }
}
