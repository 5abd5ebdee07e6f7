//! PollActivityTaskQueue.

use prost::Message;
use temporalio_protos::temporal::api::common::v1::{
    WorkerVersionStamp, WorkflowExecution, WorkflowType,
};
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollActivityTaskQueueRequest, PollActivityTaskQueueResponse,
};
use tonic::Status;

use super::poll_workflow::{build_of, too_many_polls};
use super::{check_length, queue_name};
use crate::core::commands::start_activity::{self, StartActivity, Starter};
use crate::core::priority;
use crate::core::time::to_proto;
use crate::limits;
use crate::matching::{Item, Kind, QueueKey};
use crate::runs::{Host, Live, Namespace};
use crate::token::{self, Token};

#[allow(deprecated)] // The capabilities are how today's workers name their build.
pub(crate) async fn handle(
    host: &Host,
    request: PollActivityTaskQueueRequest,
) -> Result<Vec<u8>, Status> {
    let namespace = host.namespace(&request.namespace)?;
    check_length("Identity", &request.identity)?;
    check_length("WorkerInstanceKey", &request.worker_instance_key)?;
    let worker = host
        .workers
        .poll(namespace.id, &request.worker_instance_key, host.now());
    if worker.is_called_off() {
        return Ok(Vec::new());
    }
    let build = build_of(
        request.worker_version_capabilities,
        request.deployment_options,
    );
    let key = QueueKey {
        namespace: namespace.id,
        kind: Kind::Activity,
        name: queue_name(request.task_queue.as_ref())?.to_owned(),
    };
    let queue = host.matching.queue(key.clone());
    let Some(_poll) = host.matching.poll(&key, &queue, host.clock.clone()) else {
        return Err(too_many_polls());
    };
    let give_up = host.clock.sleep_until(host.now().after(limits::POLL));
    tokio::pin!(give_up);
    loop {
        let claim = tokio::select! {
            biased;
            () = host.closing.cancelled() => return Ok(Vec::new()),
            () = worker.called_off() => return Ok(Vec::new()),
            claim = queue.claim() => claim,
            () = &mut give_up => return Ok(Vec::new()),
        };
        let answer = match claim.item() {
            Some(Item::Activity {
                row,
                scheduled_id,
                attempt,
            }) => {
                let cmd = StartActivity {
                    scheduled_id: *scheduled_id,
                    attempt: *attempt,
                    starter: starter(host, request.identity.clone(), build.clone())?,
                };
                hand(host, &namespace, *row, cmd).await
            }
            _ => Ok(None),
        };
        match answer {
            Ok(Some(task)) => {
                claim.accept();
                return Ok(task.encode_to_vec());
            }
            Ok(None) => {
                claim.accept();
            }
            // One unreadable run must not keep a worker from all others.
            Err(error) if error.code() == tonic::Code::DataLoss => {
                tracing::error!(%error, "an activity cannot be handed out");
                claim.accept();
            }
            // The item goes back to its queue with the claim.
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn starter(
    host: &Host,
    identity: String,
    worker_version: Option<WorkerVersionStamp>,
) -> Result<Starter, Status> {
    Ok(Starter {
        identity,
        worker_version,
        request_id: host.fresh_id()?,
        epoch: host.epoch,
    })
}

async fn hand(
    host: &Host,
    namespace: &Namespace,
    row: i64,
    cmd: StartActivity,
) -> Result<Option<PollActivityTaskQueueResponse>, Status> {
    let Some((key, mut slot)) = host.lock_row(row).await? else {
        return Ok(None);
    };
    let Some(live) = slot.live.as_mut() else {
        return Ok(None);
    };
    let scheduled_id = cmd.scheduled_id;
    let Ok(outcome) = start_activity::apply(&mut live.run, cmd, host.now()) else {
        return Ok(None);
    };
    let position = host.take(&key, &mut slot, outcome);
    let task = slot
        .live
        .as_ref()
        .and_then(|live| describe(host, namespace, live, scheduled_id));
    drop(slot);
    // The schedule always, and where attempts are bounded the start too, is on disk before a
    // worker may act on it.
    host.durable_at_last(position).await?;
    Ok(task)
}

/// A started activity as its worker gets it.
pub(super) fn describe(
    host: &Host,
    namespace: &Namespace,
    live: &Live,
    scheduled_id: i64,
) -> Option<PollActivityTaskQueueResponse> {
    let run = &live.run;
    let activity = run.activities.get(&scheduled_id)?;
    let started = activity.started()?;
    let spec = &activity.spec;
    let token = Token {
        kind: token::Kind::Activity as i32,
        namespace: namespace.id,
        row: live.row,
        scheduled_id,
        attempt: activity.attempt,
        epoch: started.epoch,
        ..Token::default()
    };
    Some(PollActivityTaskQueueResponse {
        task_token: host.tokens.seal(&token),
        workflow_namespace: namespace.name.clone(),
        workflow_type: Some(WorkflowType {
            name: run.workflow_type.clone(),
        }),
        workflow_execution: Some(WorkflowExecution {
            workflow_id: run.workflow_id.clone(),
            run_id: run.run_id.clone(),
        }),
        activity_type: spec.activity_type.clone(),
        activity_id: spec.activity_id.clone(),
        header: spec.header.clone(),
        input: spec.input.clone(),
        heartbeat_details: activity.beat_details.clone(),
        scheduled_time: Some(to_proto(activity.scheduled_at)),
        current_attempt_scheduled_time: Some(to_proto(activity.available_at)),
        started_time: Some(to_proto(started.at)),
        attempt: i32::try_from(activity.attempt).unwrap_or(i32::MAX),
        schedule_to_close_timeout: spec.schedule_to_close_timeout,
        start_to_close_timeout: spec.start_to_close_timeout,
        heartbeat_timeout: spec.heartbeat_timeout,
        retry_policy: spec.retry_policy.clone(),
        priority: priority::merged(run.priority.as_ref(), spec.priority.as_ref()),
        ..PollActivityTaskQueueResponse::default()
    })
}
