//! Changes what can be seen of the run from outside: search attributes and memo.

use std::collections::BTreeMap;

use prost::Message;
use temporalio_protos::temporal::api::command::v1::{
    ModifyWorkflowPropertiesCommandAttributes, UpsertWorkflowSearchAttributesCommandAttributes,
};
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause as Cause;
use temporalio_protos::temporal::api::history::v1::{
    UpsertWorkflowSearchAttributesEventAttributes, WorkflowPropertiesModifiedEventAttributes,
};

use super::{Bad, Decided, Outlook, bad, oversized};
use crate::core::{Step, attributes, fold};
use crate::limits;

/// What the commands looked at so far change.
#[derive(Debug, Default)]
pub(super) struct Prospects<'r> {
    search_attributes: BTreeMap<&'r str, &'r Payload>,
    memo: BTreeMap<&'r str, &'r Payload>,
}

pub(super) fn validate_search_attributes<'r>(
    outlook: &mut Outlook<'r>,
    a: &'r UpsertWorkflowSearchAttributesCommandAttributes,
) -> Result<(), Bad> {
    let cause = Cause::BadSearchAttributes;
    let Some(changes) = &a.search_attributes else {
        return Err(bad(
            cause,
            "SearchAttributes is not set on UpsertWorkflowSearchAttributesCommand.",
        ));
    };
    if changes.indexed_fields.is_empty() {
        return Err(bad(
            cause,
            "IndexedFields is not set on UpsertWorkflowSearchAttributesCommand.",
        ));
    }
    if let Some(why) = attributes::misnamed(changes) {
        return Err(bad(cause, why));
    }
    if bare_size(&changes.indexed_fields) > limits::BLOB_BYTES {
        return Err(oversized(
            cause,
            "UpsertWorkflowSearchAttributesCommandAttributes exceeds size limit.",
        ));
    }
    if let Some(why) = attributes::oversized(changes) {
        return Err(oversized(cause, why));
    }
    let changed = &mut outlook.upserts.search_attributes;
    changed.extend(by_name(&changes.indexed_fields));
    let merged = merged_size(&outlook.run.search_attributes, changed);
    match attributes::oversized_together(merged) {
        Some(why) => Err(oversized(cause, why)),
        None => Ok(()),
    }
}

pub(super) fn validate_memo<'r>(
    outlook: &mut Outlook<'r>,
    a: &'r ModifyWorkflowPropertiesCommandAttributes,
) -> Result<(), Bad> {
    let cause = Cause::BadModifyWorkflowPropertiesAttributes;
    let Some(changes) = &a.upserted_memo else {
        return Err(bad(
            cause,
            "UpsertedMemo is not set on ModifyWorkflowPropertiesCommand.",
        ));
    };
    if bare_size(&changes.fields) > limits::BLOB_BYTES {
        return Err(oversized(
            cause,
            "ModifyWorkflowPropertiesCommandAttributes exceeds size limit.",
        ));
    }
    let changed = &mut outlook.upserts.memo;
    changed.extend(by_name(&changes.fields));
    if merged_size(&outlook.run.memo, changed) > limits::MEMO_BYTES {
        return Err(oversized(
            cause,
            "ModifyWorkflowPropertiesCommandAttributes. Memo exceeds size limit.",
        ));
    }
    Ok(())
}

/// In no order: what comes of it is sorted or summed.
fn by_name<'r>(
    fields: impl IntoIterator<Item = (&'r String, &'r Payload)>,
) -> impl Iterator<Item = (&'r str, &'r Payload)> {
    fields
        .into_iter()
        .map(|(name, value)| (name.as_str(), value))
}

/// Names and data alone.
fn bare_size<'r>(fields: impl IntoIterator<Item = (&'r String, &'r Payload)>) -> usize {
    by_name(fields)
        .map(|(name, value)| name.len() + value.data.len())
        .sum()
}

/// What the map will take, encoded, with the changes in it.
fn merged_size(present: &BTreeMap<String, Payload>, changes: &BTreeMap<&str, &Payload>) -> usize {
    let kept = present
        .iter()
        .map(|(name, value)| (name.as_str(), value))
        .filter(|(name, _)| !changes.contains_key(name));
    let set = changes.iter().map(|(name, value)| (*name, *value));
    let set = set.filter(|(_, value)| !fold::is_null(value));
    let field = |length: usize| 1 + prost::length_delimiter_len(length) + length;
    kept.chain(set)
        .map(|(name, value)| field(field(name.len()) + field(value.encoded_len())))
        .sum()
}

pub(super) fn apply_search_attributes(
    step: &mut Step<'_>,
    decided: &Decided,
    a: UpsertWorkflowSearchAttributesCommandAttributes,
) {
    step.emit(UpsertWorkflowSearchAttributesEventAttributes {
        workflow_task_completed_event_id: decided.task_completed_id,
        search_attributes: a.search_attributes.map(attributes::typed),
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
