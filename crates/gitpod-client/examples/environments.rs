//! Environments: those that run, and starting one and waiting until it does.
//!
//! `environments [ID]` starts that environment; without an id it only lists, on the real API.

#![allow(clippy::print_stdout)]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitpod_client::BoxError;
use gitpod_client::environment::{GetEnvironment, ListEnvironments, StartEnvironment};
use gitpod_client::types::v1::{
    Environment, EnvironmentPhase, EnvironmentStatus, GetEnvironmentRequest,
    GetEnvironmentResponse, ListEnvironmentsRequest, ListEnvironmentsResponse, ResourceType,
    StartEnvironmentRequest, StartEnvironmentResponse,
};
use gitpod_client::watch::Seen;
use gitpod_testing::Server;

use crate::common::events::Events;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let api = common::connect(serve).await?;
    let environments = api.client.environment();
    let mut all = environments
        .list_environments(ListEnvironmentsRequest::default())
        .items();
    while let Some(environment) = all.try_next().await? {
        println!("{} is {:?}", environment.id, phase(&environment));
    }

    let embedded = api.server.as_ref().map(|_| common::id(1));
    let Some(environment_id) = std::env::args().nth(1).or(embedded) else {
        return Ok(());
    };
    let get = || {
        environments.get_environment(GetEnvironmentRequest {
            environment_id: environment_id.clone(),
        })
    };
    let request = StartEnvironmentRequest {
        environment_id: environment_id.clone(),
    };
    environments.start_environment(request).await?;
    let running = |environment: &Environment| phase(environment) == EnvironmentPhase::Running;
    let environment = api
        .client
        .wait_until(get(), running, Duration::from_secs(300))
        .await?;
    println!("{environment_id} is {:?} now", phase(&environment));

    // What happens from here on, as far as anybody tells: the first thing that is seen is how it is.
    let mut watcher = api.client.watch(get());
    if let Some(Seen::Reread(environment)) = watcher.try_next().await? {
        println!("watching it from {:?} on", phase(&environment));
    }
    Ok(())
}

fn phase(environment: &Environment) -> EnvironmentPhase {
    environment
        .status
        .as_ref()
        .map_or(EnvironmentPhase::Unspecified, |status| status.phase())
}

/// An environment that starts in two steps, each with an event.
fn serve(server: &Server) {
    let events = Events::serve(server);
    let phase = Arc::new(Mutex::new(EnvironmentPhase::Stopped));
    let now = {
        let phase = Arc::clone(&phase);
        move || Environment {
            id: common::id(1),
            status: Some(EnvironmentStatus {
                phase: phase.lock().map_or(0, |phase| i32::from(*phase)),
                ..EnvironmentStatus::default()
            }),
            ..Environment::default()
        }
    };
    let listed = now.clone();
    server.handle::<ListEnvironments, _, _>(move |request| {
        let (environments, pagination) = common::page([listed()], request.pagination.as_ref());
        async move {
            Ok(ListEnvironmentsResponse {
                environments,
                pagination,
                ..ListEnvironmentsResponse::default()
            })
        }
    });
    server.handle::<GetEnvironment, _, _>(move |_| {
        let environment = Some(now());
        async move { Ok(GetEnvironmentResponse { environment }) }
    });
    server.handle::<StartEnvironment, _, _>(move |_| {
        let (events, phase) = (events.clone(), Arc::clone(&phase));
        tokio::spawn(async move {
            for next in [EnvironmentPhase::Starting, EnvironmentPhase::Running] {
                tokio::time::sleep(Duration::from_millis(50)).await;
                if let Ok(mut phase) = phase.lock() {
                    *phase = next;
                }
                events.changed(ResourceType::Environment, common::id(1));
            }
        });
        async move { Ok(StartEnvironmentResponse {}) }
    });
}
