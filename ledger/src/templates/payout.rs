//! The receiver is paid: inside our books at once, outside by way of what was set aside.

use domain::rail::RailId;
use domain::{AccountId, Money, MoneyError, StepKey, Tenant};

use super::{Holder, gained, lost};
use crate::{AccountRef, Entry, Place, Template};

impl Entry {
    pub fn set_aside(
        tenant: Tenant,
        key: StepKey,
        pool: Place,
        rail: RailId,
        money: Money,
    ) -> Self {
        let (from, to) = (AccountRef::Pool(pool), AccountRef::Suspense(rail));
        Self::of_step(tenant, key, Template::SetAside, from, to, money)
    }

    pub fn pay_wallet(
        tenant: Tenant,
        key: StepKey,
        pool: Place,
        wallet: AccountId,
        money: Money,
    ) -> Self {
        let (from, to) = (AccountRef::Pool(pool), AccountRef::Wallet(wallet));
        Self::of_step(tenant, key, Template::PayWallet, from, to, money)
    }

    pub fn pay_float(
        tenant: Tenant,
        key: StepKey,
        pool: Place,
        float: AccountId,
        money: Money,
    ) -> Self {
        let (from, to) = (AccountRef::Pool(pool), AccountRef::Float(float));
        Self::of_step(tenant, key, Template::PayFloat, from, to, money)
    }

    /// The merchant bears the fee: what arrives is the rest. Without a fee there is no leg for it,
    /// and a fee that leaves nothing is an amount that the rules refuse.
    pub fn pay_merchant(
        tenant: Tenant,
        key: StepKey,
        pool: Place,
        merchant: Holder,
        money: Money,
        fee: Money,
    ) -> Result<Self, MoneyError> {
        let rest = money.checked_sub(fee)?;
        let mut legs = vec![
            lost(AccountRef::Pool(pool), money),
            gained(merchant.into(), rest),
        ];
        if !fee.is_zero() {
            legs.push(gained(AccountRef::Fees, fee));
        }
        // A fee below zero or beyond the amount would pay the merchant out of our own pocket.
        let moved = if fee.is_negative() { fee } else { rest };
        let (key, transfer) = (key.to_string(), Some(key.transfer));
        Ok(Self::new(
            tenant,
            key,
            transfer,
            Template::PayMerchant,
            moved,
            legs,
        ))
    }

    pub fn settle_payout(tenant: Tenant, key: StepKey, rail: RailId, money: Money) -> Self {
        let (from, to) = (AccountRef::Suspense(rail), AccountRef::Nostro(rail));
        Self::of_step(tenant, key, Template::SettlePayout, from, to, money)
    }

    pub fn release_set_aside(
        tenant: Tenant,
        key: StepKey,
        pool: Place,
        rail: RailId,
        money: Money,
    ) -> Self {
        let (from, to) = (AccountRef::Suspense(rail), AccountRef::Pool(pool));
        Self::of_step(tenant, key, Template::ReleaseSetAside, from, to, money)
    }
}

#[cfg(test)]
mod tests {
    use domain::Step;

    use super::*;
    use crate::templates::tests::{CAME_BY, FLOAT, RAIL, TENANT, WALLET, check, eur, step, undo};

    #[test]
    fn a_bank_is_paid_out_of_what_was_set_aside() {
        let money = eur(5_00);
        check(
            &[
                Entry::set_aside(TENANT, step(Step::PayOut), CAME_BY, RAIL, money),
                Entry::settle_payout(TENANT, step(Step::Settle), RAIL, money),
                Entry::release_set_aside(TENANT, undo(Step::PayOut), CAME_BY, RAIL, money),
            ],
            &[
                "set_aside [tr:pay-out] pool@rail -5.00 EUR, suspense@rail 5.00 EUR",
                "settle_payout [tr:settle] suspense@rail -5.00 EUR, nostro@rail 5.00 EUR",
                "release_set_aside [tr:undo-pay-out] suspense@rail -5.00 EUR, pool@rail 5.00 EUR",
            ],
        );
    }

    #[test]
    fn inside_it_is_one_entry() {
        let (settle, inside) = (step(Step::Settle), Place::Internal);
        let paid = Entry::pay_wallet(TENANT, settle, inside, WALLET, eur(1));
        check(
            &[paid],
            &["pay_wallet [tr:settle] pool -0.01 EUR, wallet 0.01 EUR"],
        );
        let paid = Entry::pay_float(TENANT, settle, inside, WALLET, eur(1));
        check(
            &[paid],
            &["pay_float [tr:settle] pool -0.01 EUR, float 0.01 EUR"],
        );
    }

    #[test]
    fn a_merchant_bears_the_fee() {
        let settle = step(Step::Settle);
        let pay = |fee| Entry::pay_merchant(TENANT, settle, CAME_BY, FLOAT, eur(10_00), eur(fee));
        check(
            &[pay(30).unwrap()],
            &["pay_merchant [tr:settle] pool@rail -10.00 EUR, float 9.70 EUR, fees 0.30 EUR"],
        );
        check(
            &[pay(0).unwrap()],
            &["pay_merchant [tr:settle] pool@rail -10.00 EUR, float 10.00 EUR"],
        );
        for fee in [-1, 10_00, 10_01] {
            let entry = pay(fee).unwrap();
            assert!(!entry.money.is_positive(), "{fee} is refused");
        }
        let yen = Money::from_minor(1, domain::Currency::JPY).unwrap();
        let mixed = Entry::pay_merchant(TENANT, settle, CAME_BY, FLOAT, eur(10_00), yen);
        assert!(mixed.is_err());
    }
}
