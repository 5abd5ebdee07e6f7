//! RequestCancelWorkflowExecution.

use temporalio_protos::temporal::api::workflowservice::v1::{
    RequestCancelWorkflowExecutionRequest, RequestCancelWorkflowExecutionResponse,
};
use tonic::Status;

use super::execution;
use crate::core::Refusal;
use crate::core::commands::cancel::{self, RequestCancel};
use crate::runs::Host;

pub(crate) async fn handle(
    host: &Host,
    request: RequestCancelWorkflowExecutionRequest,
) -> Result<RequestCancelWorkflowExecutionResponse, Status> {
    host.admit()?;
    let namespace = host.namespace(&request.namespace)?;
    let (workflow_id, run_id) = execution(request.workflow_execution)?;
    let cmd = RequestCancel {
        reason: request.reason,
        identity: request.identity,
        request_id: request.request_id,
    };
    let (now, chain) = (host.now(), request.first_execution_run_id);
    let change = host
        .change(&namespace, &workflow_id, &run_id, |run| {
            if !chain.is_empty() && run.first_run_id != chain {
                return Err(Refusal::Closed);
            }
            cancel::apply(run, cmd, now)
        })
        .await?;
    host.durable(change).await?;
    Ok(RequestCancelWorkflowExecutionResponse {})
}
