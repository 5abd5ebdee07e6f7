//! RecordActivityTaskHeartbeat.

use temporalio_protos::temporal::api::common::v1::Payloads;
use temporalio_protos::temporal::api::workflowservice::v1::{
    RecordActivityTaskHeartbeatRequest, RecordActivityTaskHeartbeatResponse,
};
use tonic::Status;

use super::activity::lock_activity;
use super::check_blob;
use crate::core::Refusal;
use crate::core::commands::complete_activity::Which;
use crate::core::commands::heartbeat::{self, Heartbeat};
use crate::runs::{Guard, Host, Key};

pub(crate) async fn handle(
    host: &Host,
    request: RecordActivityTaskHeartbeatRequest,
) -> Result<RecordActivityTaskHeartbeatResponse, Status> {
    host.admit()?;
    check_blob(request.details.as_ref())?;
    let namespace = host.namespace(&request.namespace)?;
    let (fence, key, slot) = lock_activity(host, &namespace, &request.task_token).await?;
    let which = Which::Token(fence);
    let cancel_requested = beat(host, &key, slot, which, request.details).await?;
    Ok(RecordActivityTaskHeartbeatResponse {
        cancel_requested,
        ..RecordActivityTaskHeartbeatResponse::default()
    })
}

/// Records the beat; answers whether the activity was asked to stop.
pub(super) async fn beat(
    host: &Host,
    key: &Key,
    mut slot: Guard,
    which: Which,
    details: Option<Payloads>,
) -> Result<bool, Status> {
    let live = slot.live.as_mut().ok_or(Refusal::Closed)?;
    let cmd = Heartbeat { which, details };
    let beaten = match heartbeat::apply(&mut live.run, cmd, host.now()) {
        Ok(beaten) => beaten,
        Err(refusal) => return Err(host.refuse(slot, refusal).await),
    };
    let position = host.take(key, &mut slot, beaten.outcome);
    drop(slot);
    host.durable(position).await?;
    Ok(beaten.cancel_requested)
}
