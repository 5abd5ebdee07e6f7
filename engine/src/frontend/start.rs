//! StartWorkflowExecution: all id policies, deduplication by request id, eager first task.

mod policies;
mod validate;

use std::time::Duration;

use ambient::Timestamp;
use prost::Message;
use temporalio_protos::temporal::api::common::v1::link::workflow_event::{
    EventReference, Reference,
};
use temporalio_protos::temporal::api::common::v1::link::{Variant, WorkflowEvent};
use temporalio_protos::temporal::api::common::v1::{Link, Payload, Payloads};
use temporalio_protos::temporal::api::enums::v1::{
    ContinueAsNewInitiator, EventType, TaskQueueKind, WorkflowExecutionStatus as Run,
};
use temporalio_protos::temporal::api::history::v1::WorkflowExecutionStartedEventAttributes;
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1::{
    StartWorkflowExecutionRequest, StartWorkflowExecutionResponse,
};
use tonic::Status;

pub(crate) use self::policies::{Decision, decide};
pub(super) use self::validate::{check_links, validate};
use super::poll_workflow::{self, Poller, build_of};
use crate::core::attributes::typed;
use crate::core::commands::attach::{self, Attach};
use crate::core::commands::signal::Signal;
use crate::core::commands::start::{self, Start};
use crate::core::commands::terminate::{self, Terminate};
use crate::core::family::Family;
use crate::core::time::{duration, positive, to_proto};
use crate::core::{retry, succession, task};
use crate::runs::{Guard, Host, Key, Slot};
use crate::store::writer::Position;
use crate::wire;

/// The field of the response that the encoded first task is spliced into.
const EAGER_WORKFLOW_TASK: u32 = 2;

pub(crate) async fn handle(
    host: &Host,
    request: StartWorkflowExecutionRequest,
) -> Result<Vec<u8>, Status> {
    host.admit()?;
    let namespace = host.namespace(&request.namespace)?;
    validate(&request, host.now())?;
    let key = Key::new(namespace.id, &request.workflow_id);
    let slot = host.lock(&key).await?;
    let decision = match decide(&slot, &request) {
        Ok(decision) => decision,
        Err(taken) => return Err(host.refuse(slot, taken).await),
    };
    match decision {
        Decision::Same(run_id) => repeat(host, &key, slot, &request, run_id).await,
        Decision::Attached(run_id) => join(host, slot, &request, run_id).await,
        Decision::Existing(run_id) => attach(host, &key, slot, request, run_id).await,
        Decision::New => start_new(host, &key, slot, request).await,
    }
}

/// Starts a workflow for a schedule, whose own write comes behind in the queue: nobody waits for
/// the disk here.
pub(crate) async fn for_schedule(
    host: &Host,
    request: StartWorkflowExecutionRequest,
) -> Result<String, Status> {
    let namespace = host.namespace(&request.namespace)?;
    validate(&request, host.now())?;
    let key = Key::new(namespace.id, &request.workflow_id);
    let (mut slot, started) = host.lock_for_start(&key, &request.request_id).await?;
    if let Some(run_id) = started {
        return Ok(run_id);
    }
    match decide(&slot, &request)? {
        Decision::Same(run_id) | Decision::Attached(run_id) | Decision::Existing(run_id) => {
            Ok(run_id)
        }
        Decision::New => Ok(begin(host, &key, &mut slot, request, None)?.0),
    }
}

/// The same request again: the same answer, with the first task if nobody answered it yet.
async fn repeat(
    host: &Host,
    key: &Key,
    slot: Guard,
    request: &StartWorkflowExecutionRequest,
    run_id: String,
) -> Result<Vec<u8>, Status> {
    let mut answered = answer(&slot, &run_id, started_link(request, &run_id));
    answered.started = true;
    let mut encoded = answered.encode_to_vec();
    if request.request_eager_execution
        && let Some(live) = slot.live.as_deref()
        && let Some(task) = poll_workflow::hand_again(host, key, live)
    {
        wire::splice(&mut encoded, EAGER_WORKFLOW_TASK, &[task.into()]);
    }
    let position = slot.position;
    drop(slot);
    host.durable(position).await?;
    Ok(encoded)
}

/// A running workflow is used as it is, but for the marks that the request wants to leave there.
async fn attach(
    host: &Host,
    key: &Key,
    mut slot: Guard,
    request: StartWorkflowExecutionRequest,
    run_id: String,
) -> Result<Vec<u8>, Status> {
    if let Some(options) = &request.on_conflict_options
        && let Some(live) = slot.live.as_mut()
    {
        let mut marks = Attach::default();
        if options.attach_request_id {
            marks.request_id.clone_from(&request.request_id);
        }
        if options.attach_links {
            marks.links.clone_from(&request.links);
        }
        let outcome = attach::apply(&mut live.run, marks, host.now())?;
        host.take(key, &mut slot, outcome);
    }
    join(host, slot, &request, run_id).await
}

async fn join(
    host: &Host,
    slot: Guard,
    request: &StartWorkflowExecutionRequest,
    run_id: String,
) -> Result<Vec<u8>, Status> {
    let link = started_link(request, &run_id);
    let (answered, position) = (answer(&slot, &run_id, link), slot.position);
    drop(slot);
    host.durable(position).await?;
    Ok(answered.encode_to_vec())
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
    let (namespace, workflow_id) = (request.namespace.clone(), request.workflow_id.clone());
    let (run_id, _) = begin(host, key, &mut slot, request, None)?;
    let link = first_event(namespace, workflow_id, &run_id);
    let mut answered = answer(&slot, &run_id, link);
    answered.started = true;
    let mut encoded = answered.encode_to_vec();
    if let Some(poller) = eager
        && let Some(task) = poll_workflow::hand_eagerly(host, key, &mut slot, &poller)?
    {
        wire::splice(&mut encoded, EAGER_WORKFLOW_TASK, &[task.into()]);
    }
    let position = slot.position;
    drop(slot);
    host.durable(position).await?;
    Ok(encoded)
}

/// Starts a run, over whatever the policies allowed to be there.
pub(super) fn begin(
    host: &Host,
    key: &Key,
    slot: &mut Slot,
    request: StartWorkflowExecutionRequest,
    signal: Option<Signal>,
) -> Result<(String, Position), Status> {
    begin_as(host, key, slot, request, signal, &Family::default())
}

/// As [`begin`], for a run with a parent.
pub(crate) fn begin_as(
    host: &Host,
    key: &Key,
    slot: &mut Slot,
    request: StartWorkflowExecutionRequest,
    signal: Option<Signal>,
    ties: &Family,
) -> Result<(String, Position), Status> {
    let (now, run_id) = (host.now(), host.fresh_id()?);
    let request_id = match request.request_id.is_empty() {
        true => host.fresh_id()?,
        false => request.request_id.clone(),
    };
    if let Some(live) = slot.live.as_mut().filter(|live| live.run.is_open()) {
        let end = Terminate {
            reason: "TerminateIfRunning WorkflowIdReusePolicy".to_owned(),
            details: Some(json(&format!("terminated by new runID: {run_id}"))),
            identity: "history-service".to_owned(),
            links: Vec::new(),
        };
        let ended = terminate::apply(&mut live.run, end, now)?;
        // One write with the new run: there is never neither. Nothing may fail in between.
        host.take_and_hold(key, slot, ended);
    }
    let (workflow_id, links) = (request.workflow_id.clone(), request.links.clone());
    let user_metadata = request.user_metadata.clone();
    let mut attributes = attributes(request, &run_id, now);
    if ties.parent.is_some() {
        // Of a child it is always said, also that there is none.
        let none = duration(Duration::ZERO);
        attributes.workflow_run_timeout.get_or_insert(none);
    }
    ties.bequeath(&mut attributes);
    let (run, outcome) = start::apply(
        Start {
            workflow_id,
            run_id: run_id.clone(),
            request_id,
            user_metadata,
            links,
            attributes,
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
    now: Timestamp,
) -> WorkflowExecutionStartedEventAttributes {
    let execution = positive(request.workflow_execution_timeout.as_ref());
    let run = task::within(positive(request.workflow_run_timeout.as_ref()), execution);
    let task = task::timeout(positive(request.workflow_task_timeout.as_ref()), run);
    let turn = succession::cron_backoff(&request.cron_schedule, now, now);
    let delay = positive(request.workflow_start_delay.as_ref())
        .or(turn)
        .unwrap_or_default();
    let initiator = match request.cron_schedule.is_empty() {
        true => ContinueAsNewInitiator::Unspecified,
        false => ContinueAsNewInitiator::CronSchedule,
    };
    let queue = request.task_queue.map(|queue| match queue.kind() {
        TaskQueueKind::Unspecified => TaskQueue {
            kind: TaskQueueKind::Normal as i32,
            ..queue
        },
        _ => queue,
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
            .map(|wait| to_proto(whole_millis(now.after(wait)))),
        first_workflow_task_backoff: Some(duration(delay)),
        retry_policy: request.retry_policy.map(retry::filled),
        cron_schedule: request.cron_schedule,
        initiator: initiator as i32,
        continued_failure: request.continued_failure,
        last_completion_result: request.last_completion_result,
        memo: request.memo,
        search_attributes: request.search_attributes.map(typed),
        header: request.header,
        workflow_id: request.workflow_id,
        priority: request.priority,
        eager_execution_accepted: request.request_eager_execution && delay.is_zero(),
        ..WorkflowExecutionStartedEventAttributes::default()
    }
}

/// To the nearest one, as the reference writes it.
fn whole_millis(at: Timestamp) -> Timestamp {
    const MILLI: i64 = 1_000;
    let micros = at.as_micros().saturating_add(MILLI / 2);
    Timestamp::from_micros(micros.div_euclid(MILLI).saturating_mul(MILLI))
}

fn json(text: &str) -> Payloads {
    let payload = Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: serde_json::Value::from(text).to_string().into_bytes(),
        ..Payload::default()
    };
    Payloads {
        payloads: vec![payload],
    }
}

fn started_link(request: &StartWorkflowExecutionRequest, run_id: &str) -> Link {
    first_event(
        request.namespace.clone(),
        request.workflow_id.clone(),
        run_id,
    )
}

fn first_event(namespace: String, workflow_id: String, run_id: &str) -> Link {
    let first = EventReference {
        event_id: 1,
        event_type: EventType::WorkflowExecutionStarted as i32,
    };
    Link {
        variant: Some(Variant::WorkflowEvent(WorkflowEvent {
            namespace,
            workflow_id,
            run_id: run_id.to_owned(),
            reference: Some(Reference::EventRef(first)),
        })),
    }
}

/// The run that is there now, not started by this request.
fn answer(slot: &Slot, run_id: &str, link: Link) -> StartWorkflowExecutionResponse {
    let (first, status) = match (&slot.live, &slot.closed) {
        (Some(live), _) => (live.run.first_run_id.clone(), live.run.status as i32),
        (None, Some(head)) => (head.first_run_id.clone(), head.status),
        (None, None) => (run_id.to_owned(), Run::Unspecified as i32),
    };
    StartWorkflowExecutionResponse {
        run_id: run_id.to_owned(),
        first_execution_run_id: first,
        status,
        link: Some(link),
        ..StartWorkflowExecutionResponse::default()
    }
}
