//! Which runs are in memory. Sharded by workflow id; a slot is dropped only when nobody holds it,
//! everything of it is on disk, and nothing volatile would be lost.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Guard, Slot};
use crate::limits;
use crate::store::writer::WriteQueue;

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
    closed: Mutex<VecDeque<Key>>,
    next_sweep: AtomicUsize,
}

#[derive(Debug, Default)]
struct Shard {
    slots: HashMap<Key, Arc<tokio::sync::Mutex<Slot>>>,
    rows: HashMap<i64, Key>,
}

const SHARDS: usize = 32;
/// Closed runs stay a little, for whoever waits for the result.
const CLOSED_KEPT: usize = 512;

impl Default for Shelf {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            closed: Mutex::default(),
            next_sweep: AtomicUsize::new(0),
        }
    }
}

impl Shelf {
    pub(crate) async fn lock(&self, key: &Key) -> Guard {
        let slot = {
            let mut shard = self.shard(self.of_key(key));
            match shard.slots.get(key) {
                Some(slot) => Arc::clone(slot),
                None => Arc::clone(shard.slots.entry(key.clone()).or_default()),
            }
        };
        slot.lock_owned().await
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

    pub(crate) fn note_closed(&self, key: Key, writes: &WriteQueue) {
        let oldest = {
            let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
            closed.push_back(key);
            if closed.len() <= CLOSED_KEPT {
                return;
            }
            closed.pop_front()
        };
        if let Some(oldest) = oldest
            && !self.evict(&oldest, writes)
        {
            let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
            closed.push_back(oldest);
        }
    }

    /// Keeps memory bounded when very many runs are open: idle ones go, shard by shard.
    pub(crate) fn sweep_if_full(&self, writes: &WriteQueue) {
        let turn = self.next_sweep.fetch_add(1, Ordering::Relaxed) % SHARDS;
        let keys: Vec<Key> = {
            let shard = self.shard(turn);
            if shard.slots.len() <= limits::RUNS_IN_MEMORY / SHARDS {
                return;
            }
            shard.slots.keys().cloned().collect()
        };
        for key in keys {
            self.evict(&key, writes);
        }
    }

    /// Under the shard's lock nobody can take the slot, so a count of one means that nobody has it.
    fn evict(&self, key: &Key, writes: &WriteQueue) -> bool {
        let row = {
            let mut shard = self.shard(self.of_key(key));
            let Some(slot) = shard.slots.get(key) else {
                return true;
            };
            let Some(row) = idle_row(slot, writes) else {
                return false;
            };
            shard.slots.remove(key);
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

/// The row of a slot that may be forgotten; `None` while it may not.
fn idle_row(slot: &Arc<tokio::sync::Mutex<Slot>>, writes: &WriteQueue) -> Option<Option<i64>> {
    if Arc::strong_count(slot) > 1 {
        return None;
    }
    let slot = slot.try_lock().ok()?;
    if !writes.is_durable(slot.position) {
        return None;
    }
    match &slot.live {
        None => Some(None),
        Some(live) if live.may_be_forgotten() => Some(Some(live.row)),
        Some(_) => None,
    }
}
