//! Runners: how each is, and which classes of environments it has.

#![allow(clippy::print_stdout)]

mod common;

use gitpod_client::BoxError;
use gitpod_client::runner::ListRunners;
use gitpod_client::runner_configuration::ListEnvironmentClasses;
use gitpod_client::types::v1::list_environment_classes_request::Filter;
use gitpod_client::types::v1::{
    EnvironmentClass, ListEnvironmentClassesRequest, ListEnvironmentClassesResponse,
    ListRunnersRequest, ListRunnersResponse, Runner, RunnerPhase, RunnerStatus,
};
use gitpod_testing::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let api = common::connect(serve).await?;
    let mut runners = api
        .client
        .runner()
        .list_runners(ListRunnersRequest::default())
        .items();
    while let Some(runner) = runners.try_next().await? {
        let status = runner.status.unwrap_or_default();
        println!(
            "{:?}: {:?}, version {:?}",
            runner.name,
            status.phase(),
            status.version
        );
        let request = ListEnvironmentClassesRequest {
            filter: Some(Filter {
                runner_ids: vec![runner.runner_id],
                enabled: Some(true),
                ..Filter::default()
            }),
            ..ListEnvironmentClassesRequest::default()
        };
        let call = api
            .client
            .runner_configuration()
            .list_environment_classes(request);
        let mut classes = call.items();
        while let Some(class) = classes.try_next().await? {
            println!("    {:?}: {}", class.display_name, class.description);
        }
    }
    Ok(())
}

fn serve(server: &Server) {
    server.handle::<ListRunners, _, _>(|request| async move {
        let runner = |number| Runner {
            runner_id: common::id(number),
            name: format!("runner-{number}"),
            status: Some(RunnerStatus {
                phase: RunnerPhase::Active.into(),
                version: "2025-06-01".to_owned(),
                ..RunnerStatus::default()
            }),
            ..Runner::default()
        };
        let (runners, pagination) = common::page((1..=2).map(runner), request.pagination.as_ref());
        Ok(ListRunnersResponse {
            runners,
            pagination,
        })
    });
    server.handle::<ListEnvironmentClasses, _, _>(|request| async move {
        let class = |(number, name): (usize, &str)| EnvironmentClass {
            id: common::id(number),
            display_name: name.to_owned(),
            description: format!("{} cores", 4 << number),
            enabled: true,
            ..EnvironmentClass::default()
        };
        let all = ["Regular", "Large"].into_iter().enumerate().map(class);
        let (environment_classes, pagination) = common::page(all, request.pagination.as_ref());
        Ok(ListEnvironmentClassesResponse {
            environment_classes,
            pagination,
        })
    });
}
