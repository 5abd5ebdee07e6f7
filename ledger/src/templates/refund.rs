//! Refunds: the receiver of a completed transfer gives back, all or a part of it, as often as it
//! wants under another name each. How much may be given back is for the transfer to say.

use domain::Money;
use domain::rail::RailId;

use super::{Event, Holder};
use crate::{AccountRef, Entry, Template};

impl Entry {
    pub fn refund(event: Event<'_>, receiver: Holder, sender: Holder, money: Money) -> Self {
        event.of_two(Template::Refund, receiver.into(), sender.into(), money)
    }

    pub fn set_aside_refund(
        event: Event<'_>,
        receiver: Holder,
        rail: RailId,
        money: Money,
    ) -> Self {
        let to = AccountRef::Suspense(rail);
        event.of_two(Template::SetAsideRefund, receiver.into(), to, money)
    }

    pub fn settle_refund(event: Event<'_>, rail: RailId, money: Money) -> Self {
        let (from, to) = (AccountRef::Suspense(rail), AccountRef::Nostro(rail));
        event.of_two(Template::SettleRefund, from, to, money)
    }

    pub fn release_refund(event: Event<'_>, receiver: Holder, rail: RailId, money: Money) -> Self {
        let from = AccountRef::Suspense(rail);
        event.of_two(Template::ReleaseRefund, from, receiver.into(), money)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates::tests::{EVENT, FLOAT, RAIL, WALLET, check, eur};

    #[test]
    fn inside_or_over_a_rail() {
        let (money, second) = (eur(2_50), Event { name: "2", ..EVENT });
        check(
            &[
                Entry::refund(EVENT, FLOAT, Holder::Wallet(WALLET), money),
                Entry::refund(second, FLOAT, Holder::Wallet(WALLET), money),
                Entry::set_aside_refund(EVENT, FLOAT, RAIL, money),
                Entry::settle_refund(EVENT, RAIL, money),
                Entry::release_refund(EVENT, FLOAT, RAIL, money),
            ],
            &[
                "refund [tr:refund:n] float -2.50 EUR, wallet 2.50 EUR",
                "refund [tr:refund:2] float -2.50 EUR, wallet 2.50 EUR",
                "set_aside_refund [tr:set_aside_refund:n] float -2.50 EUR, suspense@rail 2.50 EUR",
                "settle_refund [tr:settle_refund:n] suspense@rail -2.50 EUR, nostro@rail 2.50 EUR",
                "release_refund [tr:release_refund:n] suspense@rail -2.50 EUR, float 2.50 EUR",
            ],
        );
    }
}
