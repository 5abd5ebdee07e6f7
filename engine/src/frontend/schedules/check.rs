//! What a schedule must look like, before anything of it is written.

use prost::Message;
use temporalio_protos::temporal::api::enums::v1::{TaskQueueKind, WorkflowIdReusePolicy as Reuse};
use temporalio_protos::temporal::api::schedule::v1::{Schedule, SchedulePatch, schedule_action};
use temporalio_protos::temporal::api::workflow::v1::NewWorkflowExecutionInfo;
use tonic::Status;

use crate::frontend::{check_id, check_length, queue_name};
use crate::limits;
use crate::schedules::spec::Spec;

/// What is appended to the id of a workflow that a schedule starts, for its length.
const APPENDED: &str = "-2009-11-10T23:00:00Z";

/// A schedule in its canonical form.
pub(super) fn canonical(schedule: Option<Schedule>) -> Result<Schedule, Status> {
    let mut schedule = schedule.unwrap_or_default();
    let spec = schedule.spec.take().unwrap_or_default();
    let spec = Spec::compile(&spec)
        .map_err(|why| Status::invalid_argument(format!("Invalid schedule spec: {why}")))?;
    schedule.spec = Some(spec.into_canonical());
    let action = schedule.action.as_mut();
    match action.and_then(|action| action.action.as_mut()) {
        Some(schedule_action::Action::StartWorkflow(workflow)) => {
            check_workflow(workflow)?;
            if let Some(queue) = &mut workflow.task_queue {
                queue.set_kind(TaskQueueKind::Normal);
            }
        }
        None => {}
    }
    Ok(schedule)
}

fn check_workflow(workflow: &NewWorkflowExecutionInfo) -> Result<(), Status> {
    check_length("WorkflowId", &format!("{}{APPENDED}", workflow.workflow_id))?;
    let kind = workflow.workflow_type.as_ref().map_or("", |t| &t.name);
    check_id("WorkflowType", kind)?;
    queue_name(workflow.task_queue.as_ref())?;
    for (what, wait) in [
        (
            "WorkflowExecutionTimeout",
            workflow.workflow_execution_timeout,
        ),
        ("WorkflowRunTimeout", workflow.workflow_run_timeout),
        ("WorkflowTaskTimeout", workflow.workflow_task_timeout),
    ] {
        if wait.is_some_and(|wait| wait.seconds < 0 || wait.nanos < 0) {
            return Err(Status::invalid_argument(format!(
                "An invalid {what} is set on request: negative duration"
            )));
        }
    }
    if !workflow.cron_schedule.is_empty() {
        return Err(Status::invalid_argument(
            "Scheduled workflow must not contain CronSchedule",
        ));
    }
    match workflow.workflow_id_reuse_policy() {
        Reuse::Unspecified | Reuse::AllowDuplicate => Ok(()),
        _ => Err(Status::invalid_argument(
            "Scheduled workflow must not contain WorkflowIDReusePolicy",
        )),
    }
}

pub(super) fn check_patch(patch: &SchedulePatch) -> Result<(), Status> {
    if patch.pause.len().max(patch.unpause.len()) > limits::SCHEDULE_NOTES_BYTES {
        return Err(Status::invalid_argument("Schedule notes exceeds limit."));
    }
    Ok(())
}

/// Everything together is what one event may carry.
pub(super) fn check_size(what: &str, message: &impl Message) -> Result<(), Status> {
    let size = message.encoded_len();
    if size > limits::BLOB_BYTES {
        return Err(Status::invalid_argument(format!(
            "Blob data size exceeds limit: {what} has {size} bytes, {} are accepted.",
            limits::BLOB_BYTES
        )));
    }
    Ok(())
}
