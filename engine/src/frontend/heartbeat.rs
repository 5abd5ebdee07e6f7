//! RecordActivityTaskHeartbeat.

use temporalio_protos::temporal::api::common::v1::Payloads;
use temporalio_protos::temporal::api::workflowservice::v1::{
    RecordActivityTaskHeartbeatRequest, RecordActivityTaskHeartbeatResponse,
};
use tonic::Status;

use super::activity::{self, lock_activity};
use super::oversize;
use crate::core::Refusal;
use crate::core::commands::complete_activity::Which;
use crate::core::commands::heartbeat::{self, Heartbeat};
use crate::runs::{Guard, Host, Key};

pub(crate) async fn handle(
    host: &Host,
    request: RecordActivityTaskHeartbeatRequest,
) -> Result<RecordActivityTaskHeartbeatResponse, Status> {
    host.admit()?;
    let namespace = host.namespace(&request.namespace)?;
    let (fence, key, slot) = lock_activity(host, &namespace, &request.task_token).await?;
    let which = Which::Token(fence);
    let beat = Beat {
        which,
        details: request.details,
        identity: request.identity,
    };
    let cancel_requested = record(host, &key, slot, beat).await?;
    Ok(RecordActivityTaskHeartbeatResponse {
        cancel_requested,
        ..RecordActivityTaskHeartbeatResponse::default()
    })
}

#[derive(Debug)]
pub(super) struct Beat {
    pub(super) which: Which,
    pub(super) details: Option<Payloads>,
    pub(super) identity: String,
}

/// Records the beat; answers whether the activity is to stop. It is where its details are too
/// large to be kept: the attempt has failed of it.
pub(super) async fn record(
    host: &Host,
    key: &Key,
    mut slot: Guard,
    beat: Beat,
) -> Result<bool, Status> {
    let Beat { which, details, .. } = beat;
    if oversize::is_too_large(details.as_ref()) {
        let ended = activity::too_large(activity::HEARTBEAT_TOO_LARGE, beat.identity);
        activity::end(host, key, slot, which, ended).await?;
        return Ok(true);
    }
    let live = slot.live.as_mut().ok_or(Refusal::Closed)?;
    let cmd = Heartbeat { which, details };
    let beaten = match heartbeat::apply(&mut live.run, cmd, host.now()) {
        Ok(beaten) => beaten,
        Err(refusal) => return Err(host.refuse(slot, refusal).await),
    };
    let overrun = beaten.outcome.overrun;
    let position = host.take(key, &mut slot, beaten.outcome);
    drop(slot);
    host.durable(position).await?;
    if let Some(bound) = overrun {
        return Err(Status::invalid_argument(bound));
    }
    Ok(beaten.cancel_requested)
}
