//! One timer service for everything: each run has at most one alarm, the earliest thing due in it.
//!
//! An alarm that rings too early is harmless (the run looks, finds nothing due, sets the next
//! one), so a later deadline never replaces an earlier alarm: most deadlines are timeouts that
//! never strike, and moving them would cost more than the rare idle look.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ambient::{SharedClock, Timestamp};
use tokio::sync::Notify;

#[derive(Debug)]
pub(crate) struct Timers {
    clock: SharedClock,
    alarms: Mutex<Alarms>,
    sooner: Notify,
}

/// Two flat tables, because a million runs may have an alarm each.
#[derive(Debug, Default)]
struct Alarms {
    /// The earliest first. What `by_row` does not know (any more) is passed over.
    by_time: BinaryHeap<Reverse<(Timestamp, i64)>>,
    by_row: HashMap<i64, Timestamp>,
    /// Some were taken, and what they rang for is not done yet.
    ringing: bool,
}

/// Alarms that were moved or taken back, beyond which they are cleared away.
const STALE: usize = 1_024;

impl Alarms {
    fn put(&mut self, row: i64, at: Timestamp) {
        self.by_time.push(Reverse((at, row)));
        self.by_row.insert(row, at);
        if self.by_time.len() > 2 * self.by_row.len() + STALE {
            let standing = self.by_row.iter().map(|(row, at)| Reverse((*at, *row)));
            self.by_time = standing.collect();
        }
    }

    /// The earliest alarm that stands.
    fn first(&mut self) -> Option<(Timestamp, i64)> {
        while let Some(&Reverse((at, row))) = self.by_time.peek() {
            if self.by_row.get(&row) == Some(&at) {
                return Some((at, row));
            }
            self.by_time.pop();
        }
        None
    }
}

impl Timers {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            alarms: Mutex::default(),
            sooner: Notify::new(),
        }
    }

    pub(crate) fn set(&self, row: i64, at: Option<Timestamp>) {
        let mut alarms = self.alarms();
        let Some(at) = at else {
            alarms.by_row.remove(&row);
            return;
        };
        if alarms
            .by_row
            .get(&row)
            .is_some_and(|present| *present <= at)
        {
            return;
        }
        alarms.put(row, at);
        if alarms.first() == Some((at, row)) {
            self.sooner.notify_one();
        }
    }

    /// Waits until alarms ring, and takes them: at most `most` at a time.
    pub(crate) async fn ring(&self, most: usize) -> Vec<i64> {
        loop {
            let due = self.take_due(most);
            if !due.is_empty() {
                return due;
            }
            let next = self.alarms().first();
            let Some((next, _)) = next else {
                self.sooner.notified().await;
                continue;
            };
            tokio::select! {
                () = self.clock.sleep_until(next) => {}
                () = self.sooner.notified() => {}
            }
        }
    }

    /// What was taken is done.
    pub(crate) fn rung(&self) {
        self.alarms().ringing = false;
    }

    /// The next alarm, if there is one. Nothing is said while what rang before is still to be done.
    pub(crate) fn next_unless_ringing(&self) -> Option<Option<Timestamp>> {
        let mut alarms = self.alarms();
        (!alarms.ringing).then(|| alarms.first().map(|(at, _)| at))
    }

    fn take_due(&self, most: usize) -> Vec<i64> {
        let now = self.clock.now();
        let mut alarms = self.alarms();
        let mut due = Vec::new();
        while due.len() < most
            && let Some((at, row)) = alarms.first()
            && at <= now
        {
            alarms.by_time.pop();
            alarms.by_row.remove(&row);
            due.push(row);
        }
        alarms.ringing = !due.is_empty();
        due
    }

    fn alarms(&self) -> MutexGuard<'_, Alarms> {
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use ambient::ManualClock;

    use super::*;

    #[tokio::test]
    async fn rings_in_order_when_time_comes() {
        let clock = ManualClock::at(Timestamp::from_seconds(100));
        let timers = Arc::new(Timers::new(Arc::new(clock.clone())));
        timers.set(1, Some(Timestamp::from_seconds(130)));
        timers.set(2, Some(Timestamp::from_seconds(120)));
        timers.set(3, Some(Timestamp::from_seconds(110)));
        timers.set(3, None);
        // Later than its alarm: the alarm stays, and the run will look in vain once.
        timers.set(2, Some(Timestamp::from_seconds(500)));
        let ringing = Arc::clone(&timers);
        let bell = tokio::spawn(async move { ringing.ring(10).await });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(25));
        assert_eq!(bell.await.unwrap(), [2]);
        clock.advance(Duration::from_secs(25));
        assert_eq!(timers.ring(10).await, [1]);
    }

    #[test]
    fn alarms_that_move_and_go_leave_nothing_behind() {
        let clock = ManualClock::at(Timestamp::from_seconds(100));
        let timers = Timers::new(Arc::new(clock));
        for round in 0..10_000 {
            timers.set(7, Some(Timestamp::from_seconds(200_000 - round)));
            timers.set(round, Some(Timestamp::from_seconds(300)));
            timers.set(round, None);
        }
        assert!(timers.alarms().by_time.len() <= STALE + 2);
        assert!(timers.alarms().by_row.len() <= 1);
    }
}
