//! Usage and billing: how long environments ran in a month, and what it came to in credits.
//!
//! `usage ORGANIZATION_ID` asks the real API.

#![allow(clippy::print_stdout)]

mod common;

use std::collections::BTreeMap;

use gitpod_client::BoxError;
use gitpod_client::billing::GetCumulativeCreditUsage;
use gitpod_client::types::v1::list_environment_usage_records_request::Filter;
use gitpod_client::types::v1::{
    CumulativeCreditUsage, DateRange, EnvironmentUsageRecord, GetCumulativeCreditUsageRequest,
    GetCumulativeCreditUsageResponse, ListEnvironmentUsageRecordsRequest,
    ListEnvironmentUsageRecordsResponse,
};
use gitpod_client::usage::ListEnvironmentUsageRecords;
use gitpod_testing::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let api = common::connect(serve).await?;
    let embedded = api
        .server
        .as_ref()
        .map(|server| server.organization_id().to_owned());
    let Some(organization_id) = std::env::args().nth(1).or(embedded) else {
        println!("usage: usage ORGANIZATION_ID");
        return Ok(());
    };
    let request = ListEnvironmentUsageRecordsRequest {
        filter: Some(Filter {
            date_range: Some(DateRange {
                start_time: common::day(0),
                end_time: common::day(30),
            }),
            ..Filter::default()
        }),
        ..ListEnvironmentUsageRecordsRequest::default()
    };
    let call = api.client.usage().list_environment_usage_records(request);
    let mut records = call.items().page_size(100);
    let mut hours = BTreeMap::<String, i64>::new();
    while let Some(record) = records.try_next().await? {
        // One that still runs has no end.
        if let (Some(began), Some(ended)) = (record.created_at, record.stopped_at) {
            *hours.entry(record.user_id).or_default() += (ended.seconds - began.seconds) / 3600;
        }
    }
    for (user, hours) in hours {
        println!("{user}: {hours} h");
    }
    let request = GetCumulativeCreditUsageRequest {
        organization_id,
        as_of: None,
    };
    let usage = api
        .client
        .billing()
        .get_cumulative_credit_usage(request)
        .await?;
    let credits = usage
        .org_usage
        .as_ref()
        .map_or(0.0, |usage| usage.total_credits);
    println!("{credits} credits since the period began");
    Ok(())
}

fn serve(server: &Server) {
    server.handle::<ListEnvironmentUsageRecords, _, _>(|request| async move {
        let record = |number: usize| EnvironmentUsageRecord {
            id: common::id(number),
            user_id: common::id(number % 3),
            created_at: common::day(number as i64 % 28),
            stopped_at: common::day(number as i64 % 28 + 1),
            ..EnvironmentUsageRecord::default()
        };
        let all = (0..500).map(record);
        let (records, pagination) = common::page(all, request.pagination.as_ref());
        Ok(ListEnvironmentUsageRecordsResponse {
            records,
            pagination,
        })
    });
    server.handle::<GetCumulativeCreditUsage, _, _>(|_| async move {
        Ok(GetCumulativeCreditUsageResponse {
            org_usage: Some(CumulativeCreditUsage {
                total_credits: 1234.5,
                ..CumulativeCreditUsage::default()
            }),
            ..GetCumulativeCreditUsageResponse::default()
        })
    });
}
