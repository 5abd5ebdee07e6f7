//! The book as one transaction sees it: pure, without a statement of SQL.
//!
//! It knows the accounts, keys and holds that were fetched for it, changes them by the rules, and
//! keeps what is to be written. Each job sees what those before it did. Nothing here asks a clock
//! or waits; new ids come from the mint that is handed in.

mod accounts;
mod content;
mod entries;
mod follow;
mod holds;
mod links;
mod remembered;
mod undo;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use ambient::Timestamp;
use db::DbError;
use domain::{AccountId, Currency, EntryId, HoldId, Tenant};

use crate::rules::Booked;
use crate::{Account, AccountRef, Entry, Hold, PostError, Refusal};

pub(crate) use accounts::Changed;
pub use accounts::Terms;
pub(crate) use content::Content;
pub(crate) use remembered::{read_refusal, write_refusal};
use undo::Undo;

/// An account, with what of it is not in the database yet.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) account: Arc<Account>,
    pub(crate) is_new: bool,
    /// Its balance or what is held of it was changed.
    pub(crate) moved: bool,
}

/// A hold, with what of it is not in the database yet.
#[derive(Clone, Debug)]
pub(crate) struct HoldSlot {
    pub(crate) hold: Arc<Hold>,
    pub(crate) is_new: bool,
    pub(crate) resolved: bool,
}

/// What is known of a key.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    Fresh,
    Entry(EntryId, Arc<Content>),
    /// An entry of the transaction before.
    Written(EntryId, Arc<Entry>),
    /// An entry of this transaction, by its place.
    Staged(usize),
    Hold(HoldId, Arc<Content>),
    Refused(Arc<Content>, Refusal),
}

/// An entry that is posted and not written.
#[derive(Clone, Debug)]
pub(crate) struct Staged {
    pub(crate) id: EntryId,
    pub(crate) entry: Arc<Entry>,
    pub(crate) legs: Vec<Booked>,
    pub(crate) posted_at: Timestamp,
}

#[derive(Clone, Debug)]
pub(crate) struct StagedRefusal {
    pub(crate) tenant: Tenant,
    pub(crate) key: String,
    pub(crate) content: Arc<Content>,
    pub(crate) refusal: Refusal,
    /// Nothing that its own job did before was its cause: it stays when the job is undone.
    stays: bool,
}

#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) now: Timestamp,
    /// `None`: there is no such account.
    accounts: HashMap<(Tenant, AccountId), Option<Slot>>,
    /// Those that were not there when they were looked for.
    absent: Vec<(Tenant, AccountId)>,
    house: HashMap<(Tenant, AccountRef, Currency), AccountId>,
    keys: HashMap<Tenant, HashMap<String, Known>>,
    holds: HashMap<(Tenant, HoldId), Option<HoldSlot>>,
    /// Entries that others want to follow, and whether they were taken back.
    links: HashMap<(Tenant, EntryId), bool>,
    pub(crate) entries: Vec<Staged>,
    pub(crate) refusals: Vec<StagedRefusal>,
    pub(crate) changes: Vec<Changed>,
    /// What may have been changed, in the order in which it is written.
    touched: BTreeSet<(Tenant, AccountId)>,
    touched_holds: BTreeSet<(Tenant, HoldId)>,
    journal: Vec<Undo>,
    /// The running job has changed something.
    effects: bool,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            now: Timestamp::from_micros(0),
            accounts: HashMap::new(),
            absent: Vec::new(),
            house: HashMap::new(),
            keys: HashMap::new(),
            holds: HashMap::new(),
            links: HashMap::new(),
            entries: Vec::new(),
            refusals: Vec::new(),
            changes: Vec::new(),
            touched: BTreeSet::new(),
            touched_holds: BTreeSet::new(),
            journal: Vec::new(),
            effects: false,
        }
    }
}

impl Book {
    pub(crate) fn begin(&mut self, now: Timestamp) {
        self.now = now;
        self.accounts.clear();
        self.absent.clear();
        self.house.clear();
        self.keys.clear();
        self.holds.clear();
        self.links.clear();
        self.entries.clear();
        self.refusals.clear();
        self.changes.clear();
        self.touched.clear();
        self.touched_holds.clear();
        self.keep();
    }

    pub(crate) fn knows_account(&self, tenant: Tenant, id: AccountId) -> bool {
        self.accounts.contains_key(&(tenant, id))
    }

    pub(crate) fn knows_key(&self, tenant: Tenant, key: &str) -> bool {
        let keys = self.keys.get(&tenant);
        keys.is_some_and(|keys| keys.contains_key(key))
    }

    pub(crate) fn knows_hold(&self, tenant: Tenant, id: HoldId) -> bool {
        self.holds.contains_key(&(tenant, id))
    }

    pub(crate) fn learn_account(&mut self, tenant: Tenant, id: AccountId, found: Option<Account>) {
        if let Some(account) = &found
            && account.reference.owned().is_none()
        {
            let named = (tenant, account.reference, account.currency());
            if self.house.insert(named, id).is_none() {
                self.journal.push(Undo::House(named));
            }
        }
        if found.is_none() {
            self.absent.push((tenant, id));
        }
        let slot = found.map(|account| Slot {
            account: Arc::new(account),
            is_new: false,
            moved: false,
        });
        self.set_account((tenant, id), slot);
    }

    pub(crate) fn learn_key(&mut self, tenant: Tenant, key: &str, known: Known) {
        self.set_key(tenant, key, known);
    }

    pub(crate) fn learn_hold(&mut self, tenant: Tenant, id: HoldId, found: Option<Hold>) {
        let slot = found.map(|hold| HoldSlot {
            hold: Arc::new(hold),
            is_new: false,
            resolved: false,
        });
        self.set_hold((tenant, id), slot);
    }

    /// Where a house account is, if it is known here.
    pub(crate) fn in_the_house(
        &self,
        tenant: Tenant,
        account: AccountRef,
        currency: Currency,
    ) -> Option<AccountId> {
        self.house.get(&(tenant, account, currency)).copied()
    }

    pub(crate) fn account(&self, tenant: Tenant, id: AccountId) -> Option<&Arc<Account>> {
        let slot = self.accounts.get(&(tenant, id))?.as_ref()?;
        Some(&slot.account)
    }

    /// The account that an entry means.
    fn meant(
        &self,
        tenant: Tenant,
        account: AccountRef,
        currency: Currency,
    ) -> Option<&Arc<Account>> {
        let id = match account.owned() {
            Some(id) => id,
            None => self.in_the_house(tenant, account, currency)?,
        };
        self.account(tenant, id)
            .filter(|found| found.reference == account)
    }

    pub(crate) fn hold(&self, tenant: Tenant, id: HoldId) -> Option<&Arc<Hold>> {
        let slot = self.holds.get(&(tenant, id))?.as_ref()?;
        Some(&slot.hold)
    }

    /// Accounts to be written, in the order of tenants and ids.
    pub(crate) fn changed_accounts(&self) -> impl Iterator<Item = (Tenant, &Slot)> {
        self.touched.iter().filter_map(|key| {
            let slot = self.accounts.get(key)?.as_ref()?;
            (slot.is_new || slot.moved).then_some((key.0, slot))
        })
    }

    pub(crate) fn changed_holds(&self) -> impl Iterator<Item = (Tenant, &HoldSlot)> {
        self.touched_holds.iter().filter_map(|key| {
            let slot = self.holds.get(key)?.as_ref()?;
            (slot.is_new || slot.resolved).then_some((key.0, slot))
        })
    }
}

/// What was not fetched before it was needed: a mistake of this room, never of a caller.
fn unfetched(what: &'static str) -> PostError {
    DbError::column(what, "what was declared", "nothing").into()
}
