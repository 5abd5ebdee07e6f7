//! Who has a schedule in hand, and which schedules wait for the end of which workflow.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::runs::Key;

#[derive(Debug)]
pub(crate) struct Desk {
    last_row: AtomicI64,
    /// One at a time for each schedule. Some share a turn, so that their number is bounded.
    turns: Vec<Arc<tokio::sync::Mutex<()>>>,
    hasher: RandomState,
    watched: Mutex<Watched>,
}

#[derive(Debug, Default)]
struct Watched {
    by_workflow: HashMap<Key, BTreeSet<i64>>,
    by_schedule: HashMap<i64, Vec<Key>>,
}

pub(crate) type Turn = OwnedMutexGuard<()>;

const TURNS: usize = 64;

impl Desk {
    pub(crate) fn new(last_row: i64) -> Self {
        Self {
            last_row: AtomicI64::new(last_row),
            turns: (0..TURNS).map(|_| Arc::default()).collect(),
            hasher: RandomState::new(),
            watched: Mutex::default(),
        }
    }

    pub(super) fn next_row(&self) -> i64 {
        self.last_row.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) async fn turn(&self, namespace: i64, schedule_id: &str) -> Turn {
        let hash = self.hasher.hash_one((namespace, schedule_id));
        let at = usize::try_from(hash % TURNS as u64).unwrap_or(0);
        Arc::clone(&self.turns[at]).lock_owned().await
    }

    /// From now on a schedule waits for the ends of these, and of no others.
    pub(super) fn watch(&self, row: i64, workflows: Vec<Key>) {
        let mut watched = self.watched();
        for key in watched.by_schedule.remove(&row).unwrap_or_default() {
            if let Some(rows) = watched.by_workflow.get_mut(&key) {
                rows.remove(&row);
                if rows.is_empty() {
                    watched.by_workflow.remove(&key);
                }
            }
        }
        for key in &workflows {
            let rows = watched.by_workflow.entry(key.clone()).or_default();
            rows.insert(row);
        }
        if !workflows.is_empty() {
            watched.by_schedule.insert(row, workflows);
        }
    }

    /// The schedules that wait for the end of this workflow.
    pub(crate) fn waiting_for(&self, key: &Key) -> BTreeSet<i64> {
        let watched = self.watched();
        watched.by_workflow.get(key).cloned().unwrap_or_default()
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_watched_no_longer_leaves_nothing_behind() {
        let desk = Desk::new(0);
        let key = |id: &str| Key::new(1, id);
        desk.watch(1, vec![key("a"), key("b")]);
        desk.watch(2, vec![key("a")]);
        assert_eq!(desk.waiting_for(&key("a")), [1, 2].into());
        desk.watch(1, vec![key("b")]);
        assert_eq!(desk.waiting_for(&key("a")), [2].into());
        desk.watch(1, Vec::new());
        desk.watch(2, Vec::new());
        let watched = desk.watched();
        assert!(watched.by_workflow.is_empty() && watched.by_schedule.is_empty());
    }
}
