//! One transaction after the other on the same knowledge: what was staged is written, and true.

use std::collections::HashMap;

use ambient::Timestamp;

use super::{Book, Known};

/// Accounts that are known from one transaction to the next.
const MOST_KEPT: usize = 100_000;

impl Book {
    /// The transaction before is on its way to the disk and holds, or this one does not either. So
    /// its keys and holds stay known: whoever looks into the database now may not see them yet.
    pub(crate) fn follow(&mut self, now: Timestamp) {
        self.now = now;
        self.forget_some();
        for key in &self.touched {
            if let Some(Some(slot)) = self.accounts.get_mut(key) {
                slot.is_new = false;
                slot.moved = false;
            }
        }
        // Somebody may have opened them since.
        for key in std::mem::take(&mut self.absent) {
            if matches!(self.accounts.get(&key), Some(None)) {
                self.accounts.remove(&key);
            }
        }
        self.follow_keys();
        self.follow_holds();
        self.changes.clear();
        self.links.clear();
        self.touched.clear();
        self.keep();
    }

    /// None of those that the transaction before has changed.
    fn forget_some(&mut self) {
        if self.accounts.len() <= MOST_KEPT {
            return;
        }
        let changed: Vec<_> = self
            .changes
            .iter()
            .map(|it| (it.tenant, it.account))
            .collect();
        let touched = &self.touched;
        self.accounts
            .retain(|key, _| touched.contains(key) || changed.contains(key));
        let accounts = &self.accounts;
        self.house
            .retain(|(tenant, ..), id| accounts.contains_key(&(*tenant, *id)));
    }

    fn follow_keys(&mut self) {
        let mut before = std::mem::take(&mut self.keys);
        for staged in self.entries.drain(..) {
            let (tenant, key) = (staged.entry.tenant, staged.entry.key.clone());
            let keys = self.keys.entry(tenant).or_default();
            keys.insert(key, Known::Written(staged.id, staged.entry));
        }
        let refused = self.refusals.drain(..).map(|it| (it.tenant, it.key));
        let held = self.touched_holds.iter().filter_map(|of| {
            let slot = self.holds.get(of)?.as_ref()?;
            Some((of.0, slot.hold.key.clone()))
        });
        for (tenant, key) in refused.chain(held) {
            let known = before.get_mut(&tenant).and_then(|keys| keys.remove(&key));
            if let Some(known) = known {
                self.keys.entry(tenant).or_default().insert(key, known);
            }
        }
    }

    fn follow_holds(&mut self) {
        let mut before = std::mem::take(&mut self.holds);
        let touched = std::mem::take(&mut self.touched_holds);
        let kept = touched.into_iter().filter_map(|of| {
            let mut slot = before.remove(&of)??;
            slot.is_new = false;
            slot.resolved = false;
            Some((of, Some(slot)))
        });
        self.holds = kept.collect::<HashMap<_, _>>();
    }
}
