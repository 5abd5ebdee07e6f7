//! The constructors of entries, one file per family of events. What each moves and when stands in
//! the list of [`Template`]; the shape of every one is in the tests of its file.
//!
//! | file       | events                                                        | key                        |
//! |------------|---------------------------------------------------------------|----------------------------|
//! | collect    | a source has paid into the pool of its rail                   | transfer and step          |
//! | payout     | set aside, settled, released; paid inside, to a merchant      | transfer and step          |
//! | give_back  | undone: the source has its money again                        | transfer and undone step   |
//! | fees       | taken from a transfer or an account, and given back           | transfer, template, name   |
//! | refund     | after completion, in parts; inside or over a rail             | transfer, template, name   |
//! | reversal   | a payout that came back, a chargeback and its end             | transfer, template, name   |
//! | exchange   | through liquidity, at a quote; the house's own money for it   | quote; template, name      |
//! | outside    | top-up, withdrawal, opening, one to many                      | template, name             |
//! | allowance  | limits opened, changed and used                               | account; name; hold             |
//! | correction | an entry taken back                                           | the entry it corrects      |
//!
//! A key is never random: whoever repeats the event makes the same key again.

mod allowance;
mod collect;
mod correction;
mod exchange;
mod fees;
mod give_back;
mod outside;
mod payout;
mod refund;
mod reversal;

use domain::{AccountId, Money, StepKey, Tenant, TransferId};

use crate::{AccountRef, Entry, Leg, Template};

/// Whose money we hold: a user's, or the partner's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    Wallet(AccountId),
    Float(AccountId),
}

impl From<Holder> for AccountRef {
    fn from(holder: Holder) -> Self {
        match holder {
            Holder::Wallet(account) => Self::Wallet(account),
            Holder::Float(account) => Self::Float(account),
        }
    }
}

/// What happens to a transfer beside its steps. The caller names it (a refund's id, a dispute's
/// reference), so that each happens once however often it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    pub tenant: Tenant,
    pub transfer: TransferId,
    pub name: &'a str,
}

impl Event<'_> {
    fn of_two(self, template: Template, from: AccountRef, to: AccountRef, money: Money) -> Entry {
        let key = format!("{}:{template}:{}", self.transfer, self.name);
        let legs = between(from, to, money);
        let transfer = Some(self.transfer);
        Entry::new(self.tenant, key, transfer, template, money, legs)
    }
}

impl Entry {
    fn of_step(
        tenant: Tenant,
        key: StepKey,
        template: Template,
        from: AccountRef,
        to: AccountRef,
        money: Money,
    ) -> Self {
        let legs = between(from, to, money);
        Self::new(
            tenant,
            key.to_string(),
            Some(key.transfer),
            template,
            money,
            legs,
        )
    }

    /// Belongs to no transfer, so the caller names it.
    fn of_name(
        tenant: Tenant,
        name: &str,
        template: Template,
        from: AccountRef,
        to: AccountRef,
        money: Money,
    ) -> Self {
        let key = format!("{template}:{name}");
        let legs = between(from, to, money);
        Self::new(tenant, key, None, template, money, legs)
    }
}

fn between(from: AccountRef, to: AccountRef, money: Money) -> Vec<Leg> {
    vec![lost(from, money), gained(to, money)]
}

const fn gained(account: AccountRef, money: Money) -> Leg {
    Leg { account, money }
}

const fn lost(account: AccountRef, money: Money) -> Leg {
    Leg {
        account,
        money: money.reversed(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use domain::rail::RailId;
    use domain::{Currency, Mode, PartnerId, Step};

    use super::*;
    use crate::Place;

    pub(crate) const RAIL: RailId = RailId::SandboxBank;
    pub(crate) const CAME_BY: Place = Place::Rail(RAIL);
    pub(crate) const TENANT: Tenant = Tenant {
        partner: PartnerId::from_bits(1),
        mode: Mode::Sandbox,
    };
    pub(crate) const WALLET: AccountId = AccountId::from_bits(1);
    pub(crate) const FLOAT: Holder = Holder::Float(AccountId::from_bits(2));
    pub(crate) const EVENT: Event<'static> = Event {
        tenant: TENANT,
        transfer: TransferId::from_bits(7),
        name: "n",
    };

    pub(crate) fn eur(minor: i64) -> Money {
        Money::from_minor(minor, Currency::EUR).unwrap()
    }

    pub(crate) fn step(step: Step) -> StepKey {
        StepKey::of(EVENT.transfer, step)
    }

    pub(crate) fn undo(step: Step) -> StepKey {
        StepKey::undo(EVENT.transfer, step)
    }

    /// `template key: account amount, …`, with ids cut to what tells them apart.
    pub(crate) fn written(entry: &Entry) -> String {
        let mut legs = Vec::new();
        for Leg { account, money } in entry.legs() {
            let place = match account.place() {
                Place::Internal => "",
                Place::Rail(_) => "@rail",
            };
            legs.push(format!("{}{place} {money}", account.purpose()));
        }
        let key = entry.key().replace(&EVENT.transfer.to_string(), "tr");
        format!("{} [{key}] {}", entry.template(), legs.join(", "))
    }

    pub(crate) fn check(entries: &[Entry], expected: &[&str]) {
        let found: Vec<_> = entries.iter().map(written).collect();
        assert_eq!(found, expected);
        let keys: BTreeSet<_> = entries.iter().map(Entry::key).collect();
        assert_eq!(keys.len(), entries.len(), "two events share a key");
        for entry in entries {
            assert!(sums_to_zero(entry), "{}", written(entry));
        }
    }

    pub(crate) fn sums_to_zero(entry: &Entry) -> bool {
        let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
        for Leg { money, .. } in entry.legs() {
            *sums.entry(money.currency()).or_default() += i128::from(money.minor());
        }
        sums.values().all(|sum| *sum == 0)
    }
}
