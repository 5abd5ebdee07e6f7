//! Limits as accounts: a period begins with its allowance, using it moves it back to where all
//! allowances come from, so what is left is a balance like any other and holds can reserve it.

use domain::{AccountId, HoldId, Money, Tenant};

use crate::{AccountRef, Entry, Template};

impl Entry {
    /// Once per account: the account itself is its name.
    pub fn open_limit(tenant: Tenant, limit: AccountId, allowance: Money) -> Self {
        let (from, to) = (AccountRef::Limits, AccountRef::Limit(limit));
        let name = limit.to_string();
        Self::of_name(tenant, &name, Template::OpenLimit, from, to, allowance)
    }

    pub fn raise_limit(tenant: Tenant, name: &str, limit: AccountId, by: Money) -> Self {
        let (from, to) = (AccountRef::Limits, AccountRef::Limit(limit));
        Self::of_name(tenant, name, Template::RaiseLimit, from, to, by)
    }

    /// What is used or reserved already cannot be taken away any more.
    pub fn lower_limit(tenant: Tenant, name: &str, limit: AccountId, by: Money) -> Self {
        let (from, to) = (AccountRef::Limit(limit), AccountRef::Limits);
        Self::of_name(tenant, name, Template::LowerLimit, from, to, by)
    }

    /// Posts the hold that reserved it, all of it or a part. The hold is its name: what was reserved
    /// is used once. If the movement itself is undone, this entry is corrected.
    pub fn use_limit(tenant: Tenant, hold: HoldId, limit: AccountId, money: Money) -> Self {
        let (from, to) = (AccountRef::Limit(limit), AccountRef::Limits);
        let name = hold.to_string();
        Self::of_name(tenant, &name, Template::UseLimit, from, to, money).posting(hold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates::tests::{TENANT, WALLET, check, eur};

    #[test]
    fn an_allowance_comes_and_goes() {
        check(
            &[
                Entry::open_limit(TENANT, WALLET, eur(10_000)),
                Entry::raise_limit(TENANT, "n", WALLET, eur(50_00)),
                Entry::lower_limit(TENANT, "n", WALLET, eur(50_00)),
                Entry::use_limit(TENANT, HoldId::from_bits(4), WALLET, eur(20_00)),
            ],
            &[
                "open_limit [open_limit:ac_00000000000000000000000001] limits -100.00 EUR, limit 100.00 EUR",
                "raise_limit [raise_limit:n] limits -50.00 EUR, limit 50.00 EUR",
                "lower_limit [lower_limit:n] limit -50.00 EUR, limits 50.00 EUR",
                "use_limit [use_limit:ho_00000000000000000000000004] limit -20.00 EUR, limits 20.00 EUR",
            ],
        );
    }
}
