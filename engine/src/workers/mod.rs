//! The workers that are there: what each last said about itself, and whether it is leaving.
//!
//! A worker names itself by an instance key in its polls, heartbeats and when it shuts down.
//! Nothing here is durable or decides about tasks: a restart forgets it, and heartbeats bring it
//! back.

mod query;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ambient::Timestamp;
use temporalio_protos::temporal::api::worker::v1::WorkerHeartbeat;
use tokio_util::sync::CancellationToken;

pub(crate) use query::matches;

use crate::limits;

#[derive(Debug, Default)]
pub(crate) struct Workers {
    known: Mutex<BTreeMap<Name, Worker>>,
}

/// Namespace and instance key.
type Name = (i64, String);

#[derive(Debug)]
struct Worker {
    heartbeat: Option<WorkerHeartbeat>,
    heard_at: Timestamp,
    leaving: CancellationToken,
    polls: Arc<AtomicUsize>,
}

/// A poll of a worker, which ends when its worker leaves.
#[derive(Debug)]
pub(crate) struct WorkerPoll {
    leaving: CancellationToken,
    polls: Arc<AtomicUsize>,
}

impl Workers {
    /// Counts a poll in. Without an instance key nobody can call it off.
    pub(crate) fn poll(&self, namespace: i64, instance_key: &str, now: Timestamp) -> WorkerPoll {
        if instance_key.is_empty() {
            return WorkerPoll {
                leaving: CancellationToken::new(),
                polls: Arc::default(),
            };
        }
        let mut known = self.known();
        let worker = meet(&mut known, namespace, instance_key, now);
        worker.polls.fetch_add(1, Ordering::Relaxed);
        WorkerPoll {
            leaving: worker.leaving.clone(),
            polls: Arc::clone(&worker.polls),
        }
    }

    pub(crate) fn heard(&self, namespace: i64, heartbeat: WorkerHeartbeat, now: Timestamp) {
        let mut known = self.known();
        let worker = meet(&mut known, namespace, &heartbeat.worker_instance_key, now);
        worker.heartbeat = Some(heartbeat);
    }

    /// Ends the worker's polls, and those that were on their way when it left.
    pub(crate) fn leaves(&self, namespace: i64, instance_key: &str, now: Timestamp) {
        if !instance_key.is_empty() {
            let mut known = self.known();
            meet(&mut known, namespace, instance_key, now)
                .leaving
                .cancel();
        }
    }

    pub(crate) fn heartbeat(
        &self,
        namespace: i64,
        instance_key: &str,
        now: Timestamp,
    ) -> Option<WorkerHeartbeat> {
        self.known()
            .get(&(namespace, instance_key.to_owned()))
            .filter(|worker| worker.is_fresh(now))
            .and_then(|worker| worker.heartbeat.clone())
    }

    /// Up to `most` heartbeats that match, in the order of their keys, from after this key on.
    pub(crate) fn heartbeats(
        &self,
        namespace: i64,
        after: &str,
        most: usize,
        now: Timestamp,
        matches: impl Fn(&WorkerHeartbeat) -> bool,
    ) -> Vec<WorkerHeartbeat> {
        let from = Bound::Excluded((namespace, after.to_owned()));
        self.known()
            .range((from, Bound::Unbounded))
            .take_while(|((of, _), _)| *of == namespace)
            .filter(|(_, worker)| worker.is_fresh(now))
            .filter_map(|(_, worker)| worker.heartbeat.as_ref())
            .filter(|heartbeat| matches(heartbeat))
            .take(most)
            .cloned()
            .collect()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Name, Worker>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The worker of this name, noticed now. Past the bound the one unheard for longest is forgotten.
fn meet<'k>(
    known: &'k mut BTreeMap<Name, Worker>,
    namespace: i64,
    instance_key: &str,
    now: Timestamp,
) -> &'k mut Worker {
    let name = (namespace, instance_key.to_owned());
    if known.len() >= limits::WORKERS && !known.contains_key(&name) {
        forget_silent(known, now);
    }
    let worker = known.entry(name).or_insert_with(|| Worker {
        heartbeat: None,
        heard_at: now,
        leaving: CancellationToken::new(),
        polls: Arc::default(),
    });
    worker.heard_at = now;
    worker
}

/// Makes room: whoever is out of date, or else whoever has been silent for longest.
fn forget_silent(known: &mut BTreeMap<Name, Worker>, now: Timestamp) {
    known.retain(|_, worker| worker.is_fresh(now) || worker.is_polling());
    if known.len() < limits::WORKERS {
        return;
    }
    let silent = known
        .iter()
        .min_by_key(|(_, worker)| (worker.is_polling(), worker.heard_at))
        .map(|(name, _)| name.clone());
    if let Some(name) = silent {
        known.remove(&name);
    }
}

impl Worker {
    fn is_fresh(&self, now: Timestamp) -> bool {
        now.since(self.heard_at) < limits::WORKER_MEMORY
    }

    fn is_polling(&self) -> bool {
        self.polls.load(Ordering::Relaxed) > 0
    }
}

impl WorkerPoll {
    /// Whether the worker left before this poll came: it must not make its queues look alive.
    pub(crate) fn is_called_off(&self) -> bool {
        self.leaving.is_cancelled()
    }

    pub(crate) async fn called_off(&self) {
        self.leaving.cancelled().await;
    }
}

impl Drop for WorkerPoll {
    fn drop(&mut self) {
        self.polls.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn heartbeat(key: &str) -> WorkerHeartbeat {
        WorkerHeartbeat {
            worker_instance_key: key.to_owned(),
            ..WorkerHeartbeat::default()
        }
    }

    fn keys(workers: &Workers, after: &str, now: Timestamp) -> Vec<String> {
        workers
            .heartbeats(1, after, 2, now, |_| true)
            .into_iter()
            .map(|heartbeat| heartbeat.worker_instance_key)
            .collect()
    }

    #[test]
    fn are_listed_by_page_and_namespace_while_they_are_heard() {
        let workers = Workers::default();
        for key in ["c", "a", "b"] {
            workers.heard(1, heartbeat(key), at(0));
        }
        workers.heard(2, heartbeat("d"), at(0));
        workers.poll(1, "polls but says nothing", at(0));
        assert_eq!(keys(&workers, "", at(1)), ["a", "b"]);
        assert_eq!(keys(&workers, "b", at(1)), ["c"]);
        workers.heard(1, heartbeat("b"), at(80_000));
        assert_eq!(keys(&workers, "", at(100_000)), ["b"]);
        assert!(workers.heartbeat(1, "a", at(100_000)).is_none());
    }

    #[test]
    fn the_one_unheard_for_longest_makes_room() {
        let workers = Workers::default();
        for number in 0..limits::WORKERS {
            let now = at(i64::try_from(number).unwrap() % 1_000 + 1);
            workers.heard(1, heartbeat(&number.to_string()), now);
        }
        let _poll = workers.poll(1, "0", at(1));
        workers.heard(1, heartbeat("new"), at(2_000));
        assert_eq!(workers.known().len(), limits::WORKERS);
        assert!(workers.heartbeat(1, "0", at(2_000)).is_some());
        assert!(workers.heartbeat(1, "1000", at(2_000)).is_none());
    }
}
