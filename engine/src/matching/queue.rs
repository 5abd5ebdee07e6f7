//! One queue: a line of items in the order of their ranks, a line of pollers, first come first
//! served.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ambient::Timestamp;
use tokio::sync::Notify;

use super::line::{Line, Place};
use super::polls::Counted;
use super::{Item, Rank};
use crate::limits;

#[derive(Debug, Default)]
pub(crate) struct Queue {
    items: Mutex<Line>,
    arrived: Notify,
    polls: AtomicUsize,
    /// When a poll last ended, in microseconds.
    heard_at: AtomicI64,
    /// Its worker left, and nobody has polled since.
    left: AtomicBool,
}

/// An item taken from its queue. Dropped without being accepted (the poller went away), it goes
/// back to where it stood.
#[derive(Debug)]
pub(crate) struct Claim {
    queue: Arc<Queue>,
    item: Option<(Item, Place)>,
}

/// One waiting poll; counted for the bound and for telling a live sticky queue from a dead one.
#[derive(Debug)]
pub(crate) struct Poll {
    queue: Arc<Queue>,
    clock: ambient::SharedClock,
    _counted: Counted,
}

impl Queue {
    pub(super) fn push(&self, item: Item, rank: &Rank) {
        self.items().push(item, rank);
        self.arrived.notify_one();
    }

    /// Registers a poll, or refuses it when too many wait already.
    pub(super) fn poll(
        self: &Arc<Self>,
        counted: Counted,
        clock: ambient::SharedClock,
    ) -> Option<Poll> {
        if self.polls.fetch_add(1, Ordering::Relaxed) >= limits::WAITING_POLLS {
            self.polls.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        self.left.store(false, Ordering::Relaxed);
        Some(Poll {
            queue: Arc::clone(self),
            clock,
            _counted: counted,
        })
    }

    /// Waits for an item.
    pub(crate) async fn claim(self: &Arc<Self>) -> Claim {
        loop {
            let arrived = self.arrived.notified();
            tokio::pin!(arrived);
            // In line before looking, so that an item arriving in between is not missed.
            arrived.as_mut().enable();
            if let Some(item) = self.items().pop() {
                return Claim {
                    queue: Arc::clone(self),
                    item: Some(item),
                };
            }
            arrived.await;
        }
    }

    pub(super) fn heard_since(&self, then: Timestamp) -> bool {
        let is_heard = self.polls.load(Ordering::Relaxed) > 0
            || self.heard_at.load(Ordering::Relaxed) > then.as_micros();
        is_heard && !self.left.load(Ordering::Relaxed)
    }

    pub(super) fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_unused(&self) -> bool {
        self.polls.load(Ordering::Relaxed) == 0 && self.items().is_empty()
    }

    pub(super) fn drain(&self) -> Vec<(Item, Rank)> {
        self.items().drain()
    }

    fn items(&self) -> MutexGuard<'_, Line> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    pub(crate) fn item(&self) -> Option<&Item> {
        self.item.as_ref().map(|(item, _)| item)
    }

    /// The item is dealt with: handed out, or found to be over.
    pub(crate) fn accept(mut self) -> Option<Item> {
        self.item.take().map(|(item, _)| item)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some((item, place)) = self.item.take() {
            self.queue.items().put_back(item, place);
            self.queue.arrived.notify_one();
        }
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        let now = self.clock.now();
        self.queue
            .heard_at
            .fetch_max(now.as_micros(), Ordering::Relaxed);
        self.queue.polls.fetch_sub(1, Ordering::Relaxed);
    }
}
