//! Priorities as the protocol says them: what a request may ask for, and what an activity or a
//! child takes over from its workflow. What a queue makes of them is not decided here.

use temporalio_protos::temporal::api::common::v1::Priority;

const FAIRNESS_KEY_BYTES: usize = 64;

/// The workflow's, field by field where the task itself says nothing.
pub(crate) fn merged(workflow: Option<&Priority>, own: Option<&Priority>) -> Option<Priority> {
    let (Some(base), Some(own)) = (workflow, own) else {
        return workflow.or(own).cloned();
    };
    Some(Priority {
        priority_key: match own.priority_key {
            0 => base.priority_key,
            said => said,
        },
        fairness_key: match own.fairness_key.as_str() {
            "" => base.fairness_key.clone(),
            said => said.to_owned(),
        },
        fairness_weight: match own.fairness_weight {
            0.0 => base.fairness_weight,
            said => said,
        },
    })
}

/// Why a priority cannot be accepted.
pub(crate) fn complaint(priority: &Priority) -> Option<&'static str> {
    if priority.priority_key < 0 {
        Some("PriorityKey can't be negative")
    } else if priority.fairness_key.len() > FAIRNESS_KEY_BYTES {
        Some("FairnessKey length exceeds limit")
    } else if priority.fairness_weight < 0.0 {
        Some("FairnessWeight can't be negative")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn priority(key: i32, fairness: &str, weight: f32) -> Priority {
        Priority {
            priority_key: key,
            fairness_key: fairness.to_owned(),
            fairness_weight: weight,
        }
    }

    #[test]
    fn each_field_is_taken_over_by_itself() {
        let workflow = priority(1, "acme", 2.0);
        let merged_with = |own: &Priority| merged(Some(&workflow), Some(own));
        assert_eq!(merged_with(&Priority::default()), Some(workflow.clone()));
        assert_eq!(
            merged_with(&priority(4, "", 0.0)),
            Some(priority(4, "acme", 2.0))
        );
        assert_eq!(
            merged_with(&priority(0, "bolt", 3.0)),
            Some(priority(1, "bolt", 3.0))
        );
        assert_eq!(merged(Some(&workflow), None), Some(workflow.clone()));
        assert_eq!(merged(None, Some(&workflow)), Some(workflow.clone()));
        assert_eq!(merged(None, None), None);
    }

    #[test]
    fn nonsense_is_named() {
        assert_eq!(complaint(&priority(9, &"k".repeat(64), 1e10)), None);
        for (wrong, named) in [
            (priority(-1, "", 0.0), "PriorityKey"),
            (priority(0, &"k".repeat(65), 0.0), "FairnessKey"),
            (priority(0, "", -0.5), "FairnessWeight"),
        ] {
            assert!(complaint(&wrong).unwrap().starts_with(named));
        }
    }
}
