//! How many notices of a rail are taken in a second. A bank that sends more is told to come back:
//! its statement says the same.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use domain::Timestamp;
use domain::rail::RailId;

/// A little more than a rail's own rate of answers could ever justify.
#[derive(Debug)]
pub(crate) struct NoticeRate {
    per_second: u32,
    seen: Mutex<BTreeMap<RailId, (i64, u32)>>,
}

impl NoticeRate {
    pub(crate) const fn new(per_second: u32) -> Self {
        Self {
            per_second,
            seen: Mutex::new(BTreeMap::new()),
        }
    }

    /// Counted by whole seconds.
    pub(crate) fn may_come(&self, rail: RailId, now: Timestamp) -> bool {
        let second = now.as_micros().div_euclid(1_000_000);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (when, count) = seen.entry(rail).or_insert((second, 0));
        if *when != second {
            (*when, *count) = (second, 0);
        }
        *count = count.saturating_add(1);
        *count <= self.per_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_and_each_rail_has_its_own() {
        let rate = NoticeRate::new(2);
        let at = Timestamp::from_seconds(100);
        let come = |rail, at| rate.may_come(rail, at);
        let bank = RailId::SandboxBank;
        assert_eq!([0; 3].map(|_| come(bank, at)), [true, true, false]);
        assert!(come(RailId::Stripe, at));
        assert!(come(bank, Timestamp::from_seconds(101)));
    }
}
