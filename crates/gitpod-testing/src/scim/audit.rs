//! The audit log, of what was done to SCIM configurations.

use std::time::SystemTime;

use gitpod_types::v1::list_audit_logs_response::AuditLogEntry;
use gitpod_types::v1::{
    AuditLogEntryKind, ListAuditLogsRequest, ListAuditLogsResponse, ResourceType,
};

use super::page::page;
use super::store::{Rank, Store};
use super::{Service, timestamp};
use crate::connect::error::ServerError;
use crate::credential::Caller;

impl Store {
    /// Writes down what was done. The actions' names are ours: the published API names none.
    pub(super) fn record(&mut self, caller: &Caller, subject: &str, action: &str, now: SystemTime) {
        let entry = AuditLogEntry {
            id: self.audit_ids.next(),
            actor_id: caller.id.clone(),
            actor_principal: caller.principal().into(),
            subject_id: subject.to_owned(),
            subject_type: ResourceType::ScimConfiguration.into(),
            action: action.to_owned(),
            created_at: Some(timestamp(now)),
            kind: AuditLogEntryKind::ResourceChange.into(),
        };
        self.audit.push(entry);
    }
}

impl Service {
    /// The newest first; another order isn't served.
    pub(super) fn list_audit_logs(
        &self,
        request: &ListAuditLogsRequest,
    ) -> Result<ListAuditLogsResponse, ServerError> {
        let filter = request.filter.clone().unwrap_or_default();
        let instant = |time: &gitpod_types::Timestamp| (time.seconds, time.nanos);
        let wanted = |entry: &&AuditLogEntry| {
            let at = entry.created_at.as_ref().map(instant);
            let among = |wanted: &[String], is: &String| wanted.is_empty() || wanted.contains(is);
            let of_kind = |wanted: &[i32], is: i32| wanted.is_empty() || wanted.contains(&is);
            among(&filter.actor_ids, &entry.actor_id)
                && among(&filter.subject_ids, &entry.subject_id)
                && of_kind(&filter.actor_principals, entry.actor_principal)
                && of_kind(&filter.subject_types, entry.subject_type)
                && filter
                    .from
                    .as_ref()
                    .is_none_or(|from| at >= Some(instant(from)))
                && filter.to.as_ref().is_none_or(|to| at < Some(instant(to)))
        };
        let store = self.store();
        // Ranks grow with age, so that a page goes on where the one before ended, whatever came since.
        let ranked = store.audit.iter().enumerate().rev();
        let entries = ranked
            .map(|(number, entry)| (Rank::MAX - number as Rank, entry))
            .filter(|(_, entry)| wanted(entry));
        let (entries, pagination) = page("audit", entries, request.pagination.as_ref())?;
        Ok(ListAuditLogsResponse {
            entries: entries.into_iter().cloned().collect(),
            pagination: Some(pagination),
        })
    }
}
