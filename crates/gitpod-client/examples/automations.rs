//! Tasks of an environment: those that there are, and running one to its end. The events of a task
//! are among its environment's alone.
//!
//! `automations ENVIRONMENT_ID [REFERENCE]` asks the real API.

#![allow(clippy::print_stdout)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gitpod_client::BoxError;
use gitpod_client::environment_automation::{GetTaskExecution, ListTasks, StartTask};
use gitpod_client::types::v1::list_tasks_request::Filter;
use gitpod_client::types::v1::{
    GetTaskExecutionRequest, GetTaskExecutionResponse, ListTasksRequest, ListTasksResponse,
    ResourceType, StartTaskRequest, StartTaskResponse, Task, TaskExecution, TaskExecutionPhase,
    TaskExecutionStatus, TaskMetadata,
};
use gitpod_client::watch::Resource;
use gitpod_testing::Server;

use crate::common::events::Events;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let api = common::connect(serve).await?;
    let mut arguments = std::env::args().skip(1);
    let embedded = api.server.as_ref().map(|_| common::id(1));
    let Some(environment_id) = arguments.next().or(embedded) else {
        println!("usage: automations ENVIRONMENT_ID [REFERENCE]");
        return Ok(());
    };
    let reference = arguments
        .next()
        .or(api.server.as_ref().map(|_| "build".to_owned()));

    let automations = api.client.environment_automation();
    let request = ListTasksRequest {
        filter: Some(Filter {
            environment_ids: vec![environment_id.clone()],
            ..Filter::default()
        }),
        ..ListTasksRequest::default()
    };
    let mut tasks = automations.list_tasks(request).items();
    let mut wanted = None;
    while let Some(task) = tasks.try_next().await? {
        let metadata = task.metadata.unwrap_or_default();
        println!("{}: {}", metadata.reference, metadata.name);
        if Some(metadata.reference) == reference {
            wanted = Some(task.id);
        }
    }
    let Some(id) = wanted else {
        return Ok(());
    };
    let started = automations
        .start_task(StartTaskRequest { id })
        .await?
        .into_inner();
    let id = started.task_execution.unwrap_or_default().id;
    let call = automations.get_task_execution(GetTaskExecutionRequest { id });
    let execution = Resource::from(call).in_environment(environment_id);
    let ended = |execution: &TaskExecution| {
        use TaskExecutionPhase::{Failed, Stopped, Succeeded};
        let phase = execution.status.as_ref().map(TaskExecutionStatus::phase);
        matches!(phase, Some(Failed | Stopped | Succeeded))
    };
    let execution = api
        .client
        .wait_until(execution, ended, Duration::from_secs(600))
        .await?;
    println!(
        "it ended as {:?}",
        execution.status.unwrap_or_default().phase()
    );
    Ok(())
}

fn serve(server: &Server) {
    let events = Events::serve(server);
    let is_done = Arc::new(AtomicBool::new(false));
    let execution = |is_done: bool| TaskExecution {
        id: common::id(3),
        status: Some(TaskExecutionStatus {
            phase: if is_done {
                TaskExecutionPhase::Succeeded.into()
            } else {
                TaskExecutionPhase::Running.into()
            },
            ..TaskExecutionStatus::default()
        }),
        ..TaskExecution::default()
    };
    server.handle::<ListTasks, _, _>(|request| async move {
        let task = |(number, reference): (usize, &str)| Task {
            id: common::id(number),
            metadata: Some(TaskMetadata {
                reference: reference.to_owned(),
                name: format!("Runs the {reference}"),
                ..TaskMetadata::default()
            }),
            ..Task::default()
        };
        let all = ["build", "tests"].into_iter().enumerate().map(task);
        let (tasks, pagination) = common::page(all, request.pagination.as_ref());
        Ok(ListTasksResponse { pagination, tasks })
    });
    let now = Arc::clone(&is_done);
    server.handle::<GetTaskExecution, _, _>(move |_| {
        let task_execution = Some(execution(now.load(Ordering::SeqCst)));
        async move { Ok(GetTaskExecutionResponse { task_execution }) }
    });
    server.handle::<StartTask, _, _>(move |_| {
        let (events, is_done) = (events.clone(), Arc::clone(&is_done));
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            is_done.store(true, Ordering::SeqCst);
            events.changed(ResourceType::TaskExecution, common::id(3));
        });
        let task_execution = Some(execution(false));
        async move { Ok(StartTaskResponse { task_execution }) }
    });
}
