//! Projects and prebuilds: the projects that there are, and a prebuild of one, to its end.
//!
//! `prebuilds [PROJECT_ID]` builds; without an id it only lists, on the real API.

#![allow(clippy::print_stdout)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gitpod_client::BoxError;
use gitpod_client::prebuild::{CreatePrebuild, GetPrebuild};
use gitpod_client::project::ListProjects;
use gitpod_client::types::v1::{
    CreatePrebuildRequest, CreatePrebuildResponse, GetPrebuildRequest, GetPrebuildResponse,
    ListProjectsRequest, ListProjectsResponse, Prebuild, PrebuildPhase, PrebuildSpec,
    PrebuildStatus, Project, ProjectMetadata, ResourceType,
};
use gitpod_client::watch::Seen;
use gitpod_testing::Server;

use crate::common::events::Events;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let api = common::connect(serve).await?;
    let mut projects = api
        .client
        .project()
        .list_projects(ListProjectsRequest::default())
        .items();
    while let Some(project) = projects.try_next().await? {
        println!(
            "{} {:?}",
            project.id,
            project.metadata.unwrap_or_default().name
        );
    }
    let embedded = api.server.as_ref().map(|_| common::id(1));
    let Some(project_id) = std::env::args().nth(1).or(embedded) else {
        return Ok(());
    };
    let prebuilds = api.client.prebuild();
    let request = CreatePrebuildRequest {
        project_id,
        spec: Some(PrebuildSpec::default()),
        ..CreatePrebuildRequest::default()
    };
    let created = prebuilds.create_prebuild(request).await?.into_inner();
    let request = GetPrebuildRequest {
        prebuild_id: created.prebuild.unwrap_or_default().id,
    };

    // Each step of the way, as far as events tell of it.
    let mut watcher = api.client.watch(prebuilds.get_prebuild(request));
    watcher = watcher.reread_every(Duration::from_secs(30));
    while let Some(seen) = watcher.try_next().await? {
        let (how, prebuild) = match seen {
            Seen::Reread(prebuild) => ("is", prebuild),
            Seen::Changed(prebuild) => ("became", prebuild),
            _ => return Err("the prebuild is gone".into()),
        };
        let status = prebuild.status.unwrap_or_default();
        println!("the prebuild {how} {:?}", status.phase());
        match status.phase() {
            PrebuildPhase::Completed => break,
            PrebuildPhase::Failed | PrebuildPhase::Cancelled | PrebuildPhase::Deleted => {
                return Err(status.failure_message.into());
            }
            _ => {}
        }
    }
    Ok(())
}

fn serve(server: &Server) {
    const PHASES: [PrebuildPhase; 4] = [
        PrebuildPhase::Pending,
        PrebuildPhase::Running,
        PrebuildPhase::Snapshotting,
        PrebuildPhase::Completed,
    ];
    let events = Events::serve(server);
    let step = Arc::new(AtomicUsize::new(0));
    let prebuild = |step: usize| Prebuild {
        id: common::id(2),
        status: Some(PrebuildStatus {
            phase: PHASES[step].into(),
            ..PrebuildStatus::default()
        }),
        ..Prebuild::default()
    };
    server.handle::<ListProjects, _, _>(|request| async move {
        let project = |number| Project {
            id: common::id(number),
            metadata: Some(ProjectMetadata {
                name: format!("project-{number}"),
                ..ProjectMetadata::default()
            }),
            ..Project::default()
        };
        let all = (1..=30).map(project);
        let (projects, pagination) = common::page(all, request.pagination.as_ref());
        Ok(ListProjectsResponse {
            projects,
            pagination,
            ..ListProjectsResponse::default()
        })
    });
    let now = Arc::clone(&step);
    server.handle::<GetPrebuild, _, _>(move |_| {
        let prebuild = Some(prebuild(now.load(Ordering::SeqCst)));
        async move { Ok(GetPrebuildResponse { prebuild }) }
    });
    server.handle::<CreatePrebuild, _, _>(move |_| {
        let (events, step) = (events.clone(), Arc::clone(&step));
        tokio::spawn(async move {
            for next in 1..PHASES.len() {
                tokio::time::sleep(Duration::from_millis(50)).await;
                step.store(next, Ordering::SeqCst);
                events.changed(ResourceType::Prebuild, common::id(2));
            }
        });
        let prebuild = Some(prebuild(0));
        async move { Ok(CreatePrebuildResponse { prebuild }) }
    });
}
