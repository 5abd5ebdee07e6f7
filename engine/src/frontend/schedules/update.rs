//! UpdateSchedule, PatchSchedule and DeleteSchedule.

use std::sync::Arc;

use temporalio_protos::temporal::api::workflowservice::v1::{
    DeleteScheduleRequest, DeleteScheduleResponse, PatchScheduleRequest, PatchScheduleResponse,
    UpdateScheduleRequest, UpdateScheduleResponse,
};
use tonic::Status;

use super::{check, existing, to_the_end};
use crate::core::time::to_proto;
use crate::frontend::check_length;
use crate::runs::Host;
use crate::schedules::life::{Command, Update};

pub(crate) async fn update(
    host: &Arc<Host>,
    request: UpdateScheduleRequest,
) -> Result<UpdateScheduleResponse, Status> {
    host.admit()?;
    check_length("RequestId", &request.request_id)?;
    check::check_size("the schedule", &request)?;
    let cmd = Command::Update(Box::new(Update {
        schedule: check::canonical(request.schedule)?,
        expected: expected(&request.conflict_token),
        search_attributes: request.search_attributes,
        memo: request.memo,
    }));
    let (namespace, id) = (request.namespace, request.schedule_id);
    change(host, namespace, id, request.request_id, cmd).await?;
    Ok(UpdateScheduleResponse {})
}

pub(crate) async fn patch(
    host: &Arc<Host>,
    request: PatchScheduleRequest,
) -> Result<PatchScheduleResponse, Status> {
    host.admit()?;
    check_length("RequestId", &request.request_id)?;
    check::check_size("the patch", &request)?;
    let mut patch = request.patch.unwrap_or_default();
    check::check_patch(&patch)?;
    if let Some(trigger) = &mut patch.trigger_immediately {
        let now = || to_proto(host.now());
        trigger.scheduled_time = trigger.scheduled_time.take().or_else(|| Some(now()));
    }
    let (namespace, id) = (request.namespace, request.schedule_id);
    let cmd = Command::Patch(patch);
    change(host, namespace, id, request.request_id, cmd).await?;
    Ok(PatchScheduleResponse {})
}

pub(crate) async fn delete(
    host: &Arc<Host>,
    request: DeleteScheduleRequest,
) -> Result<DeleteScheduleResponse, Status> {
    host.admit()?;
    let host = Arc::clone(host);
    to_the_end(async move {
        let in_hand = existing(&host, &request.namespace, &request.schedule_id).await?;
        host.remove_schedule(in_hand).await
    })
    .await?;
    Ok(DeleteScheduleResponse {})
}

async fn change(
    host: &Arc<Host>,
    namespace: String,
    schedule_id: String,
    request_id: String,
    cmd: Command,
) -> Result<(), Status> {
    let host = Arc::clone(host);
    to_the_end(async move {
        let mut in_hand = existing(&host, &namespace, &schedule_id).await?;
        match in_hand.state.accepts(&request_id) {
            true => host.live(in_hand, cmd).await,
            false => Ok(()),
        }
    })
    .await
}

/// Without a token (or with zero) whatever is there is replaced.
fn expected(token: &[u8]) -> Option<i64> {
    let bytes = token.first_chunk::<8>()?;
    Some(i64::from_be_bytes(*bytes)).filter(|number| *number != 0)
}
