//! A run's history in memory: encoded chunks as they were stored, spliced into answers.

use bytes::Bytes;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use crate::core::record::encode_events;
use crate::wire;

/// The events of one record, each encoded as field 1 of a `History`.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) first: i64,
    pub(crate) bytes: Bytes,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    chunks: Vec<Chunk>,
}

/// A stretch of history, ready to be spliced.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) pieces: Vec<Bytes>,
    /// Where the next page begins, when this is not the last.
    pub(crate) next: Option<i64>,
}

impl History {
    pub(crate) fn push(&mut self, first: i64, bytes: Bytes) {
        if !bytes.is_empty() {
            self.chunks.push(Chunk { first, bytes });
        }
    }

    /// Memory beside the bytes of the events.
    pub(crate) fn overhead(&self) -> usize {
        self.chunks.capacity() * size_of::<Chunk>()
    }

    /// With events that exist only in an answer so far.
    pub(crate) fn with_suffix(&self, suffix: &[HistoryEvent]) -> Self {
        let mut all = self.clone();
        if let Some(first) = suffix.first() {
            all.push(first.event_id, encode_events(suffix));
        }
        all
    }

    /// Whole events from `from` on (and before `until`), as many as fit; at least one.
    pub(crate) fn page(
        &self,
        from: i64,
        until: Option<i64>,
        most_events: i64,
        most_bytes: usize,
    ) -> Page {
        let mut page = Page {
            pieces: Vec::new(),
            next: None,
        };
        let start = self
            .chunks
            .partition_point(|chunk| chunk.first <= from)
            .saturating_sub(1);
        let (mut events, mut bytes) = (0, 0);
        for chunk in &self.chunks[start.min(self.chunks.len())..] {
            let mut taken = 0..0;
            for (id, range) in (chunk.first..).zip(wire::fields(&chunk.bytes)) {
                if id >= from {
                    if until.is_some_and(|until| id >= until) {
                        break;
                    }
                    if events > 0 && (events >= most_events || bytes + range.len() > most_bytes) {
                        page.next = Some(id);
                        break;
                    }
                    if taken.is_empty() {
                        taken.start = range.start;
                    }
                    taken.end = range.end;
                    events += 1;
                    bytes += range.len();
                }
            }
            if !taken.is_empty() {
                page.pieces.push(chunk.bytes.slice(taken));
            }
            if page.next.is_some() {
                break;
            }
        }
        page
    }

    /// The last event alone.
    pub(crate) fn last_event(&self) -> Option<Bytes> {
        let chunk = self.chunks.last()?;
        let range = wire::fields(&chunk.bytes).last()?;
        Some(chunk.bytes.slice(range))
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use temporalio_protos::temporal::api::history::v1::History as Proto;

    use super::*;

    fn events(ids: std::ops::Range<i64>) -> Vec<HistoryEvent> {
        ids.map(|event_id| HistoryEvent {
            event_id,
            ..HistoryEvent::default()
        })
        .collect()
    }

    fn history() -> History {
        let mut history = History::default();
        history.push(1, encode_events(&events(1..3)));
        history.push(3, encode_events(&events(3..4)));
        history.with_suffix(&events(4..7))
    }

    fn ids(page: &Page) -> Vec<i64> {
        let bytes = page.pieces.concat();
        let decoded = Proto::decode(bytes.as_slice()).unwrap();
        decoded.events.iter().map(|e| e.event_id).collect()
    }

    #[test]
    fn pages_meet_without_gap_or_overlap() {
        let history = history();
        for size in 1..8 {
            let (mut seen, mut from) = (Vec::new(), Some(1));
            while let Some(at) = from {
                let page = history.page(at, None, size, usize::MAX);
                seen.extend(ids(&page));
                from = page.next;
            }
            assert_eq!(seen, [1, 2, 3, 4, 5, 6]);
        }
    }

    #[test]
    fn begins_and_ends_in_the_middle_of_chunks() {
        assert_eq!(
            ids(&history().page(2, Some(6), 100, usize::MAX)),
            [2, 3, 4, 5]
        );
        assert!(ids(&history().page(7, None, 100, usize::MAX)).is_empty());
        let last = Page {
            pieces: vec![history().last_event().unwrap()],
            next: None,
        };
        assert_eq!(ids(&last), [6]);
    }
}
