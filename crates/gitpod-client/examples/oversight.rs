//! What an administrator looks at in the morning: notifications, security policies, insights.
//!
//! `oversight ORGANIZATION_ID` asks the real API.

#![allow(clippy::print_stdout)]

mod common;

use gitpod_client::BoxError;
use gitpod_client::insights::GetInsightsSummary;
use gitpod_client::notification::ListNotifications;
use gitpod_client::security::ListSecurityPolicies;
use gitpod_client::types::v1::list_security_policies_request::Filter;
use gitpod_client::types::v1::{
    GetInsightsSummaryRequest, GetInsightsSummaryResponse, ListNotificationsRequest,
    ListNotificationsResponse, ListSecurityPoliciesRequest, ListSecurityPoliciesResponse,
    Notification, SecurityPolicy, security_policy,
};
use gitpod_testing::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let api = common::connect(serve).await?;
    let embedded = api
        .server
        .as_ref()
        .map(|server| server.organization_id().to_owned());
    let Some(organization_id) = std::env::args().nth(1).or(embedded) else {
        println!("usage: oversight ORGANIZATION_ID");
        return Ok(());
    };
    let client = api.client;
    // A page has more than its items.
    let request = ListNotificationsRequest {
        read: Some(false),
        ..ListNotificationsRequest::default()
    };
    let mut pages = client.notification().list_notifications(request).pages();
    while let Some(page) = pages.try_next().await? {
        println!("{} notifications unread", page.unread_count);
        for notification in &page.notifications {
            println!("    {}", notification.title);
        }
    }
    let request = ListSecurityPoliciesRequest {
        filter: Some(Filter {
            organization_id: organization_id.clone(),
            ..Filter::default()
        }),
        ..ListSecurityPoliciesRequest::default()
    };
    let mut policies = client.security().list_security_policies(request).items();
    while let Some(policy) = policies.try_next().await? {
        println!("policy {:?}", policy.metadata.unwrap_or_default().name);
    }
    let request = GetInsightsSummaryRequest { organization_id };
    let summary = client.insights().get_insights_summary(request).await?;
    let (enabled, total) = (summary.enabled_project_count, summary.total_project_count);
    println!("insights in {enabled} of {total} projects");
    Ok(())
}

fn serve(server: &Server) {
    server.handle::<ListNotifications, _, _>(|request| async move {
        let notification = |number| Notification {
            id: common::id(number),
            title: format!("Runner {number} has a new version"),
            ..Notification::default()
        };
        let all = (1..=3).map(notification);
        let (notifications, pagination) = common::page(all, request.pagination.as_ref());
        Ok(ListNotificationsResponse {
            notifications,
            pagination,
            unread_count: 3,
            total_count: 3,
        })
    });
    server.handle::<ListSecurityPolicies, _, _>(|request| async move {
        let policy = SecurityPolicy {
            id: common::id(1),
            metadata: Some(security_policy::Metadata {
                name: "No ports to the world".to_owned(),
            }),
            ..SecurityPolicy::default()
        };
        let (security_policies, pagination) = common::page([policy], request.pagination.as_ref());
        Ok(ListSecurityPoliciesResponse {
            pagination,
            security_policies,
        })
    });
    server.handle::<GetInsightsSummary, _, _>(|_| async move {
        Ok(GetInsightsSummaryResponse {
            enabled_project_count: 2,
            total_project_count: 30,
        })
    });
}
