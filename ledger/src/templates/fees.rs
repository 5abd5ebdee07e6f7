//! Fees: out of what is on its way, or out of an account beside it, and given back.

use domain::Money;

use super::{Event, Holder};
use crate::{AccountRef, Entry, Place, Template};

impl Entry {
    pub fn fee_from_transfer(event: Event<'_>, pool: Place, fee: Money) -> Self {
        let (from, to) = (AccountRef::Pool(pool), AccountRef::Fees);
        event.of_two(Template::FeeFromTransfer, from, to, fee)
    }

    pub fn fee_back_to_transfer(event: Event<'_>, pool: Place, fee: Money) -> Self {
        let (from, to) = (AccountRef::Fees, AccountRef::Pool(pool));
        event.of_two(Template::FeeBackToTransfer, from, to, fee)
    }

    pub fn fee_from_account(event: Event<'_>, payer: Holder, fee: Money) -> Self {
        event.of_two(
            Template::FeeFromAccount,
            payer.into(),
            AccountRef::Fees,
            fee,
        )
    }

    pub fn fee_back_to_account(event: Event<'_>, payer: Holder, fee: Money) -> Self {
        event.of_two(
            Template::FeeBackToAccount,
            AccountRef::Fees,
            payer.into(),
            fee,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates::tests::{CAME_BY, EVENT, FLOAT, check, eur};

    #[test]
    fn a_fee_is_taken_and_given_back() {
        check(
            &[
                Entry::fee_from_transfer(EVENT, CAME_BY, eur(30)),
                Entry::fee_back_to_transfer(EVENT, CAME_BY, eur(30)),
                Entry::fee_from_account(EVENT, FLOAT, eur(30)),
                Entry::fee_back_to_account(EVENT, FLOAT, eur(30)),
            ],
            &[
                "fee_from_transfer [tr:fee_from_transfer:n] pool@rail -0.30 EUR, fees 0.30 EUR",
                "fee_back_to_transfer [tr:fee_back_to_transfer:n] fees -0.30 EUR, pool@rail 0.30 EUR",
                "fee_from_account [tr:fee_from_account:n] float -0.30 EUR, fees 0.30 EUR",
                "fee_back_to_account [tr:fee_back_to_account:n] fees -0.30 EUR, float 0.30 EUR",
            ],
        );
    }
}
