//! RespondWorkflowTaskFailed.

use temporalio_protos::temporal::api::workflowservice::v1::{
    RespondWorkflowTaskFailedRequest, RespondWorkflowTaskFailedResponse,
};
use tonic::Status;

use super::complete_task::{fence, lock_task};
use super::oversize;
use crate::core::Refusal;
use crate::core::commands::fail_task::{self, FailTask};
use crate::runs::Host;

/// From this many failures in a row on, queries are refused instead of kept waiting.
const HOPELESS_ATTEMPTS: u32 = 3;

pub(crate) async fn handle(
    host: &Host,
    request: RespondWorkflowTaskFailedRequest,
) -> Result<RespondWorkflowTaskFailedResponse, Status> {
    host.admit()?;
    let namespace = host.namespace(&request.namespace)?;
    let (token, key, mut slot) = lock_task(host, &namespace, &request.task_token).await?;
    let Some(live) = slot.live.as_mut() else {
        return Err(Refusal::Closed.into());
    };
    let cmd = FailTask {
        fence: fence(&token),
        cause: request.cause(),
        failure: request.failure.map(|failure| oversize::fitting(failure).0),
        identity: request.identity,
    };
    let outcome = match fail_task::apply(&mut live.run, cmd, host.now()) {
        Ok(outcome) => outcome,
        Err(refusal) => return Err(host.refuse(slot, refusal).await),
    };
    let attempt = live.run.task.as_ref().map_or(1, |task| task.attempt);
    if attempt >= HOPELESS_ATTEMPTS {
        host.refuse_riding(live);
    }
    let position = host.take(&key, &mut slot, outcome);
    drop(slot);
    host.durable(position).await?;
    Ok(RespondWorkflowTaskFailedResponse {})
}
