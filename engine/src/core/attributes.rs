//! What search attributes may look like, whoever sets them.

use std::collections::{BTreeMap, BTreeSet};

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

/// Everybody's by these names, and set by SDKs without a word about their type: a patch sets the
/// first. Readers take the type from the value, so it is put there.
const PLATFORM: [(&str, &str); 10] = [
    ("TemporalChangeVersion", "KeywordList"),
    ("BinaryChecksums", "KeywordList"),
    ("BuildIds", "KeywordList"),
    ("BatcherNamespace", "Keyword"),
    ("BatcherUser", "Keyword"),
    ("TemporalScheduledStartTime", "Datetime"),
    ("TemporalScheduledById", "Keyword"),
    ("TemporalSchedulePaused", "Bool"),
    ("TemporalNamespaceDivision", "Keyword"),
    ("TemporalPauseInfo", "KeywordList"),
];

pub(crate) fn typed(mut attributes: SearchAttributes) -> SearchAttributes {
    for (name, kind) in PLATFORM {
        if let Some(value) = attributes.indexed_fields.get_mut(name) {
            let kind = || kind.as_bytes().to_vec();
            value.metadata.entry("type".to_owned()).or_insert_with(kind);
        }
    }
    attributes
}

/// Why they cannot be accepted.
pub(crate) fn complaint(attributes: &SearchAttributes) -> Option<String> {
    misnamed(attributes).or_else(|| oversized(attributes))
}

/// Too many of them, or some that are nobody's to set.
pub(crate) fn misnamed(attributes: &SearchAttributes) -> Option<String> {
    let count = attributes.indexed_fields.len();
    if count > limits::SEARCH_ATTRIBUTES {
        return Some(format!(
            "number of search attributes {count} exceeds limit {}",
            limits::SEARCH_ATTRIBUTES
        ));
    }
    let names: BTreeSet<_> = attributes.indexed_fields.keys().collect();
    names
        .into_iter()
        .find(|name| SYSTEM.contains(&name.as_str()))
        .map(|name| format!("{name} attribute can't be set in SearchAttributes"))
}

/// One of them, or all together, are too large.
pub(crate) fn oversized(attributes: &SearchAttributes) -> Option<String> {
    let fields: BTreeMap<_, _> = attributes.indexed_fields.iter().collect();
    let large = fields
        .into_iter()
        .find(|(_, value)| value.data.len() > limits::SEARCH_VALUE_BYTES);
    if let Some((name, value)) = large {
        return Some(format!(
            "search attribute {name} value size {} exceeds size limit {}",
            value.data.len(),
            limits::SEARCH_VALUE_BYTES
        ));
    }
    oversized_together(attributes.encoded_len())
}

pub(crate) fn oversized_together(size: usize) -> Option<String> {
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
