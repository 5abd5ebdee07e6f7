//! Ends the run by the workflow's own word. Refused while there is news it has not seen.

use prost::Message;
use temporalio_protos::temporal::api::command::v1::command::Attributes;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause as Cause;
use temporalio_protos::temporal::api::history::v1::{
    WorkflowExecutionCanceledEventAttributes, WorkflowExecutionCompletedEventAttributes,
    WorkflowExecutionFailedEventAttributes,
};
use temporalio_protos::temporal::api::sdk::v1::UserMetadata;

use super::{Bad, Decided, Outlook, bad, oversized, too_large};
use crate::core::{Step, succession};
use crate::limits;

pub(super) fn validate(outlook: &mut Outlook<'_>, attributes: &Attributes) -> Result<(), Bad> {
    if !outlook.run.buffered.is_empty() {
        return Err(Bad::unhandled());
    }
    match attributes {
        Attributes::CompleteWorkflowExecutionCommandAttributes(a)
            if too_large(a.result.as_ref()) =>
        {
            return Err(oversized(
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
        Attributes::FailWorkflowExecutionCommandAttributes(a)
            if a.failure.as_ref().map_or(0, Message::encoded_len) > limits::BLOB_BYTES =>
        {
            return Err(oversized(
                Cause::BadFailWorkflowExecutionAttributes,
                "FailWorkflowExecutionCommandAttributes.Failure exceeds size limit.",
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
    let next_id = |sequel| succession::next_id(sequel, &decided.next);
    let sequel = match attributes {
        Attributes::CompleteWorkflowExecutionCommandAttributes(a) => {
            let sequel = succession::of_completion(step.run, a.result.as_ref(), step.now);
            step.emit_with(
                WorkflowExecutionCompletedEventAttributes {
                    result: a.result,
                    workflow_task_completed_event_id,
                    new_execution_run_id: next_id(sequel.as_ref()),
                },
                metadata,
            );
            sequel
        }
        Attributes::FailWorkflowExecutionCommandAttributes(a) => {
            let failure = a.failure.unwrap_or_default();
            let (retry_state, sequel) = succession::of_failure(step.run, &failure, step.now);
            step.emit_with(
                WorkflowExecutionFailedEventAttributes {
                    failure: Some(failure),
                    retry_state: retry_state as i32,
                    workflow_task_completed_event_id,
                    new_execution_run_id: next_id(sequel.as_ref()),
                },
                metadata,
            );
            sequel
        }
        Attributes::CancelWorkflowExecutionCommandAttributes(a) => {
            step.emit_with(
                WorkflowExecutionCanceledEventAttributes {
                    workflow_task_completed_event_id,
                    details: a.details,
                },
                metadata,
            );
            None
        }
        // Validation let nothing else through.
        _ => None,
    };
    if let Some(sequel) = sequel {
        succession::follow(step, sequel, &decided.next);
    }
}
