//! The script of a walk: lines per transfer, and what was asked of banks.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{Step, TransferId};
use tokio_util::sync::CancellationToken;

use crate::world::{Call, Luck, Script, What};

/// One call and what it meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) step: Step,
    pub(super) undo: bool,
    pub(super) what: What,
    pub(super) nth: u32,
    pub(super) luck: Luck,
}

#[derive(Debug, Default)]
pub(super) struct Notes {
    written: Mutex<HashMap<TransferId, Vec<Line>>>,
    heard: Mutex<Vec<Call>>,
    /// The door of the worker that lives now.
    door: Mutex<CancellationToken>,
}

impl Notes {
    pub(super) fn write(&self, transfer: TransferId, lines: Vec<Line>) {
        lock(&self.written).insert(transfer, lines);
    }

    /// What the transfer asked of banks, in order, each step once.
    pub(super) fn steps(&self, transfer: TransferId) -> Vec<(Step, bool)> {
        let heard = lock(&self.heard);
        let of_it = heard.iter().filter(|call| call.key.transfer == transfer);
        let orders = of_it.filter(|call| call.what == What::Order);
        let mut seen = BTreeSet::new();
        let steps = orders.map(|call| (call.key.step, call.key.undo));
        steps.filter(|step| seen.insert(*step)).collect()
    }

    /// Whoever dies from now on dies behind this door.
    pub(super) fn behind(&self, door: CancellationToken) {
        *lock(&self.door) = door;
    }
}

impl Script for Notes {
    fn luck(&self, call: Call) -> Luck {
        lock(&self.heard).push(call);
        let written = lock(&self.written);
        let lines = written.get(&call.key.transfer).into_iter().flatten();
        let asked = (call.key.step, call.key.undo, call.what, call.nth);
        let mut of_it = lines.filter(|line| (line.step, line.undo, line.what, line.nth) == asked);
        of_it.next().map_or(Luck::Fair, |line| line.luck)
    }

    fn died(&self) {
        lock(&self.door).cancel();
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
