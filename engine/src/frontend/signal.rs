//! SignalWorkflowExecution.

use temporalio_protos::temporal::api::workflowservice::v1::{
    SignalWorkflowExecutionRequest, SignalWorkflowExecutionResponse,
};
use tonic::Status;

use super::start::check_links;
use super::{check_blob, check_id, check_length, execution};
use crate::core::commands::signal::{self, Signal};
use crate::runs::Host;

pub(crate) async fn handle(
    host: &Host,
    request: SignalWorkflowExecutionRequest,
) -> Result<SignalWorkflowExecutionResponse, Status> {
    host.admit()?;
    let namespace = host.namespace(&request.namespace)?;
    let (workflow_id, run_id) = execution(request.workflow_execution)?;
    check_id("SignalName", &request.signal_name)?;
    check_length("RequestId", &request.request_id)?;
    check_links(&request.links)?;
    check_blob(request.input.as_ref())?;
    let message = Signal {
        name: request.signal_name,
        input: request.input,
        identity: request.identity,
        header: request.header,
        request_id: request.request_id,
        links: request.links,
        hurries: false,
    };
    let now = host.now();
    let change = host
        .change(&namespace, &workflow_id, &run_id, |run| {
            signal::apply(run, message, now)
        })
        .await?;
    host.durable(change).await?;
    Ok(SignalWorkflowExecutionResponse::default())
}
