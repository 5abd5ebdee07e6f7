//! Asks that another workflow is asked to cancel itself. Delivering is an errand.

use temporalio_protos::temporal::api::command::v1::RequestCancelExternalWorkflowExecutionCommandAttributes;
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause as Cause;
use temporalio_protos::temporal::api::history::v1::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes;
use temporalio_protos::temporal::api::sdk::v1::UserMetadata;

use super::{Bad, Decided, Outlook, bad, is_uuid};
use crate::core::Step;
use crate::limits;

pub(super) fn validate(
    outlook: &mut Outlook<'_>,
    a: &RequestCancelExternalWorkflowExecutionCommandAttributes,
) -> Result<(), Bad> {
    if let Err(why) = complaint(outlook, a) {
        return Err(bad(
            Cause::BadRequestCancelExternalWorkflowExecutionAttributes,
            why,
        ));
    }
    let pending = outlook.pending.cancels;
    if pending >= limits::PENDING_CANCELS {
        return Err(bad(
            Cause::PendingRequestCancelLimitExceeded,
            limits::reached(
                "pending requests to cancel external workflows",
                pending,
                limits::PENDING_CANCELS,
            ),
        ));
    }
    outlook.pending.cancels += 1;
    Ok(())
}

#[allow(deprecated)] // Other namespaces are still reached this way.
fn complaint(
    outlook: &Outlook<'_>,
    a: &RequestCancelExternalWorkflowExecutionCommandAttributes,
) -> Result<(), String> {
    let (id, run, namespace) = (&a.workflow_id, &a.run_id, &a.namespace);
    if id.is_empty() {
        return Err(format!(
            "WorkflowId is not set on RequestCancelExternalWorkflowExecutionCommand. \
             Namespace={namespace} RunId={run}"
        ));
    }
    if id.len() > limits::ID_BYTES {
        return Err(format!(
            "WorkflowId on RequestCancelExternalWorkflowExecutionCommand exceeds length limit. \
             WorkflowId={id} Length={} Limit={} RunId={run} Namespace={namespace}",
            id.len(),
            limits::ID_BYTES
        ));
    }
    if !run.is_empty() && !is_uuid(run) {
        return Err(format!(
            "Invalid RunId set on RequestCancelExternalWorkflowExecutionCommand. WorkflowId={id} \
             RunId={run} Namespace={namespace}"
        ));
    }
    if outlook.new_children.contains(id.as_str()) {
        return Err(format!(
            "Start and RequestCancel for child workflow is not allowed in same workflow task. \
             WorkflowId={id} RunId={run} Namespace={namespace}"
        ));
    }
    Ok(())
}

#[allow(deprecated)] // Passed on as given: it is the worker's own word to itself.
pub(super) fn apply(
    step: &mut Step<'_>,
    decided: &Decided,
    a: RequestCancelExternalWorkflowExecutionCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    let event = RequestCancelExternalWorkflowExecutionInitiatedEventAttributes {
        workflow_task_completed_event_id: decided.task_completed_id,
        namespace_id: decided.namespaces.named(&a.namespace).id,
        namespace: a.namespace,
        workflow_execution: Some(WorkflowExecution {
            workflow_id: a.workflow_id,
            run_id: a.run_id,
        }),
        control: a.control,
        child_workflow_only: a.child_workflow_only,
        reason: a.reason,
    };
    step.emit_with(event, metadata);
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn is_answered_once_whatever_comes_of_it() {
        check(
            "start; poll; complete cancel_external=a cancel_external=b; answer 5 cancel_requested; \
             answer 5 cancel_requested; errand; answer 6 cancel_failed; errand",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 RequestCancelExternalWorkflowExecutionInitiated
                6 RequestCancelExternalWorkflowExecutionInitiated
                7 ExternalWorkflowExecutionCancelRequested of 5
                8 WorkflowTaskScheduled
                → offer workflow task
                errand: 6 cancel b
                9 RequestCancelExternalWorkflowExecutionFailed of 6 ExternalWorkflowExecutionNotFound
                errand: none
            "#]],
        );
    }

    #[test]
    fn a_child_is_not_started_and_cancelled_in_one_decision() {
        check(
            "start; poll; complete child=a cancel_external=a",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed BadRequestCancelExternalWorkflowExecutionAttributes
                → offer workflow task
                rejected: BadRequestCancelExternalWorkflowExecutionAttributes: Start and RequestCancel for child workflow is not allowed in same workflow task. WorkflowId=a RunId= Namespace=
            "#]],
        );
    }
}
