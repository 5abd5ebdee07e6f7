//! What clients and workers note, as lines of text: those of a killed process come over a pipe.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use prost::Message;
use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// The request of this number, for good.
    Acknowledged(usize),
    /// A worker decided on so many events, and this is what they were.
    Saw {
        run_id: String,
        events: usize,
        digest: u64,
    },
    /// A worker has an attempt of the run's one activity.
    Ran {
        run_id: String,
        attempt: i32,
        bounded: bool,
    },
}

/// Of a task's history, that which may not change any more: all but the start of the task, and its
/// being scheduled, which a crash makes anew.
pub(super) fn seen(run_id: String, events: &[HistoryEvent]) -> Note {
    let is = |event: &HistoryEvent, kind| event.event_type() == kind;
    let kept = match events {
        [kept @ .., scheduled, started]
            if is(started, EventType::WorkflowTaskStarted)
                && is(scheduled, EventType::WorkflowTaskScheduled) =>
        {
            kept
        }
        [kept @ .., started] if is(started, EventType::WorkflowTaskStarted) => kept,
        all => all,
    };
    Note::Saw {
        run_id,
        events: kept.len(),
        digest: digest(kept),
    }
}

pub(super) fn digest(events: &[HistoryEvent]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for event in events {
        let mut event = event.clone();
        // A schedule's marks: a map has no order, and each of its values has another map.
        if let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) =
            &mut event.attributes
        {
            let marks = started.search_attributes.take().unwrap_or_default();
            let marks = marks.indexed_fields.into_iter();
            let marks: BTreeMap<String, Vec<u8>> =
                marks.map(|(name, value)| (name, value.data)).collect();
            marks.hash(&mut hasher);
        }
        event.encode_to_vec().hash(&mut hasher);
    }
    hasher.finish()
}

impl Note {
    pub(super) fn line(&self) -> String {
        match self {
            Self::Acknowledged(number) => format!("ACKNOWLEDGED {number}"),
            Self::Saw {
                run_id,
                events,
                digest,
            } => format!("SAW {run_id} {events} {digest}"),
            Self::Ran {
                run_id,
                attempt,
                bounded,
            } => format!("RAN {run_id} {attempt} {bounded}"),
        }
    }

    pub(super) fn read(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["ACKNOWLEDGED", number] => Some(Self::Acknowledged(number.parse().ok()?)),
            ["SAW", run_id, events, digest] => Some(Self::Saw {
                run_id: (*run_id).to_owned(),
                events: events.parse().ok()?,
                digest: digest.parse().ok()?,
            }),
            ["RAN", run_id, attempt, bounded] => Some(Self::Ran {
                run_id: (*run_id).to_owned(),
                attempt: attempt.parse().ok()?,
                bounded: bounded.parse().ok()?,
            }),
            _ => None,
        }
    }
}
