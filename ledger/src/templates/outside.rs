//! Events that belong to no transfer: money paid in, drawn out, handed to many. The caller names
//! each, and the same name is never booked twice.

use domain::rail::RailId;
use domain::{AccountId, Money, MoneyError, Tenant};

use super::{Holder, gained, lost};
use crate::{AccountRef, Entry, Leg, Template};

impl Entry {
    pub fn top_up(tenant: Tenant, name: &str, rail: RailId, owner: Holder, money: Money) -> Self {
        let (from, to) = (AccountRef::Nostro(rail), owner.into());
        Self::of_name(tenant, name, Template::TopUp, from, to, money)
    }

    /// While the bank is asked a hold keeps the money; this posts it once the bank has paid.
    pub fn withdraw(tenant: Tenant, name: &str, owner: Holder, rail: RailId, money: Money) -> Self {
        let (from, to) = (owner.into(), AccountRef::Nostro(rail));
        Self::of_name(tenant, name, Template::Withdraw, from, to, money)
    }

    pub fn opening(
        tenant: Tenant,
        name: &str,
        rail: RailId,
        wallet: AccountId,
        money: Money,
    ) -> Self {
        let (from, to) = (AccountRef::Nostro(rail), AccountRef::Wallet(wallet));
        Self::of_name(tenant, name, Template::Opening, from, to, money)
    }

    /// One pays many, all or none: a payroll, a sum that is shared out. The whole is the sum of the
    /// parts, so it cannot be given wrongly; parts of another currency or a sum beyond all bounds
    /// are no entry at all.
    pub fn distribute(
        tenant: Tenant,
        name: &str,
        from: Holder,
        parts: &[(Holder, Money)],
    ) -> Result<Self, MoneyError> {
        let currency = parts
            .first()
            .map_or(domain::Currency::EUR, |(_, money)| money.currency());
        let mut whole = Money::zero(currency);
        let mut least = None;
        for (_, part) in parts {
            whole = whole.checked_add(*part)?;
            let smaller = least.is_none_or(|least: Money| part.minor() < least.minor());
            least = if smaller { Some(*part) } else { least };
        }
        let mut legs: Vec<Leg> = Vec::with_capacity(parts.len() + 1);
        legs.push(lost(from.into(), whole));
        legs.extend(parts.iter().map(|(to, money)| gained((*to).into(), *money)));
        let key = format!("{}:{name}", Template::Distribute);
        // A part that is not positive would take from a receiver: the rules refuse the least.
        let moved = least.unwrap_or(whole);
        Ok(Self::new(
            tenant,
            key,
            None,
            Template::Distribute,
            moved,
            legs,
        ))
    }
}

#[cfg(test)]
mod tests {
    use domain::Currency;

    use super::*;
    use crate::templates::tests::{FLOAT, RAIL, TENANT, WALLET, check, eur};

    #[test]
    fn in_out_and_to_many() {
        let wallet = Holder::Wallet(WALLET);
        let parts = [(wallet, eur(1_00)), (wallet, eur(2_00)), (FLOAT, eur(1))];
        check(
            &[
                Entry::top_up(TENANT, "n", RAIL, FLOAT, eur(5_00)),
                Entry::withdraw(TENANT, "n", FLOAT, RAIL, eur(5_00)),
                Entry::opening(TENANT, "n", RAIL, WALLET, eur(5_00)),
                Entry::distribute(TENANT, "n", FLOAT, &parts).unwrap(),
            ],
            &[
                "top_up [top_up:n] nostro@rail -5.00 EUR, float 5.00 EUR",
                "withdraw [withdraw:n] float -5.00 EUR, nostro@rail 5.00 EUR",
                "opening [opening:n] nostro@rail -5.00 EUR, wallet 5.00 EUR",
                "distribute [distribute:n] float -3.01 EUR, wallet 1.00 EUR, wallet 2.00 EUR, float 0.01 EUR",
            ],
        );
    }

    #[test]
    fn shares_that_are_no_shares_are_refused() {
        let wallet = Holder::Wallet(WALLET);
        let share = |parts: &[(Holder, Money)]| Entry::distribute(TENANT, "n", FLOAT, parts);
        let yen = |minor| Money::from_minor(minor, Currency::JPY).unwrap();
        assert_eq!(
            share(&[(wallet, eur(1)), (wallet, yen(1))]),
            Err(MoneyError::CurrenciesDiffer(Currency::EUR, Currency::JPY))
        );
        let most = eur(domain::LARGEST_AMOUNT);
        assert_eq!(
            share(&[(wallet, most), (wallet, most)]),
            Err(MoneyError::OutOfRange)
        );
        for parts in [vec![], vec![(wallet, eur(5)), (wallet, eur(-1))]] {
            assert!(!share(&parts).unwrap().money.is_positive());
        }
    }
}
