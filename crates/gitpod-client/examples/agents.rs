//! Agents: what they are at work on, what they have used, and waiting for one that needs an answer.

#![allow(clippy::print_stdout)]

mod common;

use std::time::Duration;

use gitpod_client::agent::{GetAgentExecution, ListAgentExecutions};
use gitpod_client::types::v1::agent_execution::{Metadata, Phase, Status};
use gitpod_client::types::v1::{
    AgentExecution, GetAgentExecutionRequest, GetAgentExecutionResponse,
    ListAgentExecutionsRequest, ListAgentExecutionsResponse,
};
use gitpod_client::{BoxError, Code};
use gitpod_testing::Server;

use crate::common::events::Events;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let api = common::connect(serve).await?;
    let agents = api.client.agent();
    let mut executions = agents
        .list_agent_executions(ListAgentExecutionsRequest::default())
        .items();
    let mut busy = None;
    while let Some(execution) = executions.try_next().await? {
        let name = execution.metadata.unwrap_or_default().name;
        let status = execution.status.unwrap_or_default();
        println!(
            "{name:?} is {:?}, after {} tokens in and {} out",
            status.phase(),
            status.input_tokens_used,
            status.output_tokens_used,
        );
        if status.phase() == Phase::Running {
            busy.get_or_insert(execution.id);
        }
    }
    let Some(agent_execution_id) = busy else {
        return Ok(());
    };
    let call = agents.get_agent_execution(GetAgentExecutionRequest { agent_execution_id });
    let waits = |execution: &AgentExecution| {
        let phase = execution.status.as_ref().map(Status::phase);
        matches!(phase, Some(Phase::WaitingForInput | Phase::Stopped))
    };
    match api
        .client
        .wait_until(call, waits, Duration::from_secs(2))
        .await
    {
        Ok(execution) => println!("{} wants an answer, or is done", execution.id),
        Err(error) if error.code() == Code::DeadlineExceeded => println!("it is still at work"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn execution(number: usize) -> AgentExecution {
    AgentExecution {
        id: common::id(number),
        metadata: Some(Metadata {
            name: format!("Task {number}"),
            ..Metadata::default()
        }),
        status: Some(Status {
            phase: if number == 3 {
                Phase::Running.into()
            } else {
                Phase::Stopped.into()
            },
            input_tokens_used: 10_000 * number as i64,
            output_tokens_used: 1000 * number as i64,
            ..Status::default()
        }),
        ..AgentExecution::default()
    }
}

fn serve(server: &Server) {
    Events::serve(server);
    server.handle::<ListAgentExecutions, _, _>(|request| async move {
        let all = (1..=3).map(execution);
        let (agent_executions, pagination) = common::page(all, request.pagination.as_ref());
        Ok(ListAgentExecutionsResponse {
            agent_executions,
            pagination,
        })
    });
    server.handle::<GetAgentExecution, _, _>(|_| async move {
        let agent_execution = Some(execution(1));
        Ok(GetAgentExecutionResponse { agent_execution })
    });
}
