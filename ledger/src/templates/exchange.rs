//! Changing money at a quote. One entry, so that neither half is ever there alone: what is sold
//! goes into the liquidity of its currency, what is bought comes out of the other's, and our spread
//! has a leg of its own. The quote's id is the key, so a quote is used once.

use domain::rail::RailId;
use domain::transfer::LockedQuote;
use domain::{Money, MoneyError, Tenant, TransferId};

use super::{Holder, gained, lost};
use crate::{AccountRef, Entry, Place, Quote, Template};

impl Entry {
    /// What is on its way changes its currency and stays in the pool of its rail.
    pub fn convert(
        tenant: Tenant,
        transfer: TransferId,
        pool: Place,
        quote: &Quote,
    ) -> Result<Self, MoneyError> {
        let pool = AccountRef::Pool(pool);
        Ok(Self {
            transfer: Some(transfer),
            good_until: quote.good_until(Some(transfer)),
            ..at_quote(tenant, Template::Convert, pool, pool, quote)?
        })
    }

    /// The same at a quote that was locked before it expired, so it is honoured however long the
    /// sender's bank has taken.
    pub fn convert_locked(
        tenant: Tenant,
        transfer: TransferId,
        pool: Place,
        quote: &LockedQuote,
    ) -> Result<Self, MoneyError> {
        let paid_out = quote.buys.checked_add(quote.spread)?;
        let pool = AccountRef::Pool(pool);
        let mut legs = vec![
            lost(pool, quote.sells),
            gained(AccountRef::Liquidity, quote.sells),
            lost(AccountRef::Liquidity, paid_out),
            gained(pool, quote.buys),
        ];
        if !quote.spread.is_zero() {
            legs.push(gained(AccountRef::Spread, quote.spread));
        }
        let key = format!("quote:{}", quote.id);
        let (template, sold) = (Template::Convert, quote.sells);
        Ok(Self::new(tenant, key, Some(transfer), template, sold, legs))
    }

    /// An owner changes money between two accounts of its own.
    pub fn exchange(
        tenant: Tenant,
        from: Holder,
        to: Holder,
        quote: &Quote,
    ) -> Result<Self, MoneyError> {
        at_quote(tenant, Template::Exchange, from.into(), to.into(), quote)
    }

    pub fn fund_liquidity(tenant: Tenant, name: &str, rail: RailId, money: Money) -> Self {
        let (from, to) = (AccountRef::Nostro(rail), AccountRef::Liquidity);
        Self::of_name(tenant, name, Template::FundLiquidity, from, to, money)
    }

    pub fn draw_liquidity(tenant: Tenant, name: &str, rail: RailId, money: Money) -> Self {
        let (from, to) = (AccountRef::Liquidity, AccountRef::Nostro(rail));
        Self::of_name(tenant, name, Template::DrawLiquidity, from, to, money)
    }
}

fn at_quote(
    tenant: Tenant,
    template: Template,
    from: AccountRef,
    to: AccountRef,
    quote: &Quote,
) -> Result<Entry, MoneyError> {
    let paid_out = quote.paid_out().ok_or(MoneyError::OutOfRange)?;
    let mut legs = vec![
        lost(from, quote.sold()),
        gained(AccountRef::Liquidity, quote.sold()),
        lost(AccountRef::Liquidity, paid_out),
        gained(to, quote.bought()),
    ];
    if !quote.spread().is_zero() {
        legs.push(gained(AccountRef::Spread, quote.spread()));
    }
    let key = format!("quote:{}", quote.id());
    Ok(Entry {
        good_until: quote.good_until(None),
        ..Entry::new(tenant, key, None, template, quote.sold(), legs)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ambient::Timestamp;
    use domain::{Currency, QuoteId};

    use super::*;
    use crate::Rate;
    use crate::templates::tests::{CAME_BY, EVENT, FLOAT, RAIL, TENANT, WALLET, check, eur};

    fn quote(mid: &str, spread: &str) -> Quote {
        Quote::selling(
            QuoteId::from_bits(9),
            eur(10_000),
            Currency::JPY,
            Rate::try_new(mid.parse().unwrap(), spread.parse().unwrap()).unwrap(),
            Timestamp::from_seconds(100),
            Duration::from_secs(30),
        )
        .unwrap()
    }

    #[test]
    fn both_currencies_go_through_liquidity() {
        let entry = Entry::convert(TENANT, EVENT.transfer, CAME_BY, &quote("163.257", "0.01"));
        let entry = entry.unwrap();
        assert_eq!(entry.good_until, Some(Timestamp::from_seconds(130)));
        assert_eq!(entry.transfer(), Some(EVENT.transfer));
        check(
            &[entry],
            &[
                "convert [quote:qu_00000000000000000000000009] pool@rail -100.00 EUR, liquidity 100.00 EUR, liquidity -16325 JPY, pool@rail 16162 JPY, spread 163 JPY",
            ],
        );
    }

    #[test]
    fn without_a_spread_there_is_no_leg_for_it() {
        let entry = Entry::exchange(TENANT, FLOAT, Holder::Wallet(WALLET), &quote("163", "0"));
        check(
            &[entry.unwrap()],
            &[
                "exchange [quote:qu_00000000000000000000000009] float -100.00 EUR, liquidity 100.00 EUR, liquidity -16300 JPY, wallet 16300 JPY",
            ],
        );
    }

    #[test]
    fn the_house_provides_liquidity() {
        check(
            &[
                Entry::fund_liquidity(TENANT, "n", RAIL, eur(1_00)),
                Entry::draw_liquidity(TENANT, "n", RAIL, eur(1_00)),
            ],
            &[
                "fund_liquidity [fund_liquidity:n] nostro@rail -1.00 EUR, liquidity 1.00 EUR",
                "draw_liquidity [draw_liquidity:n] liquidity -1.00 EUR, nostro@rail 1.00 EUR",
            ],
        );
    }
}
