//! Workflows: those that there are, and running one to its end.
//!
//! `workflows [ID]` runs that workflow; without an id it only lists, on the real API.

#![allow(clippy::print_stdout)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use gitpod_client::BoxError;
use gitpod_client::types::v1::workflow_execution::Status;
use gitpod_client::types::v1::{
    GetWorkflowExecutionRequest, GetWorkflowExecutionResponse, ListWorkflowsRequest,
    ListWorkflowsResponse, ResourceType, StartWorkflowRequest, StartWorkflowResponse, Workflow,
    WorkflowExecution, WorkflowExecutionPhase, workflow,
};
use gitpod_client::workflow::{GetWorkflowExecution, ListWorkflows, StartWorkflow};
use gitpod_testing::Server;

use crate::common::events::Events;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let api = common::connect(serve).await?;
    let workflows = api.client.workflow();
    let mut all = workflows
        .list_workflows(ListWorkflowsRequest::default())
        .items();
    while let Some(workflow) = all.try_next().await? {
        println!(
            "{} {:?}",
            workflow.id,
            workflow.metadata.unwrap_or_default().name
        );
    }
    let embedded = api.server.as_ref().map(|_| common::id(1));
    let Some(workflow_id) = std::env::args().nth(1).or(embedded) else {
        return Ok(());
    };
    let request = StartWorkflowRequest {
        workflow_id,
        ..StartWorkflowRequest::default()
    };
    let started = workflows.start_workflow(request).await?.into_inner();
    let request = GetWorkflowExecutionRequest {
        workflow_execution_id: started.workflow_execution.unwrap_or_default().id,
    };
    let call = workflows.get_workflow_execution(request);
    let ended = |execution: &WorkflowExecution| {
        use WorkflowExecutionPhase::{Completed, Stopped};
        let phase = execution.status.as_ref().map(Status::phase);
        matches!(phase, Some(Completed | Stopped))
    };
    let execution = api
        .client
        .wait_until(call, ended, Duration::from_secs(600))
        .await?;
    let status = execution.status.unwrap_or_default();
    println!(
        "{:?}: {} actions done, {} failed",
        status.phase(),
        status.done_action_count,
        status.failed_action_count
    );
    Ok(())
}

/// A workflow with three actions.
fn serve(server: &Server) {
    let events = Events::serve(server);
    let done = Arc::new(AtomicI32::new(0));
    let execution = |done: i32| {
        let phase = match done {
            3 => WorkflowExecutionPhase::Completed,
            _ => WorkflowExecutionPhase::Running,
        };
        WorkflowExecution {
            id: common::id(2),
            status: Some(Status {
                phase: phase.into(),
                done_action_count: done,
                ..Status::default()
            }),
            ..WorkflowExecution::default()
        }
    };
    server.handle::<ListWorkflows, _, _>(|request| async move {
        let workflow = Workflow {
            id: common::id(1),
            metadata: Some(workflow::Metadata {
                name: "Nightly".to_owned(),
                ..workflow::Metadata::default()
            }),
            ..Workflow::default()
        };
        let (workflows, pagination) = common::page([workflow], request.pagination.as_ref());
        Ok(ListWorkflowsResponse {
            workflows,
            pagination,
            ..ListWorkflowsResponse::default()
        })
    });
    let now = Arc::clone(&done);
    server.handle::<GetWorkflowExecution, _, _>(move |_| {
        let workflow_execution = Some(execution(now.load(Ordering::SeqCst)));
        async move { Ok(GetWorkflowExecutionResponse { workflow_execution }) }
    });
    server.handle::<StartWorkflow, _, _>(move |_| {
        let (events, done) = (events.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                done.fetch_add(1, Ordering::SeqCst);
                events.changed(ResourceType::WorkflowExecution, common::id(2));
            }
        });
        let workflow_execution = Some(execution(0));
        async move { Ok(StartWorkflowResponse { workflow_execution }) }
    });
}
