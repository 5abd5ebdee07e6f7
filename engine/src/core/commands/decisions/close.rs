//! Ends the run by the workflow's own word. Refused while there is news it has not seen.

use temporalio_protos::temporal::api::command::v1::command::Attributes;
use temporalio_protos::temporal::api::enums::v1::{RetryState, WorkflowTaskFailedCause as Cause};
use temporalio_protos::temporal::api::history::v1::{
    WorkflowExecutionCanceledEventAttributes, WorkflowExecutionCompletedEventAttributes,
    WorkflowExecutionFailedEventAttributes,
};
use temporalio_protos::temporal::api::sdk::v1::UserMetadata;

use super::{Bad, Decided, Outlook, bad, too_large};
use crate::core::Step;

pub(super) fn validate(outlook: &mut Outlook<'_>, attributes: &Attributes) -> Result<(), Bad> {
    if !outlook.run.buffered.is_empty() {
        return Err(Bad::unhandled());
    }
    match attributes {
        Attributes::CompleteWorkflowExecutionCommandAttributes(a)
            if too_large(a.result.as_ref()) =>
        {
            return Err(bad(
                Cause::BadCompleteWorkflowExecutionAttributes,
                "CompleteWorkflowExecutionCommandAttributes.Result exceeds size limit.",
            ));
        }
        Attributes::FailWorkflowExecutionCommandAttributes(a) if a.failure.is_none() => {
            return Err(bad(
                Cause::BadFailWorkflowExecutionAttributes,
                "Failure is not set on FailWorkflowExecutionCommand.",
            ));
        }
        _ => {}
    }
    outlook.closed = true;
    Ok(())
}

pub(super) fn apply(
    step: &mut Step<'_>,
    decided: &Decided,
    attributes: Attributes,
    metadata: Option<UserMetadata>,
) {
    let workflow_task_completed_event_id = decided.task_completed_id;
    match attributes {
        Attributes::CompleteWorkflowExecutionCommandAttributes(a) => step.emit_with(
            WorkflowExecutionCompletedEventAttributes {
                result: a.result,
                workflow_task_completed_event_id,
                ..WorkflowExecutionCompletedEventAttributes::default()
            },
            metadata,
        ),
        Attributes::FailWorkflowExecutionCommandAttributes(a) => step.emit_with(
            WorkflowExecutionFailedEventAttributes {
                failure: a.failure,
                retry_state: RetryState::RetryPolicyNotSet as i32,
                workflow_task_completed_event_id,
                ..WorkflowExecutionFailedEventAttributes::default()
            },
            metadata,
        ),
        Attributes::CancelWorkflowExecutionCommandAttributes(a) => step.emit_with(
            WorkflowExecutionCanceledEventAttributes {
                workflow_task_completed_event_id,
                details: a.details,
            },
            metadata,
        ),
        // Validation let nothing else through.
        _ => 0,
    };
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn what_follows_the_end_is_dropped() {
        check(
            "start; poll; complete finish timer=t@5",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 WorkflowExecutionCompleted
            "#]],
        );
    }
}
