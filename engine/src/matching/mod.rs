//! Task queues: what is ready meets who asks. Only references are queued; whether a task still
//! stands is decided under its run's lock when it is taken, so a duplicate here is harmless.

mod line;
mod polls;
mod queue;
mod rank;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ambient::Timestamp;

use polls::Polls;
pub(crate) use queue::{Poll, Queue};
pub(crate) use rank::Rank;

use crate::limits;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct QueueKey {
    pub(crate) namespace: i64,
    pub(crate) kind: Kind,
    pub(crate) name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Workflow,
    Activity,
}

/// What waits, by the row of its run. There may be very many: it is kept small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    WorkflowTask {
        row: i64,
        /// Where it goes when its sticky queue dies. `None` in a normal queue, where very many
        /// tasks may wait.
        normal: Option<Arc<String>>,
    },
    Activity {
        row: i64,
        scheduled_id: i64,
        attempt: u32,
    },
    Query {
        id: u64,
        normal: Option<Arc<String>>,
    },
}

impl Item {
    /// The item as it waits in its normal queue, and that queue when it waited elsewhere.
    fn sent_home(self) -> (Self, Option<Arc<String>>) {
        match self {
            Self::WorkflowTask { row, normal } => {
                (Self::WorkflowTask { row, normal: None }, normal)
            }
            Self::Query { id, normal } => (Self::Query { id, normal: None }, normal),
            Self::Activity { .. } => (self, None),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Matching {
    queues: Mutex<HashMap<QueueKey, Arc<Queue>>>,
    polls: Arc<Polls>,
}

/// Names come and go with workers; beyond this many, queues nobody uses are forgotten.
const QUEUES_BEFORE_PRUNING: usize = 1_024;

impl Matching {
    pub(crate) fn offer(&self, key: QueueKey, item: Item, rank: &Rank) {
        self.queue(key).push(item, rank);
    }

    pub(crate) fn queue(&self, key: QueueKey) -> Arc<Queue> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(&key) {
            return Arc::clone(queue);
        }
        if queues.len() >= QUEUES_BEFORE_PRUNING {
            queues.retain(|_, queue| Arc::strong_count(queue) > 1 || !queue.is_unused());
        }
        Arc::clone(queues.entry(key).or_default())
    }

    /// Whether somebody listens on a sticky queue, or did a moment ago.
    pub(crate) fn is_listened_to(&self, key: &QueueKey, now: Timestamp) -> bool {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues
            .get(key)
            .is_some_and(|queue| queue.heard_since(now.before(limits::STICKY_SILENCE)))
    }

    /// Registers a poll, or refuses it when too many wait already.
    pub(crate) fn poll(
        &self,
        key: &QueueKey,
        queue: &Arc<Queue>,
        clock: ambient::SharedClock,
    ) -> Option<Poll> {
        queue.poll(self.polls.enter(key.namespace)?, clock)
    }

    /// A worker leaves: what its sticky queue holds goes to everybody, and nothing new goes there
    /// until somebody polls it again. A normal queue named by mistake stays as it is, with all who
    /// wait on it.
    pub(crate) fn abandon(&self, key: &QueueKey) {
        let left = {
            let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
            queues.get(key).cloned()
        };
        let Some(gone) = left else { return };
        gone.leave();
        for (item, rank) in gone.drain() {
            let (item, normal) = item.sent_home();
            let to = QueueKey {
                name: normal.map_or_else(|| key.name.clone(), |it| String::clone(&it)),
                ..key.clone()
            };
            self.offer(to, item, &rank);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> QueueKey {
        QueueKey {
            namespace: 1,
            kind: Kind::Workflow,
            name: name.to_owned(),
        }
    }

    fn task(row: i64) -> Item {
        Item::WorkflowTask { row, normal: None }
    }

    fn offer(matching: &Matching, name: &str, item: Item) {
        matching.offer(key(name), item, &Rank::default());
    }

    #[tokio::test]
    async fn a_claim_that_is_dropped_goes_back_to_the_front() {
        let matching = Matching::default();
        offer(&matching, "q", task(1));
        offer(&matching, "q", task(2));
        let queue = matching.queue(key("q"));
        let claim = queue.claim().await;
        drop(claim);
        assert_eq!(queue.claim().await.accept(), Some(task(1)));
        assert_eq!(queue.claim().await.accept(), Some(task(2)));
    }

    #[tokio::test]
    async fn a_poller_that_waits_is_woken() {
        let matching = Arc::new(Matching::default());
        let queue = matching.queue(key("q"));
        let poll = tokio::spawn(async move { queue.claim().await.accept() });
        tokio::task::yield_now().await;
        offer(&matching, "q", task(7));
        assert_eq!(poll.await.unwrap(), Some(task(7)));
    }

    #[tokio::test]
    async fn who_waits_on_a_normal_queue_hears_of_tasks_though_it_was_called_abandoned() {
        let matching = Arc::new(Matching::default());
        offer(&matching, "normal", task(1));
        matching.abandon(&key("normal"));
        let queue = matching.queue(key("normal"));
        assert_eq!(queue.claim().await.accept(), Some(task(1)));
        let poll = tokio::spawn(async move { queue.claim().await.accept() });
        tokio::task::yield_now().await;
        matching.abandon(&key("normal"));
        offer(&matching, "normal", task(2));
        assert_eq!(poll.await.unwrap(), Some(task(2)));
    }

    #[tokio::test]
    async fn an_abandoned_sticky_queue_hands_its_tasks_to_everybody() {
        let matching = Matching::default();
        let away = Item::WorkflowTask {
            row: 1,
            normal: Some(Arc::new("normal".to_owned())),
        };
        offer(&matching, "sticky", away);
        let clock: ambient::SharedClock =
            Arc::new(ambient::ManualClock::at(Timestamp::from_seconds(5)));
        let queue = matching.queue(key("sticky"));
        let poll = matching.poll(&key("sticky"), &queue, Arc::clone(&clock));
        matching.abandon(&key("sticky"));
        assert_eq!(
            matching.queue(key("normal")).claim().await.accept(),
            Some(task(1))
        );
        let now = Timestamp::from_seconds(5);
        assert!(!matching.is_listened_to(&key("sticky"), now));
        drop(poll);
        assert!(!matching.is_listened_to(&key("sticky"), now));
        let _again = matching.poll(&key("sticky"), &queue, clock);
        assert!(matching.is_listened_to(&key("sticky"), now));
    }
}
