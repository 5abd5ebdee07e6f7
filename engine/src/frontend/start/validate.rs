//! What a start must look like, in the order and the words of the reference.

use ambient::Timestamp;
use prost::Message;
use temporalio_protos::temporal::api::common::v1::{Link, link::Variant};
use temporalio_protos::temporal::api::enums::v1::{
    EventType, WorkflowIdConflictPolicy as Conflict, WorkflowIdReusePolicy as Reuse,
};
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1::StartWorkflowExecutionRequest;
use tonic::Status;

use crate::calendar::cron;
use crate::core::{attributes, priority, retry};
use crate::frontend::{check_blob, check_id, check_length};
use crate::limits;

pub(in crate::frontend) fn validate(
    request: &StartWorkflowExecutionRequest,
    now: Timestamp,
) -> Result<(), Status> {
    check_id("WorkflowId", &request.workflow_id)?;
    check_retry(request)?;
    check_delay(request)?;
    check_cron(&request.cron_schedule, now)?;
    let kind = request.workflow_type.as_ref().map_or("", |t| &t.name);
    check_id("WorkflowType", kind)?;
    check_queue(request.task_queue.as_ref())?;
    for (what, wait) in [
        (
            "WorkflowExecutionTimeoutSeconds",
            &request.workflow_execution_timeout,
        ),
        ("WorkflowRunTimeoutSeconds", &request.workflow_run_timeout),
        ("WorkflowTaskTimeoutSeconds", &request.workflow_task_timeout),
    ] {
        check_wait(what, wait.as_ref())?;
    }
    check_length("RequestId", &request.request_id)?;
    check_policies(request)?;
    let attaching = request.on_conflict_options.as_ref();
    if attaching.is_some_and(|o| o.attach_completion_callbacks && !o.attach_request_id) {
        return Err(Status::invalid_argument(
            "attaching request ID is required for attaching completion callbacks",
        ));
    }
    let attributes = request.search_attributes.as_ref();
    if let Some(why) = attributes.and_then(attributes::complaint) {
        return Err(Status::invalid_argument(why));
    }
    if let Some(why) = request.priority.as_ref().and_then(priority::complaint) {
        return Err(Status::invalid_argument(why));
    }
    check_links(&request.links)?;
    if !request.completion_callbacks.is_empty() || request.versioning_override.is_some() {
        return Err(Status::unimplemented(
            "StartWorkflowExecution with completion callbacks or a versioning override is not \
             built yet in this engine",
        ));
    }
    check_blob(request.input.as_ref())?;
    if request.memo.as_ref().map_or(0, Message::encoded_len) > limits::MEMO_BYTES {
        return Err(Status::invalid_argument("Memo size exceeds limit."));
    }
    Ok(())
}

fn check_queue(queue: Option<&TaskQueue>) -> Result<(), Status> {
    const RESERVED: &str = "/_sys/";
    let wrong = match queue.map(|queue| queue.name.as_str()) {
        None => "taskQueue is not set",
        Some("") => "missing task queue name",
        Some(name) if name.len() > limits::ID_BYTES => "taskQueue length exceeds limit",
        Some(name) if name.starts_with(RESERVED) => {
            "task queue name cannot start with reserved prefix /_sys/"
        }
        Some(_) => return Ok(()),
    };
    Err(Status::invalid_argument(wrong))
}

fn check_retry(request: &StartWorkflowExecutionRequest) -> Result<(), Status> {
    let filled = request.retry_policy.clone().map(retry::filled);
    match filled.as_ref().and_then(retry::complaint) {
        Some(why) => Err(Status::invalid_argument(why)),
        None => Ok(()),
    }
}

fn check_delay(request: &StartWorkflowExecutionRequest) -> Result<(), Status> {
    let delay = request.workflow_start_delay.as_ref();
    if !request.cron_schedule.is_empty() && delay.is_some() {
        return Err(Status::invalid_argument(
            "CronSchedule and WorkflowStartDelay may not be used together.",
        ));
    }
    check_wait("WorkflowStartDelaySeconds", delay)
}

fn check_cron(line: &str, now: Timestamp) -> Result<(), Status> {
    if line.is_empty() {
        return Ok(());
    }
    let Ok(schedule) = cron::parse(line) else {
        return Err(Status::invalid_argument("invalid CronSchedule."));
    };
    if schedule.next_after(now).is_none() {
        return Err(Status::invalid_argument(
            "invalid CronSchedule, no time can be found to satisfy the schedule",
        ));
    }
    Ok(())
}

fn check_wait(what: &str, wait: Option<&prost_types::Duration>) -> Result<(), Status> {
    match wait.and_then(complaint) {
        Some(why) => Err(Status::invalid_argument(format!(
            "An invalid {what} is set on request. cause: {why}"
        ))),
        None => Ok(()),
    }
}

/// Longer than the longest is no error: it is cut.
fn complaint(wait: &prost_types::Duration) -> Option<&'static str> {
    let (seconds, nanos) = (wait.seconds, wait.nanos);
    if (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0) {
        Some("duration has seconds and nanos with different signs")
    } else if seconds < 0 || nanos < 0 {
        Some("negative duration")
    } else {
        None
    }
}

#[allow(deprecated)] // Older SDKs still send "terminate if running".
fn check_policies(request: &StartWorkflowExecutionRequest) -> Result<(), Status> {
    let reuse = request.workflow_id_reuse_policy();
    let conflict = request.workflow_id_conflict_policy();
    match (reuse, conflict) {
        (_, Conflict::Unspecified) => Ok(()),
        (Reuse::TerminateIfRunning, _) => Err(Status::invalid_argument(
            "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot \
             be used together with a WorkflowIDConflictPolicy",
        )),
        (Reuse::RejectDuplicate, Conflict::TerminateExisting) => Err(Status::invalid_argument(
            "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE cannot be \
             used together with WorkflowIdConflictPolicy \
             WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING",
        )),
        _ => Ok(()),
    }
}

pub(in crate::frontend) fn check_links(links: &[Link]) -> Result<(), Status> {
    if links.len() > limits::LINKS {
        return Err(Status::invalid_argument(format!(
            "cannot attach more than {} links per request, got {}",
            limits::LINKS,
            links.len()
        )));
    }
    for link in links {
        let size = link.encoded_len();
        if size > limits::LINK_BYTES {
            return Err(Status::invalid_argument(format!(
                "link exceeds allowed size of {}, got {size}",
                limits::LINK_BYTES
            )));
        }
        if let Some(why) = wrong_link(link) {
            return Err(Status::invalid_argument(why));
        }
    }
    Ok(())
}

fn wrong_link(link: &Link) -> Option<&'static str> {
    use temporalio_protos::temporal::api::common::v1::link::workflow_event::Reference;
    match &link.variant {
        Some(Variant::WorkflowEvent(event)) => {
            if event.namespace.is_empty() {
                return Some("workflow event link must not have an empty namespace field");
            }
            if event.workflow_id.is_empty() {
                return Some("workflow event link must not have an empty workflow ID field");
            }
            if event.run_id.is_empty() {
                return Some("workflow event link must not have an empty run ID field");
            }
            let nameless = matches!(
                &event.reference,
                Some(Reference::EventRef(r))
                    if r.event_type() == EventType::Unspecified && r.event_id != 0
            );
            nameless.then_some(
                "workflow event link ref cannot have an unspecified event type and a non-zero \
                 event ID",
            )
        }
        Some(Variant::BatchJob(job)) if job.job_id.is_empty() => {
            Some("batch job link must not have an empty job ID")
        }
        Some(Variant::BatchJob(_)) => None,
        _ => Some("unsupported link variant"),
    }
}
