//! StartWorkflowExecution: all id policies, deduplication by request id, eager first task.

use prost::Message;
use temporalio_protos::temporal::api::common::v1::Link;
use temporalio_protos::temporal::api::common::v1::link::workflow_event::{
    EventReference, Reference,
};
use temporalio_protos::temporal::api::common::v1::link::{Variant, WorkflowEvent};
use temporalio_protos::temporal::api::enums::v1::{
    EventType, TaskQueueKind, WorkflowExecutionStatus as Run, WorkflowIdConflictPolicy as Conflict,
    WorkflowIdReusePolicy as Reuse,
};
use temporalio_protos::temporal::api::history::v1::WorkflowExecutionStartedEventAttributes;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1::{
    StartWorkflowExecutionRequest, StartWorkflowExecutionResponse,
};
use tonic::Status;

use super::poll_workflow::{self, Poller, build_of};
use super::{check_blob, check_id, check_length, queue_name, status};
use crate::core::commands::signal::Signal;
use crate::core::commands::start::{self, Start};
use crate::core::commands::terminate::{self, Terminate};
use crate::core::priority;
use crate::core::retry;
use crate::core::task;
use crate::core::time::{duration, or_zero, positive, to_proto};
use crate::runs::{Guard, Host, Key, Slot};
use crate::store::writer::Position;
use crate::{limits, wire};

pub(crate) async fn handle(
    host: &Host,
    request: StartWorkflowExecutionRequest,
) -> Result<Vec<u8>, Status> {
    host.admit()?;
    validate(&request)?;
    let namespace = host.namespace(&request.namespace)?;
    let key = Key::new(namespace.id, &request.workflow_id);
    let slot = host.lock(&key).await?;
    let decision = match decide(&slot, &request) {
        Ok(decision) => decision,
        Err(taken) => return Err(host.refuse(slot, taken).await),
    };
    match decision {
        Decision::Same(run_id) => {
            let position = slot.position;
            drop(slot);
            host.durable(position).await?;
            let of = Named::of(&request);
            Ok(answer(of, run_id, Started::Before).encode_to_vec())
        }
        Decision::Existing(run_id) => {
            let position = slot.position;
            drop(slot);
            host.durable(position).await?;
            let of = Named::of(&request);
            Ok(answer(of, run_id, Started::ByAnother).encode_to_vec())
        }
        Decision::New => start_new(host, &key, slot, request).await,
    }
}

async fn start_new(
    host: &Host,
    key: &Key,
    mut slot: Guard,
    request: StartWorkflowExecutionRequest,
) -> Result<Vec<u8>, Status> {
    let eager = request.request_eager_execution.then(|| Poller {
        identity: request.identity.clone(),
        build: build_of(None, request.eager_worker_deployment_options.clone()),
    });
    let of = Named::of(&request);
    let (run_id, _) = begin(host, key, &mut slot, request, None)?;
    let mut encoded = answer(of, run_id, Started::Now).encode_to_vec();
    if let Some(poller) = eager
        && let Some(task) = poll_workflow::hand_eagerly(host, key, &mut slot, &poller)?
    {
        const EAGER_WORKFLOW_TASK: u32 = 2;
        wire::splice(&mut encoded, EAGER_WORKFLOW_TASK, &[task.into()]);
    }
    let position = slot.position;
    drop(slot);
    host.durable(position).await?;
    Ok(encoded)
}

/// What an id policy makes of the present state of a workflow id.
#[derive(Debug)]
pub(super) enum Decision {
    New,
    /// The very same request was accepted before.
    Same(String),
    /// A running workflow is used as it is.
    Existing(String),
}

pub(super) fn decide(
    slot: &Slot,
    request: &StartWorkflowExecutionRequest,
) -> Result<Decision, Status> {
    let (run_id, started_by, state) = match (&slot.live, &slot.closed) {
        (Some(live), _) => (&live.run.run_id, &live.run.started_by, live.run.status),
        (None, Some(head)) => {
            let state = Run::try_from(head.status).unwrap_or_default();
            (&head.run_id, &head.started_by, state)
        }
        (None, None) => return Ok(Decision::New),
    };
    if !request.request_id.is_empty() && *started_by == request.request_id {
        return Ok(Decision::Same(run_id.clone()));
    }
    let taken = |why: String| status::already_started(why, started_by, run_id);
    let whose = format!("WorkflowId: {}, RunId: {run_id}.", request.workflow_id);
    if state == Run::Running {
        return match policies(request) {
            (_, Conflict::UseExisting) => Ok(Decision::Existing(run_id.clone())),
            (_, Conflict::TerminateExisting) => Ok(Decision::New),
            _ => Err(taken(format!(
                "Workflow execution is already running. {whose}"
            ))),
        };
    }
    match policies(request).0 {
        Reuse::RejectDuplicate => Err(taken(format!(
            "Workflow execution already finished. {whose} Workflow Id reuse policy: \
             RejectDuplicate."
        ))),
        Reuse::AllowDuplicateFailedOnly
            if matches!(state, Run::Completed | Run::ContinuedAsNew) =>
        {
            Err(taken(format!(
                "Workflow execution already finished successfully. {whose} Workflow Id reuse \
                 policy: AllowDuplicateFailedOnly."
            )))
        }
        _ => Ok(Decision::New),
    }
}

/// The old "terminate if running" reuse policy is today's conflict policy.
#[allow(deprecated)] // Older SDKs still send it.
fn policies(request: &StartWorkflowExecutionRequest) -> (Reuse, Conflict) {
    match request.workflow_id_reuse_policy() {
        Reuse::TerminateIfRunning => (Reuse::AllowDuplicate, Conflict::TerminateExisting),
        Reuse::Unspecified => (Reuse::AllowDuplicate, request.workflow_id_conflict_policy()),
        reuse => (reuse, request.workflow_id_conflict_policy()),
    }
}

/// Starts a run, over whatever the policies allowed to be there.
pub(super) fn begin(
    host: &Host,
    key: &Key,
    slot: &mut Slot,
    request: StartWorkflowExecutionRequest,
    signal: Option<Signal>,
) -> Result<(String, Position), Status> {
    let (now, run_id) = (host.now(), host.fresh_id()?);
    let request_id = match request.request_id.is_empty() {
        true => host.fresh_id()?,
        false => request.request_id.clone(),
    };
    if let Some(live) = slot.live.as_mut().filter(|live| live.run.is_open()) {
        let end = Terminate {
            reason: "TerminateIfRunning WorkflowIdReusePolicy Policy".to_owned(),
            details: None,
            identity: "history-service".to_owned(),
        };
        let ended = terminate::apply(&mut live.run, end, now)?;
        // One write with the new run: there is never neither. Nothing may fail in between.
        host.take_and_hold(key, slot, ended);
    }
    let (run, outcome) = start::apply(
        Start {
            workflow_id: request.workflow_id.clone(),
            run_id: run_id.clone(),
            request_id,
            user_metadata: request.user_metadata.clone(),
            attributes: attributes(request, &run_id, now),
            signal,
        },
        now,
    );
    let position = host.settle(key, slot, run, outcome);
    Ok((run_id, position))
}

fn attributes(
    request: StartWorkflowExecutionRequest,
    run_id: &str,
    now: ambient::Timestamp,
) -> WorkflowExecutionStartedEventAttributes {
    let execution = positive(request.workflow_execution_timeout.as_ref());
    let run = match (positive(request.workflow_run_timeout.as_ref()), execution) {
        (Some(run), Some(execution)) => Some(run.min(execution)),
        (run, execution) => run.or(execution),
    };
    let task = task::timeout(positive(request.workflow_task_timeout.as_ref()), run);
    let delay = positive(request.workflow_start_delay.as_ref());
    let first_task_at = now.after(delay.unwrap_or_default());
    let queue = request.task_queue.map(|queue| TaskQueue {
        kind: TaskQueueKind::Normal as i32,
        ..queue
    });
    WorkflowExecutionStartedEventAttributes {
        workflow_type: request.workflow_type,
        task_queue: queue,
        input: request.input,
        workflow_execution_timeout: execution.map(duration),
        workflow_run_timeout: run.map(duration),
        workflow_task_timeout: Some(duration(task)),
        original_execution_run_id: run_id.to_owned(),
        first_execution_run_id: run_id.to_owned(),
        identity: request.identity,
        attempt: 1,
        workflow_execution_expiration_time: execution
            .map(|wait| to_proto(first_task_at.after(wait))),
        first_workflow_task_backoff: or_zero(delay),
        memo: request.memo,
        search_attributes: request.search_attributes,
        header: request.header,
        workflow_id: request.workflow_id,
        priority: request.priority,
        eager_execution_accepted: request.request_eager_execution && delay.is_none(),
        ..WorkflowExecutionStartedEventAttributes::default()
    }
}

#[allow(deprecated)] // Older SDKs still send "terminate if running".
pub(super) fn validate(request: &StartWorkflowExecutionRequest) -> Result<(), Status> {
    check_id("WorkflowId", &request.workflow_id)?;
    let kind = request.workflow_type.as_ref().map_or("", |t| &t.name);
    check_id("WorkflowType", kind)?;
    queue_name(request.task_queue.as_ref())?;
    check_length("RequestId", &request.request_id)?;
    check_blob("Input", request.input.as_ref())?;
    for (what, wait) in [
        (
            "WorkflowExecutionTimeout",
            &request.workflow_execution_timeout,
        ),
        ("WorkflowRunTimeout", &request.workflow_run_timeout),
        ("WorkflowTaskTimeout", &request.workflow_task_timeout),
        ("WorkflowStartDelay", &request.workflow_start_delay),
    ] {
        check_wait(what, wait.as_ref())?;
    }
    let memo = request.memo.as_ref().map_or(0, Message::encoded_len);
    let search = request
        .search_attributes
        .as_ref()
        .map_or(0, Message::encoded_len);
    if memo > limits::BLOB_BYTES || search > limits::SEARCH_ATTRIBUTES_BYTES {
        return Err(Status::invalid_argument(
            "Memo or SearchAttributes exceed size limit.",
        ));
    }
    if let Some(why) = request.retry_policy.as_ref().and_then(retry::complaint) {
        return Err(Status::invalid_argument(why));
    }
    if let Some(why) = request.priority.as_ref().and_then(priority::complaint) {
        return Err(Status::invalid_argument(why));
    }
    if request.retry_policy.is_some() || !request.cron_schedule.is_empty() {
        return Err(not_built("a retry policy or cron schedule of the workflow"));
    }
    if !request.completion_callbacks.is_empty() || request.versioning_override.is_some() {
        return Err(not_built("completion callbacks or a versioning override"));
    }
    let reuse = request.workflow_id_reuse_policy();
    let conflict = request.workflow_id_conflict_policy();
    let clash = match reuse {
        Reuse::TerminateIfRunning => conflict != Conflict::Unspecified,
        Reuse::RejectDuplicate => conflict == Conflict::TerminateExisting,
        _ => false,
    };
    if clash {
        return Err(Status::invalid_argument(format!(
            "Invalid WorkflowIDReusePolicy: {} cannot be used together with \
             WorkflowIdConflictPolicy {}",
            reuse.as_str_name(),
            conflict.as_str_name()
        )));
    }
    Ok(())
}

fn check_wait(what: &str, wait: Option<&prost_types::Duration>) -> Result<(), Status> {
    if wait.is_some_and(|wait| wait.seconds < 0 || wait.nanos < 0) {
        return Err(Status::invalid_argument(format!(
            "An invalid {what} is set on request: negative duration"
        )));
    }
    Ok(())
}

fn not_built(what: &str) -> Status {
    Status::unimplemented(format!(
        "StartWorkflowExecution with {what} is not built yet in this engine"
    ))
}

#[derive(Clone, Copy)]
enum Started {
    Now,
    Before,
    ByAnother,
}

struct Named {
    namespace: String,
    workflow_id: String,
}

impl Named {
    fn of(request: &StartWorkflowExecutionRequest) -> Self {
        Self {
            namespace: request.namespace.clone(),
            workflow_id: request.workflow_id.clone(),
        }
    }
}

fn answer(of: Named, run_id: String, started: Started) -> StartWorkflowExecutionResponse {
    let first_event = EventReference {
        event_id: 1,
        event_type: EventType::WorkflowExecutionStarted as i32,
    };
    let link = WorkflowEvent {
        namespace: of.namespace,
        workflow_id: of.workflow_id,
        run_id: run_id.clone(),
        reference: Some(Reference::EventRef(first_event)),
    };
    StartWorkflowExecutionResponse {
        first_execution_run_id: run_id.clone(),
        run_id,
        started: !matches!(started, Started::ByAnother),
        status: Run::Running as i32,
        link: Some(Link {
            variant: Some(Variant::WorkflowEvent(link)),
        }),
        ..StartWorkflowExecutionResponse::default()
    }
}
