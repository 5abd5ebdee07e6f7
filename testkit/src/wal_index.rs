//! The index of the write-ahead log, which connections share in memory. Each connection has a copy
//! of its own here and hands over what it changed: the crate below knows no shared memory.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlite_vfs::wip::{WalIndex, WalIndexLock};

const REGION: usize = 32_768;
type Region = [u8; REGION];

#[derive(Debug, Default)]
struct Shared {
    regions: BTreeMap<u32, Box<Region>>,
    /// By slot: who holds it, and whether alone.
    locks: BTreeMap<u8, BTreeMap<u64, bool>>,
}

#[derive(Debug, Default)]
pub struct SharedIndex(Mutex<Shared>);

#[derive(Debug)]
pub struct Index {
    shared: Arc<SharedIndex>,
    holder: u64,
    /// What this connection last had in common with the others.
    base: BTreeMap<u32, Box<Region>>,
}

/// Slots of the locks, as SQLite numbers them.
const CHECKPOINT: u8 = 1;
const FIRST_READ_MARK: u8 = 4;

impl Index {
    #[must_use]
    pub const fn new(shared: Arc<SharedIndex>, holder: u64) -> Self {
        Self {
            shared,
            holder,
            base: BTreeMap::new(),
        }
    }
}

impl SharedIndex {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn region(&mut self, region: u32) -> &mut Region {
        self.regions
            .entry(region)
            .or_insert_with(|| Box::new([0; REGION]))
    }

    fn is_free(&self, slot: u8, holder: u64, alone: bool) -> bool {
        let of_slot = self.locks.get(&slot).into_iter().flatten();
        !of_slot
            .filter(|(other, _)| **other != holder)
            .any(|(_, held_alone)| alone || *held_alone)
    }

    /// A checkpoint reads the marks of readers from its copy, so none may move meanwhile.
    fn marks_are_still(&self, slots: &Range<u8>, holder: u64) -> bool {
        let wants_marks = slots.end > FIRST_READ_MARK;
        let held_by_others = |slot: &u8| {
            let of_slot = self.locks.get(slot).into_iter().flatten();
            of_slot
                .filter(|(other, _)| **other != holder)
                .any(|(_, alone)| *alone)
        };
        let checkpointing = held_by_others(&CHECKPOINT);
        let moving = (FIRST_READ_MARK..8).any(|slot| held_by_others(&slot));
        !(wants_marks && checkpointing || slots.contains(&CHECKPOINT) && moving)
    }
}

impl WalIndex for Index {
    fn map(&mut self, region: u32) -> io::Result<Region> {
        let mut shared = self.shared.lock();
        let current = *shared.region(region);
        self.base.insert(region, Box::new(current));
        Ok(current)
    }

    fn lock(&mut self, slots: Range<u8>, wanted: WalIndexLock) -> io::Result<bool> {
        let mut shared = self.shared.lock();
        let alone = wanted == WalIndexLock::Exclusive;
        if wanted == WalIndexLock::None {
            for slot in slots {
                shared.locks.entry(slot).or_default().remove(&self.holder);
            }
            return Ok(true);
        }
        let free = slots
            .clone()
            .all(|slot| shared.is_free(slot, self.holder, alone));
        if !free || alone && !shared.marks_are_still(&slots, self.holder) {
            return Ok(false);
        }
        for slot in slots {
            shared
                .locks
                .entry(slot)
                .or_default()
                .insert(self.holder, alone);
        }
        Ok(true)
    }

    fn delete(self) -> io::Result<()> {
        self.shared.lock().regions.clear();
        Ok(())
    }

    fn pull(&mut self, region: u32, data: &mut Region) -> io::Result<()> {
        let mut shared = self.shared.lock();
        data.copy_from_slice(shared.region(region));
        self.base.insert(region, Box::new(*data));
        Ok(())
    }

    /// Only what this connection changed: another may have changed the rest meanwhile.
    fn push(&mut self, region: u32, data: &Region) -> io::Result<()> {
        let mut shared = self.shared.lock();
        let into = shared.region(region);
        let base = self
            .base
            .entry(region)
            .or_insert_with(|| Box::new([0; REGION]));
        let words = into.chunks_exact_mut(4).zip(data.chunks_exact(4));
        for ((to, from), was) in words.zip(base.chunks_exact_mut(4)) {
            if from != was {
                to.copy_from_slice(from);
                was.copy_from_slice(from);
            }
        }
        Ok(())
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        for holders in self.shared.lock().locks.values_mut() {
            holders.remove(&self.holder);
        }
    }
}
