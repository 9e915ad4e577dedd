//! The state: one organization, its SSO and SCIM configurations, and the tokens that live.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use gitpod_types::v1::list_audit_logs_response::AuditLogEntry;
use gitpod_types::v1::{Organization, SsoConfiguration};

use crate::connect::error::ServerError;
use crate::secret::{Ids, Secret};

/// The place of a configuration in the order of creation, in which lists are.
pub(crate) type Rank = u64;

/// What the audit log's ids follow from.
const AUDIT: u64 = 0x61_75_64_69_74;

/// What tokens begin with, by which a secret scanner would find them.
const TOKEN_PREFIX: &str = "ona_scim_";

#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) organization: Organization,
    pub(crate) sso: BTreeMap<Rank, SsoConfiguration>,
    pub(crate) scim: BTreeMap<Rank, ScimRecord>,
    ids: Ids,
    next_rank: Rank,
    issued: Vec<Secret>,
    /// What was done to SCIM configurations, the oldest first.
    pub(crate) audit: Vec<AuditLogEntry>,
    /// Another sequence, so that what is written down changes no other id.
    pub(crate) audit_ids: Ids,
}

/// A SCIM configuration as the service keeps it.
#[derive(Debug, Clone)]
pub(crate) struct ScimRecord {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) enabled: bool,
    pub(crate) sso_configuration_id: String,
    pub(crate) allow_unverified_email_account_linking: bool,
    pub(crate) created_at: SystemTime,
    pub(crate) updated_at: SystemTime,
    /// The one token that is valid.
    pub(crate) token: Secret,
    pub(crate) token_expires_at: SystemTime,
    /// The expiry before the token was replaced last, which a stale read shows.
    pub(crate) before: Option<SystemTime>,
    /// What the token's life was when it was given out: the next one's, unless told otherwise.
    pub(crate) token_life: Duration,
}

impl Store {
    pub(crate) fn new(organization: Organization, ids: Ids) -> Self {
        Self {
            organization,
            sso: BTreeMap::new(),
            scim: BTreeMap::new(),
            ids,
            next_rank: 1,
            issued: Vec::new(),
            audit: Vec::new(),
            audit_ids: Ids::new(AUDIT),
        }
    }

    pub(crate) fn new_id(&mut self) -> String {
        self.ids.next()
    }

    pub(crate) fn new_rank(&mut self) -> Rank {
        let rank = self.next_rank;
        self.next_rank += 1;
        rank
    }

    /// A new token, remembered among those given out.
    ///
    /// # Errors
    ///
    /// `internal`: the system has no randomness to give.
    pub(crate) fn new_token(&mut self) -> Result<Secret, ServerError> {
        let token = Secret::random(TOKEN_PREFIX).map_err(|_| {
            ServerError::new(
                connect_hyper::Code::Internal,
                "the system has no random bytes for a token",
            )
        })?;
        self.issued.push(token.clone());
        Ok(token)
    }

    /// Every token that was given out, dead or alive, in order.
    pub(crate) fn issued(&self) -> Vec<String> {
        let issued = self.issued.iter();
        issued.map(|token| token.reveal().to_owned()).collect()
    }

    pub(crate) fn find_scim(&self, id: &str) -> Option<&ScimRecord> {
        self.scim.values().find(|record| record.id == id)
    }

    pub(crate) fn find_scim_mut(&mut self, id: &str) -> Option<&mut ScimRecord> {
        self.scim.values_mut().find(|record| record.id == id)
    }

    pub(crate) fn find_sso(&self, id: &str) -> Option<&SsoConfiguration> {
        self.sso.values().find(|record| record.id == id)
    }

    /// Whether the SCIM endpoint takes a token.
    pub(crate) fn is_live(&self, token: &str, now: SystemTime) -> bool {
        self.scim.values().any(|record| {
            record.enabled && now < record.token_expires_at && record.token.reveal() == token
        })
    }
}
