//! How many polls wait in the whole engine. A queue's own bound does not hold them down: whoever
//! polls names the queue, and may name any number of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits;

#[derive(Debug)]
pub(crate) struct Polls {
    waiting: Mutex<Waiting>,
    most_of_namespace: usize,
    most: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    all: usize,
    by_namespace: HashMap<i64, usize>,
}

/// A poll that is counted for as long as this is kept.
#[derive(Debug)]
pub(super) struct Counted {
    polls: Arc<Polls>,
    namespace: i64,
}

impl Default for Polls {
    fn default() -> Self {
        Self::up_to(
            limits::WAITING_POLLS_OF_NAMESPACE,
            limits::WAITING_POLLS_IN_ALL,
        )
    }
}

impl Polls {
    fn up_to(most_of_namespace: usize, most: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            most_of_namespace,
            most,
        }
    }

    pub(super) fn enter(self: &Arc<Self>, namespace: i64) -> Option<Counted> {
        let mut waiting = self.waiting();
        if waiting.all >= self.most {
            return None;
        }
        let own = waiting.by_namespace.entry(namespace).or_default();
        if *own >= self.most_of_namespace {
            return None;
        }
        *own += 1;
        waiting.all += 1;
        Some(Counted {
            polls: Arc::clone(self),
            namespace,
        })
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut waiting = self.polls.waiting();
        waiting.all -= 1;
        if let Some(own) = waiting.by_namespace.get_mut(&self.namespace) {
            *own -= 1;
            if *own == 0 {
                waiting.by_namespace.remove(&self.namespace);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_namespace_leaves_room_for_others_and_all_together_have_an_end() {
        let polls = Arc::new(Polls::up_to(2, 3));
        let enter = |namespace| polls.enter(namespace);
        let (first, second) = (enter(1).unwrap(), enter(1).unwrap());
        assert!(enter(1).is_none());
        let other = enter(2).unwrap();
        assert!(enter(2).is_none());
        drop((first, other));
        assert!(enter(1).is_some());
        drop(second);
        let waiting = polls.waiting();
        assert!(waiting.all == 0 && waiting.by_namespace.is_empty());
    }
}
