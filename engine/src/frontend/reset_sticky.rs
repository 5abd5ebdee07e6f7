//! ResetStickyTaskQueue: the next task of a run goes to everybody, with its whole history.

use temporalio_protos::temporal::api::workflowservice::v1::{
    ResetStickyTaskQueueRequest, ResetStickyTaskQueueResponse,
};
use tonic::Status;

use super::execution;
use crate::core::Refusal;
use crate::runs::{Found, Host};

pub(crate) async fn handle(
    host: &Host,
    request: ResetStickyTaskQueueRequest,
) -> Result<ResetStickyTaskQueueResponse, Status> {
    let namespace = host.namespace(&request.namespace)?;
    let (workflow_id, run_id) = execution(request.execution)?;
    let mut found = host.find(&namespace, &workflow_id, &run_id).await?;
    if let Found::Live(slot) = &mut found
        && let Some(live) = slot.live.as_mut().filter(|live| live.run.is_open())
    {
        // Stickiness is no part of what lasts: nothing is written.
        live.run.forget_sticky();
        let position = slot.position;
        drop(found);
        host.durable(position).await?;
        return Ok(ResetStickyTaskQueueResponse {});
    }
    match found {
        Found::Live(slot) => Err(host.refuse(slot, Refusal::Closed).await),
        Found::Stored(_) => Err(Refusal::Closed.into()),
    }
}
