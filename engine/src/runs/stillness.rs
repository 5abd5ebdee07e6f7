//! Whether anything runs: a command being applied, a task that waits for a worker or is with one,
//! an activity likewise, an errand to another run, a query. Polls that wait are not among them. An
//! engine for tests lets time jump only while nothing does; any other one counts nothing.
//!
//! Locking a slot counts by itself. Whoever does something for a run between two locks takes a
//! [`Stillness::hand`] for it. What a worker was handed may itself wait for nothing but time: as
//! long as it says so ([`Stillness::idle`]), it does not count.

use std::collections::{BTreeMap, HashMap};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ambient::Timestamp;
use tokio::sync::{Notify, OwnedMutexGuard};

use super::{Key, Slot};
use crate::core::Run;
use crate::core::activity::AttemptState;

#[derive(Debug, Default)]
pub(crate) struct Stillness {
    watched: bool,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// What is being done right now.
    hands: usize,
    /// By workflow id: how many things a worker has to do with it.
    busy: HashMap<Key, usize>,
    /// All of them together.
    at_work: usize,
    /// How many of them only wait for time to pass.
    idle: usize,
    /// Where many workflows are simulated: how much further than to the next moment time jumps.
    stride: Option<Duration>,
    /// Time does not jump while this is more than none.
    locks: usize,
    /// Who waits for a moment without being a run.
    sleepers: BTreeMap<(Timestamp, u64), ()>,
    last_sleeper: u64,
}

/// Something is being done until this is dropped.
#[derive(Debug)]
pub(crate) struct Hand(Option<Arc<Stillness>>);

#[derive(Debug)]
pub(crate) struct Sleeper {
    stillness: Arc<Stillness>,
    place: (Timestamp, u64),
}

/// Something that a worker was handed only waits for time to pass until this is dropped.
#[derive(Debug)]
pub(crate) struct Idle(Arc<Stillness>);

/// A locked slot. While somebody holds one, something runs.
#[derive(Debug)]
pub(crate) struct Guard {
    slot: OwnedMutexGuard<Slot>,
    watch: Option<(Key, Hand)>,
}

impl Stillness {
    pub(crate) fn watched() -> Arc<Self> {
        Arc::new(Self {
            watched: true,
            ..Self::default()
        })
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watched
    }

    pub(crate) fn hand(self: &Arc<Self>) -> Hand {
        if !self.watched {
            return Hand(None);
        }
        self.state().hands += 1;
        Hand(Some(Arc::clone(self)))
    }

    /// Runs this while nothing else does and nothing can begin; it is told when the next sleeper
    /// wants to be woken, and the stride. Not at all when something runs.
    pub(crate) fn if_still(&self, then: impl FnOnce(Option<Timestamp>, Duration)) {
        let state = self.state();
        if state.hands == 0 && state.at_work <= state.idle && state.locks == 0 {
            let next = state.sleepers.keys().next().map(|(at, _)| *at);
            then(next, state.stride.unwrap_or_default());
        }
    }

    pub(crate) fn idle(self: &Arc<Self>) -> Idle {
        self.state().idle += 1;
        self.stir();
        Idle(Arc::clone(self))
    }

    pub(crate) fn set_stride(&self, stride: Duration) {
        self.state().stride = Some(stride);
    }

    /// Resolves when it is worth looking again.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(crate) fn stir(&self) {
        if self.watched {
            self.changed.notify_one();
        }
    }

    pub(crate) fn lock(&self) {
        self.state().locks += 1;
    }

    /// Whether there was a lock to take away.
    pub(crate) fn unlock(&self) -> bool {
        let unlocked = {
            let mut state = self.state();
            let less = state.locks.checked_sub(1);
            state.locks = less.unwrap_or(0);
            less.is_some()
        };
        self.stir();
        unlocked
    }

    pub(crate) fn sleeper(self: &Arc<Self>, until: Timestamp) -> Sleeper {
        let place = {
            let mut state = self.state();
            state.last_sleeper += 1;
            let place = (until, state.last_sleeper);
            state.sleepers.insert(place, ());
            place
        };
        self.stir();
        Sleeper {
            stillness: Arc::clone(self),
            place,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guard {
    /// The hand was raised before the slot was waited for.
    pub(super) fn new(slot: OwnedMutexGuard<Slot>, key: &Key, hand: Hand) -> Self {
        let watch = hand.0.is_some().then(|| (key.clone(), hand));
        Self { slot, watch }
    }
}

impl Deref for Guard {
    type Target = Slot;

    fn deref(&self) -> &Slot {
        &self.slot
    }
}

impl DerefMut for Guard {
    fn deref_mut(&mut self) -> &mut Slot {
        &mut self.slot
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Only a bug panics here: nobody awaits anything with a run in hand. What is on disk is
        // sound; what is in memory is not to be added to it.
        self.slot.broken |= self.slot.live.is_some() && std::thread::panicking();
        let Some((key, hand)) = self.watch.take() else {
            return;
        };
        if let Some(stillness) = &hand.0 {
            let mut state = stillness.state();
            let runs = self.slot.live.iter().chain(&self.slot.leaving);
            let busy = runs.map(|live| work(&live.run, state.stride.is_none()));
            let busy: usize = busy.sum();
            let before = match busy {
                0 => state.busy.remove(&key),
                busy => state.busy.insert(key, busy),
            };
            state.at_work = state.at_work + busy - before.unwrap_or(0);
        }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        if let Some(stillness) = self.0.take() {
            stillness.state().hands -= 1;
            stillness.stir();
        }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.stillness.state().sleepers.remove(&self.place);
        self.stillness.stir();
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.0.state().idle -= 1;
    }
}

/// How many things a worker has to do with a run, or will have as soon as it asks: an activity in
/// its queue counts where `offered` ones do. A timer, a back-off and a delay only wait, and so does
/// an errand that is to be tried again; one under way has a hand of its own.
fn work(run: &Run, offered: bool) -> usize {
    if !run.is_open() {
        return 0;
    }
    let counts = |state: &AttemptState| match state {
        AttemptState::BackingOff => false,
        AttemptState::Offered => offered,
        AttemptState::Started(_) => true,
    };
    let activities = run.activities.values().filter(|it| counts(&it.state));
    usize::from(run.task.is_some() || !run.buffered.is_empty()) + activities.count()
}
