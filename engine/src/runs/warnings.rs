//! A word in the log before a bound is reached: a run that grows past its bound is ended, and by
//! then it is too late to have it continue as new.

use crate::core::Run;
use crate::limits;
use crate::wire;

/// What became large with a record, for whoever reads the log.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Large {
    Event { id: i64, bytes: usize },
    Count(i64),
    Bytes(u64),
    Memo(usize),
}

/// Says what became large with the latest record, whose events these are: of a history once, when
/// it passes each mark.
pub(super) fn of_record(run: &Run, count: i64, events: &[u8]) {
    if events.len() > limits::WARN_BLOB_BYTES {
        tell(run, &of_events(run.history_length() - count, events));
    }
    let grown = of_history(
        (run.history_length(), run.history_bytes),
        (count, events.len()),
    );
    tell(run, &grown);
}

pub(super) fn of_memo(run: &Run, bytes: usize) {
    if bytes > limits::WARN_MEMO_BYTES {
        tell(run, &[Large::Memo(bytes)]);
    }
}

fn of_events(before: i64, events: &[u8]) -> Vec<Large> {
    let sizes = wire::fields(events).map(|range| range.len());
    (before + 1..)
        .zip(sizes)
        .filter(|(_, bytes)| *bytes > limits::WARN_BLOB_BYTES)
        .map(|(id, bytes)| Large::Event { id, bytes })
        .collect()
}

fn of_history((count, bytes): (i64, u64), (more, longer): (i64, usize)) -> Vec<Large> {
    let (count_before, bytes_before) = (count - more, bytes.saturating_sub(longer as u64));
    let mut large = Vec::new();
    if count_before <= limits::WARN_HISTORY_EVENTS && count > limits::WARN_HISTORY_EVENTS {
        large.push(Large::Count(count));
    }
    if bytes_before <= limits::WARN_HISTORY_BYTES && bytes > limits::WARN_HISTORY_BYTES {
        large.push(Large::Bytes(bytes));
    }
    large
}

fn tell(run: &Run, large: &[Large]) {
    let (workflow_id, run_id) = (run.workflow_id.as_str(), run.run_id.as_str());
    for what in large {
        match what {
            Large::Event { id, bytes } => {
                tracing::warn!(workflow_id, run_id, event = id, bytes, "an event is large");
            }
            Large::Count(events) => tracing::warn!(
                workflow_id,
                run_id,
                events,
                limit = limits::HISTORY_EVENTS,
                "a history has many events: past the limit the run is ended"
            ),
            Large::Bytes(bytes) => tracing::warn!(
                workflow_id,
                run_id,
                bytes,
                limit = limits::HISTORY_BYTES,
                "a history is large: past the limit the run is ended"
            ),
            Large::Memo(bytes) => {
                tracing::warn!(
                    workflow_id,
                    run_id,
                    bytes,
                    "a memo is large: every list shows it"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use temporalio_protos::temporal::api::history::v1::HistoryEvent;

    use super::*;
    use crate::core::record::encode_events;

    #[test]
    fn a_history_is_large_once_and_a_large_event_is_named() {
        let events = limits::WARN_HISTORY_EVENTS;
        assert_eq!(of_history((events, 0), (3, 0)), []);
        assert_eq!(
            of_history((events + 1, 0), (3, 0)),
            [Large::Count(events + 1)]
        );
        assert_eq!(of_history((events + 4, 0), (3, 0)), []);
        let bytes = limits::WARN_HISTORY_BYTES;
        assert_eq!(
            of_history((1, bytes + 1), (1, 2)),
            [Large::Bytes(bytes + 1)]
        );
        assert_eq!(of_history((1, bytes + 9), (1, 8)), []);

        let named = |length: usize| HistoryEvent {
            worker_may_ignore: true,
            user_metadata: Some(temporalio_protos::temporal::api::sdk::v1::UserMetadata {
                summary: Some(temporalio_protos::temporal::api::common::v1::Payload {
                    data: vec![0; length],
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..HistoryEvent::default()
        };
        let encoded = encode_events(&[named(1), named(limits::WARN_BLOB_BYTES)]);
        let large = of_events(7, &encoded);
        assert!(
            matches!(large[..], [Large::Event { id: 9, .. }]),
            "{large:?}"
        );
    }
}
