//! What banks take back after completion: a payout that returns days later, a chargeback and its
//! end. Each is a new entry that follows the old one; what was completed is never rewritten.

use domain::Money;
use domain::rail::RailId;

use super::{Event, Holder};
use crate::{AccountRef, Entry, Place, Template};

impl Entry {
    /// The money is in the pool again, for this transfer: to be given back or paid out anew.
    pub fn payout_returned(event: Event<'_>, rail: RailId, pool: Place, money: Money) -> Self {
        let (from, to) = (AccountRef::Nostro(rail), AccountRef::Pool(pool));
        event.of_two(Template::PayoutReturned, from, to, money)
    }

    pub fn chargeback(event: Event<'_>, rail: RailId, money: Money) -> Self {
        let (from, to) = (AccountRef::Disputes, AccountRef::Nostro(rail));
        event.of_two(Template::Chargeback, from, to, money)
    }

    pub fn chargeback_won(event: Event<'_>, rail: RailId, money: Money) -> Self {
        let (from, to) = (AccountRef::Nostro(rail), AccountRef::Disputes);
        event.of_two(Template::ChargebackWon, from, to, money)
    }

    pub fn chargeback_charged(event: Event<'_>, bearer: Holder, money: Money) -> Self {
        let to = AccountRef::Disputes;
        event.of_two(Template::ChargebackCharged, bearer.into(), to, money)
    }

    pub fn chargeback_lost(event: Event<'_>, money: Money) -> Self {
        let (from, to) = (AccountRef::Losses, AccountRef::Disputes);
        event.of_two(Template::ChargebackLost, from, to, money)
    }
}

#[cfg(test)]
mod tests {
    use domain::EntryId;

    use super::*;
    use crate::templates::tests::{CAME_BY, EVENT, FLOAT, RAIL, check, eur};

    #[test]
    fn a_payout_comes_back_into_the_pool_it_left() {
        let settled = EntryId::from_bits(3);
        let back = Entry::payout_returned(EVENT, RAIL, CAME_BY, eur(5_00)).following(settled);
        assert_eq!(back.linked_to, Some(settled));
        check(
            &[back],
            &["payout_returned [tr:payout_returned:n] nostro@rail -5.00 EUR, pool@rail 5.00 EUR"],
        );
    }

    /// Whichever way a dispute ends, nothing is left in disputes.
    #[test]
    fn a_chargeback_has_three_ends() {
        let money = eur(5_00);
        check(
            &[
                Entry::chargeback(EVENT, RAIL, money),
                Entry::chargeback_won(EVENT, RAIL, money),
                Entry::chargeback_charged(EVENT, FLOAT, money),
                Entry::chargeback_lost(EVENT, money),
            ],
            &[
                "chargeback [tr:chargeback:n] disputes -5.00 EUR, nostro@rail 5.00 EUR",
                "chargeback_won [tr:chargeback_won:n] nostro@rail -5.00 EUR, disputes 5.00 EUR",
                "chargeback_charged [tr:chargeback_charged:n] float -5.00 EUR, disputes 5.00 EUR",
                "chargeback_lost [tr:chargeback_lost:n] losses -5.00 EUR, disputes 5.00 EUR",
            ],
        );
    }
}
