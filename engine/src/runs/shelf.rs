//! Which runs are in memory. Sharded by workflow id; a slot is dropped only when nobody holds it,
//! everything of it is on disk, and nothing volatile would be lost.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use super::Slot;
use crate::store::writer::{Position, WriteQueue};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) namespace: i64,
    pub(crate) workflow_id: Arc<str>,
}

impl Key {
    pub(crate) fn new(namespace: i64, workflow_id: &str) -> Self {
        Self {
            namespace,
            workflow_id: workflow_id.into(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Shelf {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    /// Runs that closed, oldest first: the first to be forgotten.
    closed: Mutex<VecDeque<(Key, i64)>>,
    next_sweep: AtomicUsize,
    /// What the slots take together, in bytes, and may take.
    weight: AtomicUsize,
    most: usize,
    /// The last row of the boots before; and which of theirs were read back in this one.
    inherited: i64,
    seen: Mutex<Rows>,
}

/// A set of rows, a bit each: of a million open runs most are read sooner or later.
#[derive(Debug, Default)]
struct Rows {
    pages: HashMap<i64, Box<[u64; 64]>>,
}

impl Rows {
    /// Whether it was not in yet.
    fn insert(&mut self, row: i64) -> bool {
        const BITS: i64 = 64;
        const PAGE: i64 = 64 * BITS;
        let page = self
            .pages
            .entry(row.div_euclid(PAGE))
            .or_insert_with(|| Box::new([0; 64]));
        let place = row.rem_euclid(PAGE);
        let word = usize::try_from(place / BITS).unwrap_or(0);
        let bit = 1 << (place % BITS);
        let is_new = page[word] & bit == 0;
        page[word] |= bit;
        is_new
    }
}

#[derive(Debug, Default)]
struct Shard {
    slots: HashMap<Key, Arc<tokio::sync::Mutex<Slot>>>,
    rows: HashMap<i64, Key>,
}

const SHARDS: usize = 32;
/// Closed runs stay a little, for whoever waits for the result.
const CLOSED_KEPT: usize = 512;
const LOCKS_PER_SWEEP: usize = 16;
/// Where there are fewer, but large ones, a sweep goes on to the next shard.
const SLOTS_PER_SWEEP: usize = 256;
/// A slot with its key, its lock and its places in the tables.
const SLOT_BYTES: usize = 768;
/// A closed run of which only the row is here.
const CLOSED_BYTES: usize = 768;

impl Shelf {
    pub(crate) fn new(last_row: i64, most: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            closed: Mutex::default(),
            next_sweep: AtomicUsize::new(0),
            weight: AtomicUsize::new(0),
            most,
            inherited: last_row,
            seen: Mutex::default(),
        }
    }

    /// Whether an open run is read for the first time since the engine started: only then do the
    /// queues know nothing of it.
    pub(crate) fn is_first_look(&self, row: i64) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        row <= self.inherited && seen.insert(row)
    }

    pub(crate) async fn lock(&self, key: &Key) -> OwnedMutexGuard<Slot> {
        let slot = {
            let mut shard = self.shard(self.of_key(key));
            match shard.slots.get(key) {
                Some(slot) => Arc::clone(slot),
                None => Arc::clone(shard.slots.entry(key.clone()).or_default()),
            }
        };
        let mut guard = slot.lock_owned().await;
        guard.used = true;
        guard
    }

    /// The last write of a workflow id that is in memory. One that is not stays away.
    pub(crate) async fn position(&self, key: &Key) -> Option<Position> {
        let slot = self.shard(self.of_key(key)).slots.get(key).cloned()?;
        Some(slot.lock().await.position)
    }

    /// Counts a slot as what it takes now.
    pub(crate) fn weigh(&self, slot: &mut Slot) {
        let runs = slot.live.iter().chain(&slot.leaving);
        let live: usize = runs.map(|live| live.weight()).sum();
        let closed = slot.closed.as_ref().map_or(0, |_| CLOSED_BYTES);
        let before = std::mem::replace(&mut slot.weight, SLOT_BYTES + live + closed);
        // Wrapping, as the two do together: the sum never goes below nothing.
        let more = slot.weight.wrapping_sub(before);
        self.weight.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn remember_row(&self, row: i64, key: Key) {
        self.shard(of_row(row)).rows.insert(row, key);
    }

    pub(crate) fn key_of_row(&self, row: i64) -> Option<Key> {
        self.shard(of_row(row)).rows.get(&row).cloned()
    }

    pub(crate) fn forget_row(&self, row: i64) {
        self.shard(of_row(row)).rows.remove(&row);
    }

    pub(crate) fn note_closed(&self, key: Key, row: i64, writes: &WriteQueue) {
        self.closed().push_back((key, row));
        // Two for one that came, so that those somebody still looked at do not pile up.
        for _ in 0..2 {
            let oldest = {
                let mut closed = self.closed();
                match closed.len() > CLOSED_KEPT {
                    true => closed.pop_front(),
                    false => None,
                }
            };
            let Some((key, row)) = oldest else { return };
            // A run whose successor has taken its place left memory with that.
            if self.key_of_row(row).is_some() && !self.evict(&key, writes) {
                self.closed().push_back((key, row));
            }
        }
    }

    fn closed(&self) -> MutexGuard<'_, VecDeque<(Key, i64)>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps memory bounded when very many runs are open: idle ones go, shard by shard, those
    /// first that nobody looked at since the last time.
    pub(crate) fn sweep_if_full(&self, writes: &WriteQueue) {
        let turn = self.next_sweep.fetch_add(1, Ordering::Relaxed);
        // Now and then: where all runs are busy, looking each time would cost more than the work.
        if !turn.is_multiple_of(LOCKS_PER_SWEEP) || self.weight() <= self.most {
            return;
        }
        // A little below, so that there is rest afterwards.
        let enough = self.most / 8 * 7;
        let mut looked_at = 0;
        // Twice around, because the first look only takes note of what nobody has used since.
        for shard in (turn / LOCKS_PER_SWEEP..).take(2 * SHARDS) {
            let keys: Vec<Key> = self.shard(shard % SHARDS).slots.keys().cloned().collect();
            looked_at += keys.len();
            for key in keys {
                if self.weight() <= enough {
                    return;
                }
                self.evict_if(&key, writes, |slot| !std::mem::take(&mut slot.used));
            }
            if looked_at >= SLOTS_PER_SWEEP {
                return;
            }
        }
    }

    pub(crate) fn weight(&self) -> usize {
        self.weight.load(Ordering::Relaxed)
    }

    pub(crate) fn evict(&self, key: &Key, writes: &WriteQueue) -> bool {
        self.evict_if(key, writes, |_| true)
    }

    /// Under the shard's lock nobody can take the slot, so a count of one means that nobody has it.
    fn evict_if(
        &self,
        key: &Key,
        writes: &WriteQueue,
        may_go: impl FnOnce(&mut Slot) -> bool,
    ) -> bool {
        let row = {
            let mut shard = self.shard(self.of_key(key));
            let Some(slot) = shard.slots.get(key) else {
                return true;
            };
            let Some((row, weight)) = idle_row(slot, writes, may_go) else {
                return false;
            };
            shard.slots.remove(key);
            self.weight.fetch_sub(weight, Ordering::Relaxed);
            row
        };
        if let Some(row) = row {
            self.forget_row(row);
        }
        true
    }

    fn of_key(&self, key: &Key) -> usize {
        usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0)
    }

    fn shard(&self, at: usize) -> MutexGuard<'_, Shard> {
        self.shards[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn of_row(row: i64) -> usize {
    usize::try_from(row.unsigned_abs() % SHARDS as u64).unwrap_or(0)
}

/// The row (if any) and the weight of a slot that may be forgotten; `None` while it may not.
fn idle_row(
    slot: &Arc<tokio::sync::Mutex<Slot>>,
    writes: &WriteQueue,
    may_go: impl FnOnce(&mut Slot) -> bool,
) -> Option<(Option<i64>, usize)> {
    if Arc::strong_count(slot) > 1 {
        return None;
    }
    let mut slot = slot.try_lock().ok()?;
    let is_idle = slot.leaving.is_empty()
        && slot
            .live
            .as_ref()
            .is_none_or(|live| live.may_be_forgotten());
    if !is_idle || !writes.is_durable(slot.position) || !may_go(&mut slot) {
        return None;
    }
    Some((slot.live.as_ref().map(|live| live.row), slot.weight))
}

#[cfg(test)]
mod tests {
    use ambient::SystemClock;
    use temporalio_protos::temporal::api::common::v1::WorkflowType;
    use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
    use temporalio_protos::temporal::api::workflowservice::v1::{
        PollWorkflowTaskQueueRequest, StartWorkflowExecutionRequest,
    };

    use super::*;
    use crate::engine::open_store;
    use crate::frontend::{poll_workflow, start};
    use crate::matching::{Kind, QueueKey};
    use crate::runs::Host;

    async fn host(dir: &tempfile::TempDir) -> Host {
        let path = dir.path().join("engine.db");
        let host = open_store(path, SystemClock::shared()).unwrap();
        host.create_namespace("default", String::new(), String::new(), 0)
            .await
            .unwrap();
        let queue = TaskQueue {
            name: "q".to_owned(),
            ..TaskQueue::default()
        };
        let request = StartWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_id: "w".to_owned(),
            workflow_type: Some(WorkflowType {
                name: "flow".to_owned(),
            }),
            task_queue: Some(queue),
            ..StartWorkflowExecutionRequest::default()
        };
        start::handle(&host, request).await.unwrap();
        host
    }

    async fn poll(host: &Host) -> Vec<u8> {
        let queue = TaskQueue {
            name: "q".to_owned(),
            ..TaskQueue::default()
        };
        let request = PollWorkflowTaskQueueRequest {
            namespace: "default".to_owned(),
            task_queue: Some(queue),
            ..PollWorkflowTaskQueueRequest::default()
        };
        poll_workflow::handle(host, request).await.unwrap()
    }

    #[tokio::test]
    async fn a_run_out_of_memory_keeps_its_place_in_the_queue_and_a_busy_one_stays() {
        let dir = tempfile::tempdir().unwrap();
        let host = host(&dir).await;
        let key = Key::new(1, "w");
        assert!(host.shelf.evict(&key, &host.writes));
        assert_eq!(host.shelf.key_of_row(1), None);
        // Who only asks for its last write does not bring back an empty place for it.
        assert_eq!(host.shelf.position(&key).await, None);
        assert!(host.shelf.shard(host.shelf.of_key(&key)).slots.is_empty());
        assert!(!poll(&host).await.is_empty());
        // A worker holds its task now: that is only in memory.
        assert!(!host.shelf.evict(&key, &host.writes));
        // Reading it back offered nothing a second time.
        let queue = host.matching.queue(QueueKey {
            namespace: 1,
            kind: Kind::Workflow,
            name: "q".to_owned(),
        });
        assert!(queue.is_unused());
    }

    #[tokio::test]
    async fn what_cannot_be_forgotten_yet_does_not_pile_up() {
        let dir = tempfile::tempdir().unwrap();
        let host = host(&dir).await;
        assert!(!poll(&host).await.is_empty());
        let key = Key::new(1, "w");
        // The same workflow id, run after run, always busy when its turn to be forgotten comes.
        for row in 100..5_000 {
            host.shelf.note_closed(key.clone(), row, &host.writes);
        }
        assert!(host.shelf.closed().len() <= CLOSED_KEPT + 1);
        // Somebody looks at many closed runs at once, and then no longer.
        let mut looking = Vec::new();
        for row in 100..3_000 {
            let key = Key::new(1, &format!("closed-{row}"));
            host.shelf.remember_row(row, key.clone());
            looking.push(host.shelf.lock(&key).await);
            host.shelf.note_closed(key, row, &host.writes);
        }
        drop(looking);
        for row in 5_000..8_000 {
            host.shelf.note_closed(key.clone(), row, &host.writes);
        }
        assert!(host.shelf.closed().len() <= CLOSED_KEPT + 1);
    }
}
