//! RequestCancelWorkflowExecution.

use temporalio_protos::temporal::api::workflowservice::v1::{
    RequestCancelWorkflowExecutionRequest, RequestCancelWorkflowExecutionResponse,
};
use tonic::Status;

use super::start::check_links;
use super::{check_length, execution};
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
    check_length("RequestId", &request.request_id)?;
    check_links(&request.links)?;
    let cmd = RequestCancel {
        reason: request.reason,
        identity: request.identity,
        request_id: request.request_id,
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
        .change_if_there(&namespace, &workflow_id, &run_id, |run| {
            if run.is_open() && !chain.is_empty() && run.first_run_id != chain {
                return Err(Refusal::AnotherChain);
            }
            cancel::apply(run, cmd, now)
        })
        .await?;
    // What is over needs no cancelling: that is a success.
    if let Some(position) = change {
        host.durable(position).await?;
    }
    Ok(RequestCancelWorkflowExecutionResponse {})
}
