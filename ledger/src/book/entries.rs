//! Posting an entry, in the order of refusals: its key, its hold, itself, its accounts.

use std::collections::BTreeMap;
use std::sync::Arc;

use ambient::Mint;
use domain::{AccountId, Currency, EntryId, Tenant};

use super::undo::Undo;
use super::{Book, Content, Known, Slot, Staged, unfetched};
use crate::rules::{self, Booked};
use crate::{Account, AccountRef, Entry, PostError, Posted, Refusal, State};

impl Book {
    pub(crate) fn post(&mut self, mint: &Mint, entry: &Arc<Entry>) -> Result<Posted, PostError> {
        rules::key_fits(&entry.key)?;
        if let Some(posted) = self.replay(entry)? {
            return Ok(posted);
        }
        let mark = self.mark();
        let answer = self.attempt(mint, entry);
        match &answer {
            Ok(_) => self.effects = true,
            Err(error) => {
                // House accounts that were opened for it, and nothing else.
                self.undo_to(mark);
                if let PostError::Refused(refusal) = error
                    && refusal.is_remembered()
                    && entry.template.fails_for_good()
                    && !is_of_a_condition(entry, refusal)
                {
                    let content = Content::of(entry);
                    self.remember(entry.tenant, &entry.key, content, refusal);
                }
            }
        }
        answer
    }

    /// What the key was used for before, if it was and the content is the same.
    fn replay(&self, entry: &Entry) -> Result<Option<Posted>, PostError> {
        let known = self.key(entry.tenant, &entry.key)?;
        let posted = |entry| {
            let replayed = true;
            Ok(Some(Posted { entry, replayed }))
        };
        let same = |before: &Content| match before.differs(&Content::of(entry)) {
            Some(field) => Err(Refusal::KeyReused { field }),
            None => Ok(()),
        };
        match known {
            Known::Fresh => Ok(None),
            Known::Entry(id, before) => {
                same(before)?;
                posted(*id)
            }
            Known::Written(id, before) => {
                same(&Content::of(before))?;
                posted(*id)
            }
            Known::Staged(place) => {
                let staged = self.entries.get(*place).ok_or_else(|| unfetched("key"))?;
                same(&Content::of(&staged.entry))?;
                posted(staged.id)
            }
            Known::Hold(_, before) => {
                same(before)?;
                Err(Refusal::KeyReused { field: "template" }.into())
            }
            Known::Refused(before, refusal) => {
                same(before)?;
                Err(refusal.clone().into())
            }
        }
    }

    pub(super) fn key(&self, tenant: Tenant, key: &str) -> Result<&Known, PostError> {
        let known = self.keys.get(&tenant).and_then(|keys| keys.get(key));
        known.ok_or_else(|| unfetched("key"))
    }

    fn attempt(&mut self, mint: &Mint, entry: &Arc<Entry>) -> Result<Posted, PostError> {
        let tenant = entry.tenant;
        let hold = match entry.hold {
            Some(id) => Some(self.open_hold(tenant, id)?),
            None => None,
        };
        rules::in_time(entry, self.now)?;
        self.linked(entry)?;
        rules::well_formed(entry)?;
        let conditions = entry.conditions.iter();
        let wanted = entry
            .legs
            .iter()
            .map(|leg| (leg.account, leg.money.currency()));
        for (account, currency) in
            wanted.chain(conditions.map(|condition| (condition.account(), condition.currency())))
        {
            self.open_house(mint, tenant, account, currency)?;
        }
        let find = |account, currency| self.meant(tenant, account, currency).map(Arc::as_ref);
        let legs = rules::plan(entry, find, hold.as_deref())?;
        let id = EntryId::from_bits(mint.next()?);
        if let Some(hold) = hold {
            let taken = legs.iter().filter(|leg| leg.account == hold.account);
            // In range: the rules let no more be taken than was held.
            let taken = -taken.map(|leg| leg.money.minor()).sum::<i64>();
            self.posted_hold(tenant, &hold, id, taken)?;
        }
        self.book(entry, id, legs)?;
        Ok(Posted {
            entry: id,
            replayed: false,
        })
    }

    fn book(
        &mut self,
        entry: &Arc<Entry>,
        id: EntryId,
        legs: Vec<Booked>,
    ) -> Result<(), PostError> {
        let tenant = entry.tenant;
        // The last leg of each account carries its new standing.
        let mut standing: BTreeMap<AccountId, usize> = BTreeMap::new();
        for (place, leg) in legs.iter().enumerate() {
            standing.insert(leg.account, place);
        }
        let mut posted_at = self.now;
        for account in standing.keys() {
            let account = self.account(tenant, *account);
            let account = account.ok_or_else(|| unfetched("account"))?;
            posted_at = posted_at.max(account.moved_at);
        }
        for (account, place) in standing {
            let leg = &legs[place];
            let slot = self.slot(tenant, account)?;
            let mut slot = slot.clone();
            let changed = Arc::make_mut(&mut slot.account);
            changed.balance = leg.balance;
            changed.version = leg.version;
            changed.moved_at = posted_at;
            slot.moved = true;
            self.touched.insert((tenant, account));
            self.set_account((tenant, account), Some(slot));
        }
        let place = self.entries.len();
        self.entries.push(Staged {
            id,
            entry: Arc::clone(entry),
            legs,
            posted_at,
        });
        self.journal.push(Undo::Entry);
        self.set_key(tenant, &entry.key, Known::Staged(place));
        Ok(())
    }

    pub(super) fn slot(&self, tenant: Tenant, id: AccountId) -> Result<&Slot, PostError> {
        let slot = self.accounts.get(&(tenant, id));
        slot.and_then(Option::as_ref)
            .ok_or_else(|| unfetched("account"))
    }

    /// Opens a house account unless it is there: the first entry that needs one does.
    fn open_house(
        &mut self,
        mint: &Mint,
        tenant: Tenant,
        account: AccountRef,
        currency: Currency,
    ) -> Result<(), PostError> {
        let there = self.in_the_house(tenant, account, currency).is_some();
        if there || account.owned().is_some() {
            return Ok(());
        }
        let id = AccountId::from_bits(mint.next()?);
        let fresh = Account::fresh(id, account, State::Open, currency, self.now);
        let named = (tenant, account, currency);
        self.house.insert(named, id);
        self.journal.push(Undo::House(named));
        self.touched.insert((tenant, id));
        let slot = Slot {
            account: Arc::new(fresh),
            is_new: true,
            moved: false,
        };
        self.set_account((tenant, id), Some(slot));
        Ok(())
    }
}

/// Found on an account that the entry only looks at. That account may be opened one day, and nobody
/// was refused any money: so the key stays free.
fn is_of_a_condition(entry: &Entry, refusal: &Refusal) -> bool {
    let (Refusal::AccountUnknown { account } | Refusal::CurrencyDiffers { account, .. }) = refusal
    else {
        return false;
    };
    entry.legs.iter().all(|leg| leg.account != *account)
}
