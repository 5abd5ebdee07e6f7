//! Asks that another workflow is signalled. Delivering is an errand.

use temporalio_protos::temporal::api::command::v1::SignalExternalWorkflowExecutionCommandAttributes;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause as Cause;
use temporalio_protos::temporal::api::history::v1::SignalExternalWorkflowExecutionInitiatedEventAttributes;
use temporalio_protos::temporal::api::sdk::v1::UserMetadata;

use super::{Bad, Decided, Outlook, bad, is_uuid, oversized, too_large};
use crate::core::Step;
use crate::limits;

pub(super) fn validate(
    outlook: &mut Outlook<'_>,
    a: &SignalExternalWorkflowExecutionCommandAttributes,
) -> Result<(), Bad> {
    if let Err(why) = complaint(a) {
        return Err(bad(Cause::BadSignalWorkflowExecutionAttributes, why));
    }
    let pending = outlook.pending.signals;
    if pending >= limits::PENDING_SIGNALS {
        return Err(bad(
            Cause::PendingSignalsLimitExceeded,
            limits::reached(
                "pending signals to external workflows",
                pending,
                limits::PENDING_SIGNALS,
            ),
        ));
    }
    if too_large(a.input.as_ref()) {
        return Err(oversized(
            Cause::BadSignalWorkflowExecutionAttributes,
            "SignalExternalWorkflowExecutionCommandAttributes.Input exceeds size limit.",
        ));
    }
    outlook.pending.signals += 1;
    Ok(())
}

#[allow(deprecated)] // Other namespaces are still reached this way.
fn complaint(a: &SignalExternalWorkflowExecutionCommandAttributes) -> Result<(), String> {
    let Some(target) = &a.execution else {
        return Err("Execution is not set on SignalExternalWorkflowExecutionCommand.".to_owned());
    };
    let (id, run, namespace, signal) = (
        &target.workflow_id,
        &target.run_id,
        &a.namespace,
        &a.signal_name,
    );
    if id.is_empty() {
        return Err(format!(
            "WorkflowId is not set on SignalExternalWorkflowExecutionCommand. \
             Namespace={namespace} RunId={run} SignalName={signal}"
        ));
    }
    if id.len() > limits::ID_BYTES {
        return Err(format!(
            "WorkflowId on SignalExternalWorkflowExecutionCommand exceeds length limit. \
             WorkflowId={id} Length={} Limit={} Namespace={namespace} RunId={run} \
             SignalName={signal}",
            id.len(),
            limits::ID_BYTES
        ));
    }
    if !run.is_empty() && !is_uuid(run) {
        return Err(format!(
            "Invalid RunId set on SignalExternalWorkflowExecutionCommand. WorkflowId={id} \
             Namespace={namespace} RunId={run} SignalName={signal}"
        ));
    }
    if signal.is_empty() {
        return Err(format!(
            "SignalName is not set on SignalExternalWorkflowExecutionCommand. WorkflowId={id} \
             Namespace={namespace} RunId={run}"
        ));
    }
    Ok(())
}

#[allow(deprecated)] // Passed on as given: it is the worker's own word to itself.
pub(super) fn apply(
    step: &mut Step<'_>,
    decided: &Decided,
    a: SignalExternalWorkflowExecutionCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    let event = SignalExternalWorkflowExecutionInitiatedEventAttributes {
        workflow_task_completed_event_id: decided.task_completed_id,
        namespace_id: decided.namespaces.named(&a.namespace).id,
        namespace: a.namespace,
        workflow_execution: a.execution,
        signal_name: a.signal_name,
        input: a.input,
        control: a.control,
        child_workflow_only: a.child_workflow_only,
        header: a.header,
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
            "start; poll; complete signal_external=a signal_external=b; errand; \
             answer 5 signaled; answer 5 signaled; errand; answer 6 signal_failed; errand",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 SignalExternalWorkflowExecutionInitiated
                6 SignalExternalWorkflowExecutionInitiated
                errand: 5 signal a
                7 ExternalWorkflowExecutionSignaled of 5
                8 WorkflowTaskScheduled
                → offer workflow task
                errand: 6 signal b
                9 SignalExternalWorkflowExecutionFailed of 6 ExternalWorkflowExecutionNotFound
                errand: none
            "#]],
        );
    }

    #[test]
    fn is_dropped_with_the_run_that_closes_at_once() {
        check(
            "start; poll; complete signal_external=a finish; errand; answer 5 signaled",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 SignalExternalWorkflowExecutionInitiated
                6 WorkflowExecutionCompleted
                errand: none
            "#]],
        );
    }
}
