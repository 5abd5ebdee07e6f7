//! What one accepted command leaves in the store: its events and its notes, atomically.
//!
//! Events are encoded once, here. `Record::events` is a valid encoded `History` message, so a
//! poll or a history page is answered by splicing stored bytes. Notes are the bookkeeping that
//! history does not show: attempts, heartbeats, events that wait for a running workflow task.

use ambient::Timestamp;
use bytes::{Bytes, BytesMut};
use prost::Message;
use temporalio_protos::temporal::api::common::v1::{Payloads, WorkerVersionStamp};
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::history::v1::{History, HistoryEvent};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Record {
    #[prost(int64, tag = "1")]
    pub(crate) at: i64,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) events: Bytes,
    #[prost(message, repeated, tag = "3")]
    pub(crate) notes: Vec<Note>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Note {
    #[prost(oneof = "Fact", tags = "1, 2, 3, 4, 5, 6, 7, 10, 11")]
    pub(crate) fact: Option<Fact>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Fact {
    /// A request id that was accepted; a repetition is answered without being applied.
    #[prost(string, tag = "1")]
    Seen(String),
    /// The request that started the run.
    #[prost(string, tag = "2")]
    StartedBy(String),
    /// An event that arrived while a workflow task was running. It has no id yet.
    #[prost(message, boxed, tag = "3")]
    Buffered(Box<HistoryEvent>),
    /// A start that had to be durable before the worker saw the task.
    #[prost(message, tag = "4")]
    ActivityStarted(ActivityStarted),
    #[prost(message, boxed, tag = "5")]
    ActivityRetry(Box<ActivityRetry>),
    #[prost(message, tag = "6")]
    Heartbeat(Heartbeat),
    /// Every buffered event has its id now.
    #[prost(bool, tag = "7")]
    Flushed(bool),
    /// The end of this run has reached the child initiated by the event of this id.
    #[prost(int64, tag = "10")]
    Parted(i64),
    /// The parent knows how this run ended.
    #[prost(bool, tag = "11")]
    Reported(bool),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ActivityStarted {
    #[prost(int64, tag = "1")]
    pub(crate) scheduled_id: i64,
    #[prost(uint32, tag = "2")]
    pub(crate) attempt: u32,
    #[prost(string, tag = "3")]
    pub(crate) identity: String,
    #[prost(string, tag = "4")]
    pub(crate) request_id: String,
    #[prost(uint64, tag = "5")]
    pub(crate) epoch: u64,
    #[prost(message, optional, tag = "6")]
    pub(crate) worker_version: Option<WorkerVersionStamp>,
}

/// The attempt that failed is over; the next one waits until `next_at`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ActivityRetry {
    #[prost(int64, tag = "1")]
    pub(crate) scheduled_id: i64,
    #[prost(uint32, tag = "2")]
    pub(crate) next_attempt: u32,
    #[prost(int64, tag = "3")]
    pub(crate) next_at: i64,
    #[prost(message, optional, tag = "4")]
    pub(crate) failure: Option<Failure>,
    #[prost(string, tag = "5")]
    pub(crate) identity: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Heartbeat {
    #[prost(int64, tag = "1")]
    pub(crate) scheduled_id: i64,
    #[prost(message, optional, tag = "2")]
    pub(crate) details: Option<Payloads>,
}

impl Record {
    pub(crate) fn new(now: Timestamp, events: &[HistoryEvent], notes: Vec<Note>) -> Self {
        Self {
            at: now.as_micros(),
            events: encode_events(events),
            notes,
        }
    }

    /// The activity of which it says how far it is, if it says nothing else.
    pub(crate) fn only_beats(&self) -> Option<i64> {
        match self.notes.as_slice() {
            [
                Note {
                    fact: Some(Fact::Heartbeat(beat)),
                },
            ] if self.events.is_empty() => Some(beat.scheduled_id),
            _ => None,
        }
    }

    pub(crate) fn decode_events(&self) -> Result<Vec<HistoryEvent>, prost::DecodeError> {
        Ok(History::decode(self.events.clone())?.events)
    }
}

/// Each event as field 1 of a `History`: encodings can be concatenated.
pub(crate) fn encode_events(events: &[HistoryEvent]) -> Bytes {
    const HISTORY_EVENTS: u32 = 1;
    let mut out = BytesMut::new();
    for event in events {
        prost::encoding::message::encode(HISTORY_EVENTS, event, &mut out);
    }
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_concatenate_into_one_history() {
        let event = |id| HistoryEvent {
            event_id: id,
            ..HistoryEvent::default()
        };
        let mut bytes = encode_events(&[event(1), event(2)]).to_vec();
        bytes.extend(encode_events(&[event(3)]));
        let ids: Vec<i64> = History::decode(bytes.as_slice())
            .unwrap()
            .events
            .iter()
            .map(|e| e.event_id)
            .collect();
        assert_eq!(ids, [1, 2, 3]);
    }
}
