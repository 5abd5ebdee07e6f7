//! What search attributes may look like, whoever sets them.

use std::collections::BTreeMap;

use prost::Message;
use temporalio_protos::temporal::api::common::v1::SearchAttributes;

use crate::limits;

/// Known of every run, and nobody's to set.
const SYSTEM: [&str; 16] = [
    "CloseTime",
    "ExecutionDuration",
    "ExecutionStatus",
    "ExecutionTime",
    "HistoryLength",
    "HistorySizeBytes",
    "ParentRunId",
    "ParentWorkflowId",
    "RootRunId",
    "RootWorkflowId",
    "RunId",
    "StartTime",
    "StateTransitionCount",
    "TaskQueue",
    "WorkflowId",
    "WorkflowType",
];

/// Why they cannot be accepted.
pub(crate) fn complaint(attributes: &SearchAttributes) -> Option<String> {
    let count = attributes.indexed_fields.len();
    if count > limits::SEARCH_ATTRIBUTES {
        return Some(format!(
            "number of search attributes {count} exceeds limit {}",
            limits::SEARCH_ATTRIBUTES
        ));
    }
    let fields: BTreeMap<_, _> = attributes.indexed_fields.iter().collect();
    for (name, value) in fields {
        if SYSTEM.contains(&name.as_str()) {
            return Some(format!("{name} attribute can't be set in SearchAttributes"));
        }
        let size = value.data.len();
        if size > limits::SEARCH_VALUE_BYTES {
            return Some(format!(
                "search attribute {name} value size {size} exceeds size limit {}",
                limits::SEARCH_VALUE_BYTES
            ));
        }
    }
    let size = attributes.encoded_len();
    (size > limits::SEARCH_ATTRIBUTES_BYTES).then(|| {
        format!(
            "total size of search attributes {size} exceeds size limit {}",
            limits::SEARCH_ATTRIBUTES_BYTES
        )
    })
}

#[cfg(test)]
mod tests {
    use temporalio_protos::temporal::api::common::v1::Payload;

    use super::*;

    fn said(count: usize, name: &str, size: usize) -> Option<String> {
        let value = Payload {
            data: vec![b'1'; size],
            ..Payload::default()
        };
        let field = |n: usize| (format!("{name}{n}"), value.clone());
        let indexed_fields = (0..count)
            .map(field)
            .chain([(name.to_owned(), value.clone())]);
        complaint(&SearchAttributes {
            indexed_fields: indexed_fields.collect(),
        })
    }

    #[test]
    fn too_many_too_large_and_the_systems_own_are_refused() {
        assert_eq!(said(99, "Mine", 100), None);
        assert!(
            said(100, "Mine", 1)
                .unwrap()
                .starts_with("number of search attributes 101")
        );
        assert!(said(0, "Mine", 2_049).unwrap().contains("value size 2049"));
        assert!(said(30, "Mine", 2_000).unwrap().starts_with("total size"));
        assert!(said(0, "RunId", 1).unwrap().contains("can't be set"));
    }
}
