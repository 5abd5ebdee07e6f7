//! Mints 128-bit ids in the UUIDv7 layout: time first, so that id order is creation order.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{EntropyError, SharedClock, fill};

/// Strictly increasing within the process, even when the clock stands still or steps back.
#[derive(Clone, Debug)]
pub struct Mint {
    clock: SharedClock,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    last: u128,
    /// Drawn ahead, because the system's call for many costs hardly more than for one.
    random: Vec<u128>,
}

/// Ids never appear in a debug output before they are given out.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

/// Ids for which randomness is drawn at once.
const DRAWN: usize = 32;

const VERSION_7: u128 = 0x7 << 76;
const VARIANT: u128 = 0b10 << 62;
const RANDOM_BITS: u128 = (1 << 74) - 1;

impl Mint {
    pub fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    pub fn next(&self) -> Result<u128, EntropyError> {
        let millis = u128::try_from(self.clock.now().as_millis()).unwrap_or(0);
        // Without version and variant an id is 122 ordered bits: 48 of time, 74 of randomness.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let random = state.draw()? & RANDOM_BITS;
        let fresh = ((millis & 0xFFFF_FFFF_FFFF) << 74) | random;
        // In the same millisecond (or after a step back) continue after the last one, by a random
        // stride: ids stay ordered, and still nobody can guess the next.
        let ordered = if fresh > state.last {
            fresh
        } else {
            state.last + 1 + (random & 0xFFFF_FFFF)
        };
        state.last = ordered;
        Ok(layout(ordered))
    }
}

impl State {
    /// Each draw is used once.
    fn draw(&mut self) -> Result<u128, EntropyError> {
        loop {
            if let Some(drawn) = self.random.pop() {
                return Ok(drawn);
            }
            let bytes = fill::<{ DRAWN * size_of::<u128>() }>()?;
            let (draws, _) = bytes.as_chunks();
            self.random
                .extend(draws.iter().copied().map(u128::from_be_bytes));
        }
    }
}

/// Spreads 122 ordered bits over the UUIDv7 layout, keeping their order.
fn layout(ordered: u128) -> u128 {
    let time = ordered >> 74;
    let high = (ordered >> 62) & 0xFFF;
    let low = ordered & ((1 << 62) - 1);
    (time << 80) | VERSION_7 | (high << 64) | VARIANT | low
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ManualClock, Timestamp};

    #[test]
    fn ids_increase_when_the_clock_stands_still_and_when_it_steps_back() {
        let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
        let mint = Mint::new(Arc::new(clock.clone()));
        let mut before = mint.next().unwrap();
        for round in 0..1_000 {
            if round == 500 {
                clock.set(Timestamp::from_seconds(1_700_000_000));
            }
            let next = mint.next().unwrap();
            assert!(next > before);
            before = next;
        }
    }

    #[test]
    fn carries_its_time_version_and_variant() {
        let clock = ManualClock::at(Timestamp::from_micros(1_800_000_000_123_456));
        let id = Mint::new(Arc::new(clock)).next().unwrap();
        assert_eq!(id >> 80, 1_800_000_000_123);
        assert_eq!((id >> 76) & 0xF, 7);
        assert_eq!((id >> 62) & 0b11, 0b10);
    }

    proptest! {
        #[test]
        fn layout_keeps_order(a in 0_u128..1 << 122, b in 0_u128..1 << 122) {
            prop_assert_eq!(a.cmp(&b), layout(a).cmp(&layout(b)));
        }
    }
}
