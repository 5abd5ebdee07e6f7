//! The history of a run that is only in the store, a stretch at a time: whoever reads pages of it
//! asks for no state, so nothing is replayed, and no page reads what other pages hold.

use bytes::Bytes;
use tonic::Status;

use super::load::{damaged, decode};
use super::take::count;
use super::{History, Host};
use crate::limits;
use crate::store::Head;

/// A record, and the event it begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) record: i64,
    pub(crate) event: i64,
}

impl Place {
    pub(crate) const BEGINNING: Self = Self {
        record: 0,
        event: 1,
    };
}

/// Some records of a run, one after the other.
#[derive(Debug)]
pub(crate) struct Stretch {
    pub(crate) history: History,
    places: Vec<Place>,
    /// What follows, when that is not the end of the run.
    pub(crate) rest: Option<Place>,
}

impl Stretch {
    /// Where to read for this event.
    pub(crate) fn place_of(&self, event: i64) -> Option<Place> {
        let after = self.places.partition_point(|place| place.event <= event);
        self.places.get(after.checked_sub(1)?).copied()
    }
}

impl Host {
    /// As much as a page holds, read from here on and with this event in it.
    pub(crate) async fn stretch(
        &self,
        head: &Head,
        mut from: Place,
        event: i64,
    ) -> Result<Stretch, Status> {
        loop {
            let stretch = self.read_stretch(head, from).await?;
            match stretch.rest {
                Some(rest) if rest.event <= event => from = rest,
                _ => return Ok(stretch),
            }
        }
    }

    async fn read_stretch(&self, head: &Head, from: Place) -> Result<Stretch, Status> {
        const BYTES: usize = limits::HISTORY_PAGE_BYTES;
        let row = head.row;
        let bodies = self
            .read(move |reader| reader.stretch(row, from.record, BYTES))
            .await?;
        let read: usize = bodies.iter().map(Bytes::len).sum();
        let (mut history, mut places, mut next) = (History::default(), Vec::new(), from);
        for body in bodies {
            let record = decode(body, row)?;
            places.push(next);
            let events = count(&record.events);
            history.push(next.event, record.events);
            next.record += 1;
            next.event += events;
        }
        // The numbers have no gap; what is missing at their end only the row knows.
        let missing = head.history_length + 1 - next.event;
        if missing < 0 || (missing > 0 && read < BYTES) {
            return Err(damaged(row));
        }
        Ok(Stretch {
            history,
            places,
            rest: (missing > 0).then_some(next),
        })
    }

    /// The event with which the run closed, alone.
    pub(crate) async fn closing_event(&self, head: &Head) -> Result<History, Status> {
        // Nearly always it is in the last record that the row knows of.
        let (row, last) = (head.row, (head.agenda.records - 1).max(0));
        let bodies = self
            .read(move |reader| reader.stretch(row, last, usize::MAX))
            .await?;
        for body in bodies.into_iter().rev() {
            let mut found = History::default();
            found.push(head.history_length, decode(body, row)?.events);
            if found.last_event().is_some() {
                return Ok(found);
            }
        }
        // Before it only when what its errands came to was noted after its end.
        let last = self
            .stretch(head, Place::BEGINNING, head.history_length)
            .await?;
        Ok(last.history)
    }
}
