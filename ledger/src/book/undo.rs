//! Taking back what one job did: every change notes what was there before.

use domain::{AccountId, Currency, HoldId, Tenant};

use super::{Book, HoldSlot, Known, Slot};
use crate::AccountRef;

/// The outer `None`: nothing was known.
#[derive(Debug)]
pub(super) enum Undo {
    Account((Tenant, AccountId), Option<Option<Slot>>),
    House((Tenant, AccountRef, Currency)),
    Key(Tenant, String, Option<Known>),
    Hold((Tenant, HoldId), Option<Option<HoldSlot>>),
    Entry,
    Refusal,
    Changed,
}

impl Book {
    /// The running job ended, and what it did stays.
    pub(crate) fn keep(&mut self) {
        self.journal.clear();
        self.effects = false;
    }

    /// Everything is as it was at the last [`Self::keep`], but refusals that were not the job's
    /// own doing are remembered all the same.
    pub(crate) fn undo(&mut self) {
        self.undo_to(0);
        self.effects = false;
        let staying: Vec<_> = self
            .refusals
            .iter()
            .filter(|refusal| refusal.stays)
            .map(|staged| {
                let known = Known::Refused(staged.content.clone(), staged.refusal.clone());
                (staged.tenant, staged.key.clone(), known)
            })
            .collect();
        for (tenant, key, known) in staying {
            self.keys.entry(tenant).or_default().insert(key, known);
        }
    }

    /// The running job changed the books by a statement of its own: what it is refused from here on
    /// may be its own doing.
    pub(crate) const fn did_something(&mut self) {
        self.effects = true;
    }

    pub(super) fn mark(&self) -> usize {
        self.journal.len()
    }

    pub(super) fn undo_to(&mut self, mark: usize) {
        while self.journal.len() > mark {
            match self.journal.pop() {
                Some(Undo::Account(key, before)) => match before {
                    Some(slot) => drop(self.accounts.insert(key, slot)),
                    None => drop(self.accounts.remove(&key)),
                },
                Some(Undo::House(named)) => drop(self.house.remove(&named)),
                Some(Undo::Key(tenant, key, before)) => {
                    let keys = self.keys.entry(tenant).or_default();
                    match before {
                        Some(known) => drop(keys.insert(key, known)),
                        None => drop(keys.remove(&key)),
                    }
                }
                Some(Undo::Hold(key, before)) => match before {
                    Some(slot) => drop(self.holds.insert(key, slot)),
                    None => drop(self.holds.remove(&key)),
                },
                Some(Undo::Entry) => drop(self.entries.pop()),
                Some(Undo::Refusal) => drop(self.refusals.pop()),
                Some(Undo::Changed) => drop(self.changes.pop()),
                None => break,
            }
        }
    }

    pub(super) fn set_account(&mut self, key: (Tenant, AccountId), slot: Option<Slot>) {
        let before = self.accounts.insert(key, slot);
        self.journal.push(Undo::Account(key, before));
    }

    pub(super) fn set_key(&mut self, tenant: Tenant, key: &str, known: Known) {
        let keys = self.keys.entry(tenant).or_default();
        let before = keys.insert(key.to_owned(), known);
        self.journal.push(Undo::Key(tenant, key.to_owned(), before));
    }

    pub(super) fn set_hold(&mut self, key: (Tenant, HoldId), slot: Option<HoldSlot>) {
        let before = self.holds.insert(key, slot);
        self.journal.push(Undo::Hold(key, before));
    }
}
