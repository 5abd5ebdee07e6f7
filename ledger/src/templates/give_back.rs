//! Undone before it was complete: the source has its money again, out of the pool it lay in.

use domain::rail::RailId;
use domain::{AccountId, Money, StepKey, Tenant};

use crate::{AccountRef, Entry, Place, Template};

impl Entry {
    pub fn give_back_to_wallet(
        tenant: Tenant,
        key: StepKey,
        pool: Place,
        wallet: AccountId,
        money: Money,
    ) -> Self {
        let (from, to) = (AccountRef::Pool(pool), AccountRef::Wallet(wallet));
        Self::of_step(tenant, key, Template::GiveBackToWallet, from, to, money)
    }

    pub fn give_back_to_float(
        tenant: Tenant,
        key: StepKey,
        pool: Place,
        float: AccountId,
        money: Money,
    ) -> Self {
        let (from, to) = (AccountRef::Pool(pool), AccountRef::Float(float));
        Self::of_step(tenant, key, Template::GiveBackToFloat, from, to, money)
    }

    pub fn give_back_to_bank(
        tenant: Tenant,
        key: StepKey,
        pool: Place,
        rail: RailId,
        money: Money,
    ) -> Self {
        let (from, to) = (AccountRef::Pool(pool), AccountRef::Nostro(rail));
        Self::of_step(tenant, key, Template::GiveBackToBank, from, to, money)
    }

    pub fn give_back_to_card(
        tenant: Tenant,
        key: StepKey,
        pool: Place,
        rail: RailId,
        money: Money,
    ) -> Self {
        let (from, to) = (AccountRef::Pool(pool), AccountRef::Nostro(rail));
        Self::of_step(tenant, key, Template::GiveBackToCard, from, to, money)
    }

    pub fn give_back_to_checkout(
        tenant: Tenant,
        key: StepKey,
        pool: Place,
        rail: RailId,
        money: Money,
    ) -> Self {
        let (from, to) = (AccountRef::Pool(pool), AccountRef::Nostro(rail));
        Self::of_step(tenant, key, Template::GiveBackToCheckout, from, to, money)
    }
}

#[cfg(test)]
mod tests {
    use domain::Step;

    use super::*;
    use crate::Leg;
    use crate::templates::tests::{CAME_BY, RAIL, TENANT, WALLET, eur, step, undo};

    /// What came in and goes back leaves nothing behind, for every kind of source.
    #[test]
    fn is_the_collection_the_other_way() {
        let (fund, back, inside) = (step(Step::Fund), undo(Step::Fund), Place::Internal);
        let money = eur(5_00);
        for (came, went) in [
            (
                Entry::collect_from_wallet(TENANT, fund, inside, WALLET, money),
                Entry::give_back_to_wallet(TENANT, back, inside, WALLET, money),
            ),
            (
                Entry::collect_from_float(TENANT, fund, inside, WALLET, money),
                Entry::give_back_to_float(TENANT, back, inside, WALLET, money),
            ),
            (
                Entry::collect_from_bank(TENANT, fund, CAME_BY, RAIL, money),
                Entry::give_back_to_bank(TENANT, back, CAME_BY, RAIL, money),
            ),
            (
                Entry::collect_from_card(TENANT, fund, CAME_BY, RAIL, money),
                Entry::give_back_to_card(TENANT, back, CAME_BY, RAIL, money),
            ),
            (
                Entry::collect_from_checkout(TENANT, fund, CAME_BY, RAIL, money),
                Entry::give_back_to_checkout(TENANT, back, CAME_BY, RAIL, money),
            ),
        ] {
            let mut reversed: Vec<Leg> = came.legs().to_vec();
            reversed.reverse();
            for leg in &mut reversed {
                leg.money = leg.money.reversed();
            }
            assert_eq!(went.legs(), reversed, "{}", went.template());
            assert_eq!(went.key(), back.to_string());
        }
    }
}
