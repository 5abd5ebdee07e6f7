//! Records what only the worker understands: a local activity's result, a patch, a version.

use prost::Message;
use temporalio_protos::temporal::api::command::v1::RecordMarkerCommandAttributes;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause as Cause;
use temporalio_protos::temporal::api::history::v1::MarkerRecordedEventAttributes;
use temporalio_protos::temporal::api::sdk::v1::UserMetadata;

use super::{Bad, Decided, bad, oversized, too_long};
use crate::core::Step;
use crate::limits;

pub(super) fn validate(a: &RecordMarkerCommandAttributes) -> Result<(), Bad> {
    if a.marker_name.is_empty() {
        return Err(bad(
            Cause::BadRecordMarkerAttributes,
            "MarkerName is not set on RecordMarkerCommand.",
        ));
    }
    if a.marker_name.len() > limits::ID_BYTES {
        return Err(bad(
            Cause::BadRecordMarkerAttributes,
            too_long(
                "MarkerName on RecordMarkerCommand",
                "MarkerName",
                &a.marker_name,
            ),
        ));
    }
    let details = a.details.iter();
    let size: usize = details
        .map(|(name, of)| name.len() + of.encoded_len())
        .sum();
    if size > limits::BLOB_BYTES {
        return Err(oversized(
            Cause::BadRecordMarkerAttributes,
            "RecordMarkerCommandAttributes.Details exceeds size limit.",
        ));
    }
    Ok(())
}

pub(super) fn apply(
    step: &mut Step<'_>,
    decided: &Decided,
    a: RecordMarkerCommandAttributes,
    metadata: Option<UserMetadata>,
) {
    let event = MarkerRecordedEventAttributes {
        marker_name: a.marker_name,
        details: a.details,
        workflow_task_completed_event_id: decided.task_completed_id,
        header: a.header,
        failure: a.failure,
    };
    step.emit_with(event, metadata);
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn is_written_in_the_order_of_the_commands() {
        check(
            "start; poll; complete marker=patch timer=t@5",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskCompleted
                5 MarkerRecorded patch
                6 TimerStarted t
            "#]],
        );
    }
}
