//! SignalWithStartWorkflowExecution: the signal reaches a running workflow, or is the first thing
//! a new one sees, in one atomic step.

use temporalio_protos::temporal::api::enums::v1::{
    WorkflowIdConflictPolicy as Conflict, WorkflowIdReusePolicy as Reuse,
};
use temporalio_protos::temporal::api::workflowservice::v1::{
    SignalWithStartWorkflowExecutionRequest, SignalWithStartWorkflowExecutionResponse,
    StartWorkflowExecutionRequest,
};
use tonic::Status;

use super::start::{self, Decision};
use super::{check_blob, check_id};
use crate::core::commands::signal::{self, Signal};
use crate::runs::{Guard, Host, Key};

pub(crate) async fn handle(
    host: &Host,
    request: SignalWithStartWorkflowExecutionRequest,
) -> Result<SignalWithStartWorkflowExecutionResponse, Status> {
    host.admit()?;
    let namespace = host.namespace(&request.namespace)?;
    check_id("WorkflowId", &request.workflow_id)?;
    check_id("SignalName", &request.signal_name)?;
    check_blob(request.signal_input.as_ref())?;
    let asks_to_fail = request.workflow_id_conflict_policy() == Conflict::Fail;
    let (start_request, message) = split(request);
    start::validate(&start_request, host.now())?;
    if asks_to_fail {
        return Err(Status::invalid_argument(format!(
            "Invalid WorkflowIDConflictPolicy: {} is not supported for this operation.",
            Conflict::Fail.as_str_name()
        )));
    }
    let key = Key::new(namespace.id, &start_request.workflow_id);
    let mut slot = host.lock(&key).await?;
    let decision = match start::decide(&slot, &start_request) {
        Ok(decision) => decision,
        Err(taken) => return Err(host.refuse(slot, taken).await),
    };
    let (run_id, position, started) = match decision {
        Decision::New => {
            let signal = Some(message);
            let (run_id, position) = start::begin(host, &key, &mut slot, start_request, signal)?;
            (run_id, position, true)
        }
        // Of a closed run, a repetition: the signal was accepted with the start.
        Decision::Same(run_id) | Decision::Attached(run_id) | Decision::Existing(run_id) => {
            let open = slot.live.as_mut().filter(|live| live.run.is_open());
            let Some(live) = open else {
                return told(host, slot, run_id, true).await;
            };
            let outcome = signal::apply(&mut live.run, message, host.now())?;
            (run_id, host.take(&key, &mut slot, outcome), false)
        }
    };
    debug_assert_eq!(position, slot.position);
    told(host, slot, run_id, started).await
}

async fn told(
    host: &Host,
    slot: Guard,
    run_id: String,
    started: bool,
) -> Result<SignalWithStartWorkflowExecutionResponse, Status> {
    let first = match (&slot.live, &slot.closed) {
        (Some(live), _) => live.run.first_run_id.clone(),
        (None, Some(head)) => head.first_run_id.clone(),
        (None, None) => run_id.clone(),
    };
    let position = slot.position;
    drop(slot);
    host.durable(position).await?;
    Ok(SignalWithStartWorkflowExecutionResponse {
        first_execution_run_id: first,
        run_id,
        started,
        ..SignalWithStartWorkflowExecutionResponse::default()
    })
}

#[allow(deprecated)] // Older SDKs still send "terminate if running".
fn split(
    request: SignalWithStartWorkflowExecutionRequest,
) -> (StartWorkflowExecutionRequest, Signal) {
    let reuse = request.workflow_id_reuse_policy();
    // A running workflow is simply signalled, unless the caller wants it replaced.
    let conflict = match (reuse, request.workflow_id_conflict_policy()) {
        (Reuse::TerminateIfRunning, Conflict::Unspecified) => Conflict::Unspecified,
        (_, Conflict::Unspecified) => Conflict::UseExisting,
        (_, given) => given,
    };
    let message = Signal {
        name: request.signal_name,
        input: request.signal_input,
        identity: request.identity.clone(),
        header: request.header.clone(),
        request_id: request.request_id.clone(),
        links: request.links.clone(),
        // Whoever may start the workflow with this signal does not wait for a start that is late.
        hurries: true,
    };
    let start = StartWorkflowExecutionRequest {
        namespace: request.namespace,
        workflow_id: request.workflow_id,
        workflow_type: request.workflow_type,
        task_queue: request.task_queue,
        input: request.input,
        workflow_execution_timeout: request.workflow_execution_timeout,
        workflow_run_timeout: request.workflow_run_timeout,
        workflow_task_timeout: request.workflow_task_timeout,
        identity: request.identity,
        request_id: request.request_id,
        workflow_id_reuse_policy: reuse as i32,
        workflow_id_conflict_policy: conflict as i32,
        retry_policy: request.retry_policy,
        cron_schedule: request.cron_schedule,
        memo: request.memo,
        search_attributes: request.search_attributes,
        header: request.header,
        workflow_start_delay: request.workflow_start_delay,
        user_metadata: request.user_metadata,
        links: request.links,
        versioning_override: request.versioning_override,
        priority: request.priority,
        ..StartWorkflowExecutionRequest::default()
    };
    (start, message)
}
