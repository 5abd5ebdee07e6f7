//! A source has paid: its money lies in the pool of the rail by which it came until it leaves.

use domain::rail::RailId;
use domain::{AccountId, Money, StepKey, Tenant};

use crate::{AccountRef, Entry, Place, Template};

impl Entry {
    pub fn collect_from_wallet(
        tenant: Tenant,
        key: StepKey,
        pool: Place,
        wallet: AccountId,
        money: Money,
    ) -> Self {
        let (from, to) = (AccountRef::Wallet(wallet), AccountRef::Pool(pool));
        Self::of_step(tenant, key, Template::CollectFromWallet, from, to, money)
    }

    pub fn collect_from_float(
        tenant: Tenant,
        key: StepKey,
        pool: Place,
        float: AccountId,
        money: Money,
    ) -> Self {
        let (from, to) = (AccountRef::Float(float), AccountRef::Pool(pool));
        Self::of_step(tenant, key, Template::CollectFromFloat, from, to, money)
    }

    pub fn collect_from_bank(
        tenant: Tenant,
        key: StepKey,
        pool: Place,
        rail: RailId,
        money: Money,
    ) -> Self {
        let (from, to) = (AccountRef::Nostro(rail), AccountRef::Pool(pool));
        Self::of_step(tenant, key, Template::CollectFromBank, from, to, money)
    }

    pub fn collect_from_card(
        tenant: Tenant,
        key: StepKey,
        pool: Place,
        rail: RailId,
        money: Money,
    ) -> Self {
        let (from, to) = (AccountRef::Nostro(rail), AccountRef::Pool(pool));
        Self::of_step(tenant, key, Template::CollectFromCard, from, to, money)
    }

    pub fn collect_from_checkout(
        tenant: Tenant,
        key: StepKey,
        pool: Place,
        rail: RailId,
        money: Money,
    ) -> Self {
        let (from, to) = (AccountRef::Nostro(rail), AccountRef::Pool(pool));
        Self::of_step(tenant, key, Template::CollectFromCheckout, from, to, money)
    }
}

#[cfg(test)]
mod tests {
    use domain::Step;

    use super::*;
    use crate::templates::tests::{CAME_BY, RAIL, TENANT, WALLET, eur, step, written};

    #[test]
    fn every_source_pays_into_the_pool() {
        let (key, money) = (step(Step::Fund), eur(5_00));
        let inside = Place::Internal;
        for (entry, expected) in [
            (
                Entry::collect_from_wallet(TENANT, key, inside, WALLET, money),
                "collect_from_wallet [tr:fund] wallet -5.00 EUR, pool 5.00 EUR",
            ),
            (
                Entry::collect_from_float(TENANT, key, inside, WALLET, money),
                "collect_from_float [tr:fund] float -5.00 EUR, pool 5.00 EUR",
            ),
            (
                Entry::collect_from_bank(TENANT, key, CAME_BY, RAIL, money),
                "collect_from_bank [tr:fund] nostro@rail -5.00 EUR, pool@rail 5.00 EUR",
            ),
            (
                Entry::collect_from_card(TENANT, key, CAME_BY, RAIL, money),
                "collect_from_card [tr:fund] nostro@rail -5.00 EUR, pool@rail 5.00 EUR",
            ),
            (
                Entry::collect_from_checkout(TENANT, key, CAME_BY, RAIL, money),
                "collect_from_checkout [tr:fund] nostro@rail -5.00 EUR, pool@rail 5.00 EUR",
            ),
        ] {
            assert_eq!(written(&entry), expected);
        }
    }
}
