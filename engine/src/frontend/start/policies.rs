//! What the id policies make of the present state of a workflow id.

use temporalio_protos::temporal::api::enums::v1::{
    WorkflowExecutionStatus as Run, WorkflowIdConflictPolicy as Conflict,
    WorkflowIdReusePolicy as Reuse,
};
use temporalio_protos::temporal::api::workflowservice::v1::StartWorkflowExecutionRequest;
use tonic::Status;

use crate::frontend::status;
use crate::runs::Slot;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    New,
    /// The very same request was accepted before.
    Same(String),
    /// The very same request was attached to a workflow before.
    Attached(String),
    /// A running workflow is used as it is.
    Existing(String),
}

pub(crate) fn decide(
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
    if !request.request_id.is_empty() {
        if *started_by == request.request_id {
            return Ok(Decision::Same(run_id.clone()));
        }
        let attached = slot.live.as_ref().map(|live| &live.run.attached);
        if attached.is_some_and(|ids| ids.contains_key(&request.request_id)) {
            return Ok(Decision::Attached(run_id.clone()));
        }
    }
    let taken = |why: String| status::already_started(why, started_by, run_id);
    let whose = format!("WorkflowId: {}, RunId: {run_id}.", request.workflow_id);
    let (reuse, conflict) = policies(request);
    if state == Run::Running {
        return match conflict {
            Conflict::UseExisting => Ok(Decision::Existing(run_id.clone())),
            Conflict::TerminateExisting => Ok(Decision::New),
            _ => Err(taken(format!(
                "Workflow execution is already running. {whose}"
            ))),
        };
    }
    let failed = matches!(
        state,
        Run::Failed | Run::Canceled | Run::Terminated | Run::TimedOut
    );
    match reuse {
        Reuse::RejectDuplicate => Err(taken(format!(
            "Workflow execution already finished. {whose} Workflow Id reuse policy: reject \
             duplicate workflow Id."
        ))),
        Reuse::AllowDuplicateFailedOnly if !failed => Err(taken(format!(
            "Workflow execution already finished successfully. {whose} Workflow Id reuse policy: \
             allow duplicate workflow Id if last run failed."
        ))),
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
