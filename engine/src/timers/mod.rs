//! One timer service for everything: each run has at most one alarm, the earliest thing due in it.
//!
//! An alarm that rings too early is harmless (the run looks, finds nothing due, sets the next
//! one), so a later deadline never replaces an earlier alarm: most deadlines are timeouts that
//! never strike, and moving them would cost more than the rare idle look.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ambient::{SharedClock, Timestamp};
use tokio::sync::Notify;

#[derive(Debug)]
pub(crate) struct Timers {
    clock: SharedClock,
    alarms: Mutex<Alarms>,
    sooner: Notify,
}

#[derive(Debug, Default)]
struct Alarms {
    by_time: BTreeSet<(Timestamp, i64)>,
    by_row: HashMap<i64, Timestamp>,
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
        let present = alarms.by_row.get(&row).copied();
        match (at, present) {
            (Some(at), Some(present)) if present <= at => {}
            (None, None) => {}
            (at, present) => {
                if let Some(present) = present {
                    alarms.by_time.remove(&(present, row));
                    alarms.by_row.remove(&row);
                }
                if let Some(at) = at {
                    alarms.by_time.insert((at, row));
                    alarms.by_row.insert(row, at);
                    if alarms.by_time.first() == Some(&(at, row)) {
                        self.sooner.notify_one();
                    }
                }
            }
        }
    }

    /// Waits until alarms ring, and takes them: at most `most` at a time.
    pub(crate) async fn ring(&self, most: usize) -> Vec<i64> {
        loop {
            let due = self.take_due(most);
            if !due.is_empty() {
                return due;
            }
            let next = self.alarms().by_time.first().map(|(at, _)| *at);
            let Some(next) = next else {
                self.sooner.notified().await;
                continue;
            };
            tokio::select! {
                () = self.clock.sleep_until(next) => {}
                () = self.sooner.notified() => {}
            }
        }
    }

    fn take_due(&self, most: usize) -> Vec<i64> {
        let now = self.clock.now();
        let mut alarms = self.alarms();
        let mut due = Vec::new();
        while let Some(&(at, row)) = alarms.by_time.first()
            && at <= now
            && due.len() < most
        {
            alarms.by_time.remove(&(at, row));
            alarms.by_row.remove(&row);
            due.push(row);
        }
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
}
