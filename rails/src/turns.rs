//! Permits of one rail, given to partners in turn: the next one goes to the partner that has the
//! fewest in use for its weight. A partner that asks a hundred times as often has a longer line of
//! its own and nobody else's. No clock, no lock.

use std::collections::{BTreeMap, VecDeque};

use domain::PartnerId;

/// What one partner holds and waits for.
#[derive(Debug)]
struct Line<T> {
    in_use: u32,
    /// Grows with every permit, by less for a heavier partner: the smallest is served next.
    served: u64,
    waiting: VecDeque<T>,
}

/// `T` is whoever waits.
#[derive(Debug)]
pub(crate) struct Turns<T> {
    permits: u32,
    in_use: u32,
    /// Where the partner that was served last stands: who comes new begins there, not at zero.
    round: u64,
    lines: BTreeMap<PartnerId, Line<T>>,
}

/// One permit of a partner of weight 1.
const STRIDE: u64 = 1_000;

impl<T> Turns<T> {
    pub(crate) const fn new(permits: u32) -> Self {
        Self {
            permits,
            in_use: 0,
            round: 0,
            lines: BTreeMap::new(),
        }
    }

    /// What is given back beyond a smaller number is not given out again.
    pub(crate) const fn set_permits(&mut self, permits: u32) {
        self.permits = permits;
    }

    pub(crate) fn wait(&mut self, partner: PartnerId, who: T) {
        let round = self.round;
        let line = self.lines.entry(partner).or_insert_with(|| Line {
            in_use: 0,
            served: round,
            waiting: VecDeque::new(),
        });
        if line.waiting.is_empty() {
            // Nobody saves up turns by staying away.
            line.served = line.served.max(round);
        }
        line.waiting.push_back(who);
    }

    /// The next who may go, if a permit is free. `weight` says how much a partner counts for.
    pub(crate) fn next(&mut self, weight: impl Fn(PartnerId) -> u32) -> Option<(PartnerId, T)> {
        if self.in_use >= self.permits {
            return None;
        }
        let share = |partner: &PartnerId, line: &Line<T>| {
            let weight = u64::from(weight(*partner).max(1));
            (u64::from(line.in_use) * STRIDE / weight, line.served)
        };
        let waiting = self
            .lines
            .iter()
            .filter(|(_, line)| !line.waiting.is_empty());
        let (partner, _) = waiting
            .map(|(partner, line)| (*partner, share(partner, line)))
            .min_by_key(|(partner, share)| (*share, *partner))?;
        let line = self.lines.get_mut(&partner)?;
        let who = line.waiting.pop_front()?;
        line.in_use += 1;
        self.in_use += 1;
        self.round = line.served;
        line.served += STRIDE / u64::from(weight(partner).max(1));
        Some((partner, who))
    }

    pub(crate) fn give_back(&mut self, partner: PartnerId) {
        self.in_use = self.in_use.saturating_sub(1);
        if let Some(line) = self.lines.get_mut(&partner) {
            line.in_use = line.in_use.saturating_sub(1);
            // Forgotten once it is idle, so that partners of long ago take no room.
            if line.in_use == 0 && line.waiting.is_empty() {
                self.lines.remove(&partner);
            }
        }
    }

    /// Whoever no longer waits leaves the line.
    pub(crate) fn retain(&mut self, still_waits: impl Fn(&T) -> bool) {
        for line in self.lines.values_mut() {
            line.waiting.retain(&still_waits);
        }
        self.lines
            .retain(|_, line| line.in_use > 0 || !line.waiting.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partner(number: u128) -> PartnerId {
        PartnerId::from_bits(number)
    }

    /// One asks a hundred times as often, ten others a little: how many rounds of the rail pass
    /// until each of the ten had its ten calls.
    #[test]
    fn a_flood_slows_nobody_else() {
        let (flood, others) = (partner(1), 2..12_u128);
        let rounds_of_the_others = |flooded: bool| {
            let mut turns = Turns::new(8);
            if flooded {
                (0..10_000).for_each(|_| turns.wait(flood, ()));
            }
            for other in others.clone() {
                (0..10).for_each(|_| turns.wait(partner(other), ()));
            }
            let (mut done, mut rounds) = (0, 0);
            while done < 100 {
                rounds += 1;
                let mut running = Vec::new();
                while let Some((partner, ())) = turns.next(|_| 1) {
                    running.push(partner);
                }
                assert!(running.len() <= 8);
                for partner in running {
                    done += u32::from(partner != flood);
                    turns.give_back(partner);
                }
            }
            rounds
        };
        let (alone, beside) = (rounds_of_the_others(false), rounds_of_the_others(true));
        // The flood is one partner among eleven, so it may cost the others an eleventh.
        assert_eq!((alone, beside), (13, 14));
    }

    #[test]
    fn a_heavier_partner_has_as_much_more_and_an_idle_one_saves_nothing_up() {
        let (light, heavy) = (partner(1), partner(2));
        let weight = |who| if who == heavy { 3 } else { 1 };
        let mut turns = Turns::new(8);
        (0..100).for_each(|_| turns.wait(light, ()));
        for _ in 0..50 {
            while turns.next(weight).is_some() {}
            (0..8).for_each(|_| turns.give_back(light));
        }
        (0..100).for_each(|_| turns.wait(light, ()));
        (0..100).for_each(|_| turns.wait(heavy, ()));
        let mut given = BTreeMap::new();
        while let Some((partner, ())) = turns.next(weight) {
            *given.entry(partner).or_insert(0) += 1;
        }
        assert_eq!(given, BTreeMap::from([(light, 2), (heavy, 6)]));
    }

    #[test]
    fn fewer_permits_are_reached_as_they_come_back() {
        let mut turns = Turns::new(4);
        (0..9).for_each(|_| turns.wait(partner(1), ()));
        while turns.next(|_| 1).is_some() {}
        turns.set_permits(2);
        for _ in 0..2 {
            turns.give_back(partner(1));
            assert!(turns.next(|_| 1).is_none());
        }
        turns.give_back(partner(1));
        assert!(turns.next(|_| 1).is_some());
    }
}
