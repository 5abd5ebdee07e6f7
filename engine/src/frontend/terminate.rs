//! TerminateWorkflowExecution.

use temporalio_protos::temporal::api::workflowservice::v1::{
    TerminateWorkflowExecutionRequest, TerminateWorkflowExecutionResponse,
};
use tonic::Status;

use super::execution;
use crate::core::Refusal;
use crate::core::commands::terminate::{self, Terminate};
use crate::runs::Host;

pub(crate) async fn handle(
    host: &Host,
    request: TerminateWorkflowExecutionRequest,
) -> Result<TerminateWorkflowExecutionResponse, Status> {
    host.admit()?;
    let namespace = host.namespace(&request.namespace)?;
    let (workflow_id, run_id) = execution(request.workflow_execution)?;
    let reason = match request.reason.is_empty() {
        true => "terminated by user via frontend".to_owned(),
        false => request.reason,
    };
    let cmd = Terminate {
        reason,
        details: request.details,
        identity: request.identity,
        links: request.links,
    };
    let (now, chain) = (host.now(), request.first_execution_run_id);
    // The chain names its newest run.
    let run_id = if chain.is_empty() {
        run_id
    } else {
        String::new()
    };
    let change = host
        .change(&namespace, &workflow_id, &run_id, |run| {
            if !chain.is_empty() && run.first_run_id != chain {
                return Err(Refusal::AnotherChain);
            }
            terminate::apply(run, cmd, now)
        })
        .await?;
    host.durable(change).await?;
    Ok(TerminateWorkflowExecutionResponse {})
}
