//! The audit log: what was done to users in a month, newest first.

#![allow(clippy::print_stdout)]

mod common;

use gitpod_client::BoxError;
use gitpod_client::event::ListAuditLogs;
use gitpod_client::types::v1::list_audit_logs_request::Filter;
use gitpod_client::types::v1::list_audit_logs_response::AuditLogEntry;
use gitpod_client::types::v1::{ListAuditLogsRequest, ListAuditLogsResponse, ResourceType};
use gitpod_testing::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let api = common::connect(serve).await?;
    let request = ListAuditLogsRequest {
        filter: Some(Filter {
            subject_types: vec![ResourceType::User.into()],
            from: common::day(0),
            to: common::day(30),
            ..Filter::default()
        }),
        ..ListAuditLogsRequest::default()
    };
    let mut entries = api
        .client
        .event()
        .list_audit_logs(request)
        .items()
        .page_size(100)
        .prefetch();
    let mut count = 0;
    while let Some(entry) = entries.try_next().await? {
        count += 1;
        if count <= 3 {
            let at = entry.created_at.map_or(0, |at| at.seconds);
            println!(
                "{at}: {} did {:?} to {}",
                entry.actor_id, entry.action, entry.subject_id
            );
        }
    }
    println!("{count} entries");
    Ok(())
}

fn serve(server: &Server) {
    server.handle::<ListAuditLogs, _, _>(|request| async move {
        let entry = |number: usize| AuditLogEntry {
            id: common::id(number),
            actor_id: common::id(1),
            subject_id: common::id(number),
            subject_type: ResourceType::User.into(),
            action: "invited".to_owned(),
            created_at: common::day(30 - number as i64 / 10),
            ..AuditLogEntry::default()
        };
        let (entries, pagination) = common::page((0..300).map(entry), request.pagination.as_ref());
        Ok(ListAuditLogsResponse {
            entries,
            pagination,
        })
    });
}
