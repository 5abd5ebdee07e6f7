//! The order in which a queue gives out its items: by level of priority, within a level by turns
//! of the fairness keys according to their weights, within a key first come first served.
//!
//! A key's turns are counted in strides (1,000 divided by its weight); whoever has come least far
//! is next. A key whose line ran empty keeps its count until the others have caught up, so that
//! coming back again and again gains nothing.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::Item;
use super::rank::{LEVELS, Rank};
use crate::limits;

#[derive(Debug, Default)]
pub(super) struct Line {
    levels: [Option<Box<Level>>; LEVELS],
}

/// Where an item stood when it was taken, to be put back there.
#[derive(Debug)]
pub(super) struct Place {
    level: u8,
    key: Arc<str>,
    turn: Turn,
}

/// How far a key has come, and who was there first among equals.
type Turn = (u64, u64);

#[derive(Debug, Default)]
struct Level {
    lanes: BTreeMap<Turn, Lane>,
    turns: HashMap<Arc<str>, Turn>,
    /// How far the key came that was served last: who joins begins there.
    base: u64,
    arrivals: u64,
}

#[derive(Debug)]
struct Lane {
    key: Arc<str>,
    /// By the weight said last.
    stride: u32,
    items: VecDeque<Item>,
}

impl Line {
    pub(super) fn push(&mut self, item: Item, rank: &Rank) {
        let Some(level) = self.levels.get_mut(usize::from(rank.level)) else {
            return;
        };
        let level = level.get_or_insert_default();
        let key = rank.key.as_ref().map_or_else(Arc::default, Arc::clone);
        let lane = level.lane(key, rank.stride);
        lane.stride = rank.stride;
        lane.items.push_back(item);
    }

    pub(super) fn pop(&mut self) -> Option<(Item, Place)> {
        self.levels.iter_mut().zip(0..).find_map(|(slot, level)| {
            let (item, key, turn) = slot.as_mut()?.pop()?;
            Some((item, Place { level, key, turn }))
        })
    }

    /// Back to the front of its key's line, as if it had never been taken.
    pub(super) fn put_back(&mut self, item: Item, place: Place) {
        let Some(level) = self.levels.get_mut(usize::from(place.level)) else {
            return;
        };
        let level = level.get_or_insert_default();
        level.lane(Arc::clone(&place.key), super::rank::USUAL_STRIDE);
        level.put_back(item, &place);
    }

    pub(super) fn is_empty(&self) -> bool {
        let lanes = self
            .levels
            .iter()
            .flatten()
            .flat_map(|it| it.lanes.values());
        lanes.into_iter().all(|lane| lane.items.is_empty())
    }

    pub(super) fn drain(&mut self) -> Vec<(Item, Rank)> {
        let mut all = Vec::new();
        for (slot, level) in self.levels.iter_mut().zip(0..) {
            for lane in slot
                .take()
                .into_iter()
                .flat_map(|it| it.lanes.into_values())
            {
                let rank = Rank {
                    level,
                    key: Some(lane.key).filter(|key| !key.is_empty()),
                    stride: lane.stride,
                };
                all.extend(lane.items.into_iter().map(|item| (item, rank.clone())));
            }
        }
        all
    }
}

impl Level {
    fn lane(&mut self, key: Arc<str>, stride: u32) -> &mut Lane {
        let known = self.turns.get(&key).copied();
        // Too many keys at once share the line of those without one.
        let shared = known.is_none() && self.turns.len() >= limits::FAIRNESS_KEYS;
        let key = if shared { Arc::default() } else { key };
        let turn = known.or_else(|| self.turns.get(&key).copied());
        let turn = turn.unwrap_or_else(|| self.next_turn(self.base));
        self.turns.insert(Arc::clone(&key), turn);
        self.lanes.entry(turn).or_insert_with(|| Lane {
            key,
            stride,
            items: VecDeque::new(),
        })
    }

    fn pop(&mut self) -> Option<(Item, Arc<str>, Turn)> {
        loop {
            let alone = self.lanes.len() == 1;
            let mut first = self.lanes.first_entry()?;
            let turn = *first.key();
            if let Some(item) = first.get_mut().items.pop_front() {
                let key = Arc::clone(&first.get().key);
                self.base = turn.0;
                if !alone {
                    let lane = first.remove();
                    self.move_to(turn.0.saturating_add(lane.stride.into()), lane);
                }
                return Some((item, key, turn));
            }
            if alone {
                // Nobody to be fair to. A long line gives its memory back.
                first.get_mut().items.shrink_to(SMALL);
                return None;
            }
            // The others have caught up with a key that has nothing: it is forgotten.
            self.turns.remove(&first.remove().key);
        }
    }

    fn put_back(&mut self, item: Item, place: &Place) {
        let key = match self.turns.contains_key(&place.key) {
            true => Arc::clone(&place.key),
            false => Arc::default(),
        };
        let Some(turn) = self.turns.get(&key).copied() else {
            return;
        };
        let Some(mut lane) = self.lanes.remove(&turn) else {
            return;
        };
        lane.items.push_front(item);
        let turn = turn.min(place.turn);
        self.turns.insert(key, turn);
        self.lanes.insert(turn, lane);
    }

    fn move_to(&mut self, far: u64, lane: Lane) {
        let turn = self.next_turn(far);
        self.turns.insert(Arc::clone(&lane.key), turn);
        self.lanes.insert(turn, lane);
    }

    fn next_turn(&mut self, far: u64) -> Turn {
        self.arrivals += 1;
        (far, self.arrivals)
    }
}

const SMALL: usize = 16;

#[cfg(test)]
mod tests {
    use temporalio_protos::temporal::api::common::v1::Priority;

    use super::*;

    fn rank(priority_key: i32, key: &str, fairness_weight: f32) -> Rank {
        Rank::of(Some(&Priority {
            priority_key,
            fairness_key: key.to_owned(),
            fairness_weight,
        }))
    }

    fn item(row: i64) -> Item {
        Item::WorkflowTask { row, normal: None }
    }

    fn row(item: &Item) -> i64 {
        match item {
            Item::WorkflowTask { row, .. } => *row,
            _ => 0,
        }
    }

    fn rows(line: &mut Line) -> Vec<i64> {
        std::iter::from_fn(|| line.pop())
            .map(|(it, _)| row(&it))
            .collect()
    }

    #[test]
    fn higher_levels_go_first_and_equals_in_the_order_they_came() {
        let mut line = Line::default();
        for (at, priority) in [5, 3, 1, 0, 3, 1].into_iter().enumerate() {
            let at = i64::try_from(at).unwrap();
            line.push(item(at), &rank(priority, "", 0.0));
        }
        assert!(!line.is_empty());
        assert_eq!(rows(&mut line), [2, 5, 1, 3, 4, 0]);
        assert!(line.is_empty());
    }

    #[test]
    fn keys_take_turns_by_weight_however_long_their_lines() {
        let mut line = Line::default();
        for at in 0..100 {
            line.push(item(at), &rank(0, "many", 1.0));
        }
        for at in 100..109 {
            line.push(item(at), &rank(0, "heavy", 3.0));
        }
        line.push(item(200), &rank(0, "few", 0.0));
        let first: Vec<i64> = rows(&mut line).into_iter().take(13).collect();
        // Within twelve turns: every item of the heavy key, three of the long line, the only one
        // of the third.
        assert_eq!(
            first.iter().filter(|row| (100..109).contains(*row)).count(),
            9
        );
        assert_eq!(first.iter().filter(|row| **row < 100).count(), 3);
        assert_eq!(first.iter().position(|row| *row == 200), Some(2));
    }

    #[test]
    fn a_key_that_comes_back_at_once_does_not_starve_the_others() {
        let mut line = Line::default();
        for at in 0..10 {
            line.push(item(at), &rank(0, "patient", 0.0));
        }
        let mut served = Vec::new();
        for at in 100..110 {
            line.push(item(at), &rank(0, "pushy", 0.0));
            served.push(row(&line.pop().unwrap().0));
        }
        assert_eq!(served.iter().filter(|row| **row < 100).count(), 5);
    }

    #[test]
    fn what_is_put_back_is_next_again() {
        let mut line = Line::default();
        for (at, key) in [(1, "a"), (2, "b"), (3, "a")] {
            line.push(item(at), &rank(2, key, 0.0));
        }
        let (first, place) = line.pop().unwrap();
        let (second, later) = line.pop().unwrap();
        line.put_back(second, later);
        line.put_back(first, place);
        assert_eq!(rows(&mut line), [1, 2, 3]);
    }

    #[test]
    fn more_keys_than_are_kept_apart_lose_nothing() {
        let mut line = Line::default();
        let most = i64::try_from(limits::FAIRNESS_KEYS).unwrap();
        for at in 0..most + 50 {
            line.push(item(at), &rank(0, &format!("key-{at}"), 0.0));
        }
        let level = line.levels[2].as_ref().unwrap();
        assert!(level.turns.len() <= limits::FAIRNESS_KEYS + 1);
        let (taken, place) = line.pop().unwrap();
        line.put_back(taken, place);
        let mut all = rows(&mut line);
        all.sort_unstable();
        assert!(all.into_iter().eq(0..most + 50));
        let level = line.levels[2].as_ref().unwrap();
        assert!(level.turns.len() <= 1, "keys without work are forgotten");
    }

    #[test]
    fn a_waiting_item_is_small() {
        assert!(size_of::<Item>() <= 24);
    }
}
