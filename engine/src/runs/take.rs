//! From an applied command to the disk, the queues and the alarms. The one place where a record
//! leaves the core.

use std::sync::Arc;

use prost::Message;

use super::{Beats, Hearers, History, Host, Key, Live, Slot, warnings};
use crate::core::record::Record;
use crate::core::{Action, Outcome, Run, priority};
use crate::matching::{Item, Kind, QueueKey, Rank};
use crate::store::Change;
use crate::store::writer::Position;

impl Host {
    /// A run that was just born takes its place in the slot. What was there is closed.
    pub(crate) fn settle(
        &self,
        key: &Key,
        slot: &mut Slot,
        run: Run,
        outcome: Outcome,
    ) -> Position {
        let row = self.next_row();
        self.shelf.remember_row(row, key.clone());
        if let Some(previous) = slot.live.take() {
            if previous.run.family.has_errands() {
                slot.leaving.push(previous);
            } else {
                self.shelf.forget_row(previous.row);
            }
        }
        slot.closed = None;
        slot.live = Some(Box::new(Live {
            row,
            run,
            records: 0,
            beats: Beats::default(),
            history: History::default(),
            riding: Vec::new(),
            hearers: Hearers::default(),
            news: Arc::default(),
            attributes: None,
        }));
        self.take(key, slot, outcome)
    }

    /// Queues the record, rings who waits, offers what is ready; and lets the run that follows
    /// take its place. Answers the position to await before anybody is told.
    pub(crate) fn take(&self, key: &Key, slot: &mut Slot, mut outcome: Outcome) -> Position {
        match outcome.successor.take() {
            None => self.take_all(key, slot, outcome, Write::Now),
            Some(next) => {
                // One write: a workflow that goes on is never between two runs.
                self.take_and_hold(key, slot, outcome);
                self.settle(key, slot, next.run, next.outcome)
            }
        }
    }

    /// As [`Host::take`], but the record waits for the next one, to be atomic with it.
    pub(crate) fn take_and_hold(&self, key: &Key, slot: &mut Slot, outcome: Outcome) {
        self.take_all(key, slot, outcome, Write::WithTheNext);
    }

    fn take_all(&self, key: &Key, slot: &mut Slot, outcome: Outcome, write: Write) -> Position {
        let Slot {
            live: Some(live),
            position,
            held,
            ..
        } = slot
        else {
            return slot.position;
        };
        if let Some(record) = outcome.record {
            let grew = !record.events.is_empty();
            held.extend(live.append(key.namespace, record));
            if matches!(write, Write::Now) {
                *position = self.writes.submit(held.drain(..));
            }
            if grew {
                live.news.growth.notify_waiters();
            }
        }
        for action in outcome.actions {
            self.perform(key, live, action);
        }
        if live.run.family.has_errands() {
            self.errands.push(live.row);
        }
        if live.run.is_open() {
            self.timers.set(live.row, live.run.next_wake());
        } else {
            live.news.end.notify_waiters();
            self.timers.set(live.row, None);
            self.release_riding(key, live);
            self.ring_schedules(key);
            self.shelf.note_closed(key.clone(), live.row, &self.writes);
        }
        self.shelf.weigh(slot);
        slot.position
    }

    fn perform(&self, key: &Key, live: &mut Live, action: Action) {
        match action {
            Action::TellUpdate { id, fate } => live.hearers.tell(&id, fate),
            Action::OfferWorkflowTask => self.offer_workflow_task(key, live),
            Action::OfferActivity {
                scheduled_id,
                attempt,
            } => {
                let Some(activity) = live.run.activities.get(&scheduled_id) else {
                    return;
                };
                let queue = QueueKey {
                    namespace: key.namespace,
                    kind: Kind::Activity,
                    name: activity.queue().to_owned(),
                };
                let item = Item::Activity {
                    row: live.row,
                    scheduled_id,
                    attempt,
                };
                let own = activity.spec.priority.as_ref();
                let priority = priority::merged(live.run.priority.as_ref(), own);
                self.matching
                    .offer(queue, item, &Rank::of(priority.as_ref()));
            }
        }
    }

    pub(crate) fn offer_workflow_task(&self, key: &Key, live: &Live) {
        let queue = self.workflow_queue(key, &live.run);
        let item = Item::WorkflowTask {
            row: live.row,
            normal: away_from(&live.run.task_queue, &queue),
        };
        let rank = Rank::of(live.run.priority.as_ref());
        self.matching.offer(queue, item, &rank);
    }

    /// The sticky queue while somebody listens there, else the normal one.
    pub(crate) fn workflow_queue(&self, key: &Key, run: &Run) -> QueueKey {
        let queue = |name: &str| QueueKey {
            namespace: key.namespace,
            kind: Kind::Workflow,
            name: name.to_owned(),
        };
        run.sticky
            .as_ref()
            .map(|sticky| queue(&sticky.queue))
            .filter(|sticky| self.matching.is_listened_to(sticky, self.now()))
            .unwrap_or_else(|| queue(&run.task_queue))
    }
}

impl Live {
    /// A record becomes part of the run; answers what the store has to keep of it.
    pub(super) fn append(&mut self, namespace: i64, record: Record) -> [Change; 2] {
        let body = record.encode_to_vec().into();
        let beats = record.only_beats();
        let more = count(&record.events);
        warnings::of_record(&self.run, more, &record.events);
        let first = self.run.next_event_id - more;
        self.history.push(first, record.events);
        let row = self.row;
        let change = match self.beats.before(beats) {
            Some(number) => Change::Instead { row, number, body },
            None => {
                let number = self.records;
                self.records += 1;
                self.beats.note(beats, number);
                Change::Record { row, number, body }
            }
        };
        self.refresh_attributes();
        [change, Change::Head(Box::new(self.head(namespace)))]
    }
}

/// The normal queue of an item that is offered in another one.
pub(crate) fn away_from(normal: &str, queue: &QueueKey) -> Option<Arc<String>> {
    (queue.name != normal).then(|| Arc::new(normal.to_owned()))
}

#[derive(Clone, Copy)]
enum Write {
    Now,
    WithTheNext,
}

pub(super) fn count(events: &[u8]) -> i64 {
    i64::try_from(crate::wire::fields(events).count()).unwrap_or(0)
}
