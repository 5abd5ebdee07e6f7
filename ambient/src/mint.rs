//! Mints 128-bit ids in the UUIDv7 layout: time first, so that id order is creation order.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{EntropyError, SharedClock, fill};

/// Strictly increasing within the process, even when the clock stands still or steps back.
#[derive(Clone, Debug)]
pub struct Mint {
    clock: SharedClock,
    last: Arc<Mutex<u128>>,
}

const VERSION_7: u128 = 0x7 << 76;
const VARIANT: u128 = 0b10 << 62;
const RANDOM_BITS: u128 = (1 << 74) - 1;

impl Mint {
    pub fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            last: Arc::default(),
        }
    }

    pub fn next(&self) -> Result<u128, EntropyError> {
        let random = u128::from_be_bytes(fill::<16>()?) & RANDOM_BITS;
        let millis = u128::try_from(self.clock.now().as_millis()).unwrap_or(0);
        // Without version and variant an id is 122 ordered bits: 48 of time, 74 of randomness.
        let fresh = ((millis & 0xFFFF_FFFF_FFFF) << 74) | random;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // In the same millisecond (or after a step back) continue after the last one, by a random
        // stride: ids stay ordered, and still nobody can guess the next.
        let ordered = if fresh > *last {
            fresh
        } else {
            *last + 1 + (random & 0xFFFF_FFFF)
        };
        *last = ordered;
        Ok(layout(ordered))
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
