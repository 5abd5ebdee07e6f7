//! What may be left on the disk after the power failed: everything synced; and of what came to a
//! file after its last sync, anything, in any order, sector by sector.

use super::both::chance::Chance;
use super::disk::{FileBytes, Op, apply};

const SECTOR: usize = 512;

/// The disk as the operations go by.
#[derive(Debug, Default)]
pub(crate) struct Platter {
    synced: FileBytes,
    /// By no means on the disk yet, in the order it was asked for.
    pending: Vec<Op>,
}

impl Platter {
    pub(crate) fn take(&mut self, op: &Op) {
        match op {
            Op::Write { .. } | Op::SetLen { .. } | Op::Delete { .. } => {
                self.pending.push(op.clone());
            }
            Op::Sync { file } => {
                let of_file = |op: &mut Op| name(op) == Some(file);
                for op in self.pending.extract_if(.., of_file) {
                    apply(&mut self.synced, &op);
                }
            }
            Op::SyncDirectory => {
                let is_delete = |op: &Op| matches!(op, Op::Delete { .. });
                while let Some(at) = self.pending.iter().position(is_delete) {
                    let delete = self.pending.remove(at);
                    let mut before = 0..at;
                    self.pending
                        .retain(|op| before.next().is_none() || name(op) != name(&delete));
                    apply(&mut self.synced, &delete);
                }
            }
            Op::Acknowledged(_) => {}
        }
    }

    /// As another process finds it when this one was killed: the machine lives, nothing is lost.
    pub(crate) fn after_a_kill(&self) -> FileBytes {
        let mut files = self.synced.clone();
        for op in &self.pending {
            apply(&mut files, op);
        }
        files
    }

    /// One of the ways it may look when the power comes back.
    pub(crate) fn after_a_power_cut(&self, seed: u64) -> FileBytes {
        let mut chance = Chance::new(seed);
        let mut files = self.synced.clone();
        // Some cuts lose all, some keep all but a little, most are in between.
        let kept_of_ten = [0, 10, 9, 5, 5, 1][usize::try_from(chance.below(6)).unwrap_or(0)];
        let torn = chance.below(2) == 0;
        let mut order: Vec<&Op> = self.pending.iter().collect();
        if chance.below(2) == 0 {
            // A disk writes in the order it likes.
            for at in (1..order.len()).rev() {
                let other = usize::try_from(chance.below(at as u64 + 1)).unwrap_or(0);
                order.swap(at, other);
            }
        }
        for op in order {
            let is_kept = |chance: &mut Chance| chance.below(10) < kept_of_ten;
            match op {
                Op::Write { file, at, bytes } if torn => {
                    for (sector, bytes) in bytes.chunks(SECTOR).enumerate() {
                        if is_kept(&mut chance) {
                            let part = Op::Write {
                                file: file.clone(),
                                at: at + sector * SECTOR,
                                bytes: bytes.to_vec(),
                            };
                            apply(&mut files, &part);
                        }
                    }
                }
                op if is_kept(&mut chance) => apply(&mut files, op),
                _ => {}
            }
        }
        files
    }
}

fn name(op: &Op) -> Option<&String> {
    match op {
        Op::Write { file, .. }
        | Op::SetLen { file, .. }
        | Op::Sync { file }
        | Op::Delete { file } => Some(file),
        Op::SyncDirectory | Op::Acknowledged(_) => None,
    }
}
