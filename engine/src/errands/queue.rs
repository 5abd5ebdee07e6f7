//! Which runs have errands: each at most once in line, and with one performer at a time, so that
//! the errands of a run are done in order. The line is only a reminder; what is to be done is the
//! run's own durable state.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ambient::{SharedClock, Timestamp};
use tokio::sync::Notify;

use crate::runs::{Hand, Sleeper, Stillness};

#[derive(Debug)]
pub(crate) struct Queue {
    stillness: Arc<Stillness>,
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct State {
    line: VecDeque<i64>,
    later: BTreeSet<(Timestamp, i64)>,
    known: HashMap<i64, (Place, Watch)>,
}

/// Keeps the clock of an engine for tests from jumping over an errand.
#[derive(Debug)]
enum Watch {
    Under { _way: Hand },
    Later { _at: Option<Sleeper> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    InLine,
    Later(Timestamp),
    /// With a performer.
    Busy,
    /// With a performer that may have looked before the latest errand came.
    BusyAgain,
}

impl Queue {
    pub(crate) fn new(stillness: Arc<Stillness>) -> Self {
        Self {
            stillness,
            state: Mutex::default(),
            wake: Notify::new(),
        }
    }

    pub(crate) fn push(&self, row: i64) {
        let mut state = self.lock();
        match state.known.get_mut(&row) {
            None => state.enter(row, self.under_way()),
            Some((place @ Place::Busy, _)) => *place = Place::BusyAgain,
            // What came now may go where nothing is in the way.
            Some((Place::Later(at), _)) => {
                let at = *at;
                state.later.remove(&(at, row));
                state.enter(row, self.under_way());
            }
            Some(_) => {}
        }
        drop(state);
        self.wake.notify_one();
    }

    /// The next run that somebody has to go for, who then has it alone.
    pub(crate) async fn next(&self, clock: &SharedClock) -> i64 {
        loop {
            let first = {
                let mut state = self.lock();
                self.bring_forward(&mut state, clock.now());
                if let Some(row) = state.line.pop_front() {
                    state.known.insert(row, (Place::Busy, self.under_way()));
                    return row;
                }
                state.later.first().map(|(at, _)| *at)
            };
            tokio::select! {
                () = self.wake.notified() => {}
                () = sleep_until(clock, first) => {}
            }
        }
    }

    /// The performer looks at the run anew: what came before is in what it sees.
    pub(crate) fn look(&self, row: i64) {
        if let Some((place, _)) = self.lock().known.get_mut(&row) {
            *place = Place::Busy;
        }
    }

    /// The performer is through.
    pub(crate) fn done(&self, row: i64) {
        let mut state = self.lock();
        if let Some((Place::BusyAgain, watch)) = state.known.remove(&row) {
            state.enter(row, watch);
            self.wake.notify_one();
        }
    }

    /// The performer could not: somebody tries again then.
    pub(crate) fn again_at(&self, row: i64, at: Timestamp) {
        let mut state = self.lock();
        if let Some((Place::BusyAgain, _)) = state.known.get(&row) {
            state.enter(row, self.under_way());
            self.wake.notify_one();
            return;
        }
        let watched = self.stillness.is_watched();
        let _at = watched.then(|| self.stillness.sleeper(at));
        state
            .known
            .insert(row, (Place::Later(at), Watch::Later { _at }));
        state.later.insert((at, row));
        self.wake.notify_one();
    }

    /// No errand is under way or waits.
    #[cfg(test)]
    pub(crate) fn is_idle(&self) -> bool {
        self.lock().known.is_empty()
    }

    fn under_way(&self) -> Watch {
        let _way = self.stillness.hand();
        Watch::Under { _way }
    }

    fn bring_forward(&self, state: &mut State, now: Timestamp) {
        while let Some((at, row)) = state.later.first().copied() {
            if at > now {
                return;
            }
            state.later.remove(&(at, row));
            state.enter(row, self.under_way());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enter(&mut self, row: i64, watch: Watch) {
        self.known.insert(row, (Place::InLine, watch));
        self.line.push_back(row);
    }
}

async fn sleep_until(clock: &SharedClock, at: Option<Timestamp>) {
    match at {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ambient::ManualClock;

    use super::*;

    #[tokio::test]
    async fn a_run_has_one_performer_and_what_comes_meanwhile_is_not_lost() {
        let manual = ManualClock::at(Timestamp::from_seconds(1_000));
        let clock: SharedClock = Arc::new(manual.clone());
        let queue = Queue::new(Arc::default());
        queue.push(1);
        queue.push(1);
        assert_eq!(queue.next(&clock).await, 1);
        queue.push(1);
        assert!(queue.lock().line.is_empty());
        queue.done(1);
        assert_eq!(queue.next(&clock).await, 1);
        // Seen with the look: no second round for it.
        queue.push(1);
        queue.look(1);
        queue.done(1);
        assert!(queue.is_idle());
    }

    #[tokio::test]
    async fn a_failed_round_is_repeated_when_its_time_has_come() {
        let manual = ManualClock::at(Timestamp::from_seconds(1_000));
        let clock: SharedClock = Arc::new(manual.clone());
        let queue = Queue::new(Arc::default());
        queue.push(1);
        queue.next(&clock).await;
        queue.again_at(1, Timestamp::from_seconds(1_001));
        queue.push(2);
        assert_eq!(queue.next(&clock).await, 2);
        manual.advance(Duration::from_secs(1));
        assert_eq!(queue.next(&clock).await, 1);
    }

    #[tokio::test]
    async fn what_comes_while_an_errand_waits_does_not_wait_with_it() {
        let manual = ManualClock::at(Timestamp::from_seconds(1_000));
        let clock: SharedClock = Arc::new(manual.clone());
        let queue = Queue::new(Arc::default());
        queue.push(1);
        queue.next(&clock).await;
        queue.again_at(1, Timestamp::from_seconds(1_060));
        queue.push(1);
        assert_eq!(queue.next(&clock).await, 1);
        // The same while the performer is at it.
        queue.push(1);
        queue.again_at(1, Timestamp::from_seconds(1_060));
        assert_eq!(queue.next(&clock).await, 1);
        queue.done(1);
        assert!(queue.is_idle());
        assert!(queue.lock().later.is_empty());
    }
}
