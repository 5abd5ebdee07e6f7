//! Changes what can be seen of the run from outside: search attributes and memo.

use prost::Message;
use temporalio_protos::temporal::api::command::v1::{
    ModifyWorkflowPropertiesCommandAttributes, UpsertWorkflowSearchAttributesCommandAttributes,
};
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause as Cause;
use temporalio_protos::temporal::api::history::v1::{
    UpsertWorkflowSearchAttributesEventAttributes, WorkflowPropertiesModifiedEventAttributes,
};

use super::{Bad, Decided, bad};
use crate::core::{Step, attributes};
use crate::limits;

pub(super) fn validate_search_attributes(
    a: &UpsertWorkflowSearchAttributesCommandAttributes,
) -> Result<(), Bad> {
    let Some(changes) = &a.search_attributes else {
        return Err(bad(
            Cause::BadSearchAttributes,
            "SearchAttributes is not set on UpsertWorkflowSearchAttributesCommand.",
        ));
    };
    if changes.indexed_fields.is_empty() {
        return Err(bad(
            Cause::BadSearchAttributes,
            "IndexedFields is not set on UpsertWorkflowSearchAttributesCommand.",
        ));
    }
    if let Some(why) = attributes::complaint(changes) {
        return Err(bad(Cause::BadSearchAttributes, why));
    }
    Ok(())
}

pub(super) fn validate_memo(a: &ModifyWorkflowPropertiesCommandAttributes) -> Result<(), Bad> {
    if a.upserted_memo.is_none() {
        return Err(bad(
            Cause::BadModifyWorkflowPropertiesAttributes,
            "UpsertedMemo is not set on ModifyWorkflowPropertiesCommand.",
        ));
    }
    if a.encoded_len() > limits::BLOB_BYTES {
        return Err(bad(
            Cause::BadModifyWorkflowPropertiesAttributes,
            "memo exceeds size limit",
        ));
    }
    Ok(())
}

pub(super) fn apply_search_attributes(
    step: &mut Step<'_>,
    decided: &Decided,
    a: UpsertWorkflowSearchAttributesCommandAttributes,
) {
    step.emit(UpsertWorkflowSearchAttributesEventAttributes {
        workflow_task_completed_event_id: decided.task_completed_id,
        search_attributes: a.search_attributes,
    });
}

pub(super) fn apply_memo(
    step: &mut Step<'_>,
    decided: &Decided,
    a: ModifyWorkflowPropertiesCommandAttributes,
) {
    step.emit(WorkflowPropertiesModifiedEventAttributes {
        workflow_task_completed_event_id: decided.task_completed_id,
        upserted_memo: a.upserted_memo,
    });
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::core::script::check;

    #[test]
    fn an_upsert_of_nothing_fails_the_task() {
        check(
            "start; poll; complete upsert",
            expect![[r#"
                1 WorkflowExecutionStarted
                2 WorkflowTaskScheduled
                → offer workflow task
                3 WorkflowTaskStarted
                4 WorkflowTaskFailed BadSearchAttributes
                → offer workflow task
                rejected: BadSearchAttributes: SearchAttributes is not set on UpsertWorkflowSearchAttributesCommand.
            "#]],
        );
    }
}
