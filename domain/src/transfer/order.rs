//! What was ordered: from where to where, how much. Ids only, so that it may lie in a history.

use serde::{Deserialize, Serialize};

use super::{Endpoint, LockedQuote, Status};
use crate::rail::RailId;
use crate::{Money, Step, Tenant, Timestamp, TransferId};

/// The input of a transfer's workflow, and the immutable half of its row.
///
/// What is optional here came later than the rest: an order from before reads as one without it,
/// and is carried out as it was then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub tenant: Tenant,
    pub transfer: TransferId,
    /// What leaves the sender.
    pub money: Money,
    pub source: Endpoint,
    pub destination: Endpoint,
    /// What we keep of what arrives, in the currency in which it arrives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Money>,
    /// At which the money changes its currency on the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<LockedQuote>,
    /// To be screened before the sender is asked. Orders that were accepted before there was a
    /// screening are not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub screened: bool,
    /// Not before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execute_at: Option<Timestamp>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // The shape that serde calls.
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Order {
    /// Without a fee, a quote or a screening.
    pub const fn plain(
        tenant: Tenant,
        transfer: TransferId,
        money: Money,
        source: Endpoint,
        destination: Endpoint,
    ) -> Self {
        Self {
            tenant,
            transfer,
            money,
            source,
            destination,
            fee: None,
            quote: None,
            screened: false,
            execute_at: None,
        }
    }

    /// What leaves the sender.
    pub const fn sends(&self) -> Money {
        self.money
    }

    /// What is there for the receiver, in the receiver's currency and before the fee.
    pub const fn arrives(&self) -> Money {
        match self.quote {
            Some(quote) => quote.buys,
            None => self.money,
        }
    }

    /// What the receiver gets. A fee that cannot be taken of it, which is never accepted, would
    /// leave nothing.
    pub fn receives(&self) -> Money {
        let arrives = self.arrives();
        let less = |fee| arrives.checked_sub(fee);
        let nothing = Money::zero(arrives.currency());
        self.fee.map_or(arrives, |fee| less(fee).unwrap_or(nothing))
    }

    /// What moves at a step: up to the exchange the sender's money, after it the receiver's.
    pub fn moves(&self, step: Step) -> Money {
        match step {
            Step::Screen | Step::Collect | Step::Fund | Step::Convert => self.sends(),
            Step::PayOut | Step::Settle => self.receives(),
        }
    }

    /// Whether a step leaves our own books, and so may end in doubt.
    pub const fn crosses_a_rail(&self, step: Step) -> bool {
        match step {
            Step::Collect => self.source.rail().is_some(),
            // Only a card's money is taken in two steps.
            Step::Fund => matches!(self.source, Endpoint::Card { .. }),
            Step::PayOut => self.destination.rail().is_some(),
            Step::Screen | Step::Convert | Step::Settle => false,
        }
    }
}

impl Order {
    /// The rails that it needs, and for which step first.
    pub fn rails(&self) -> Vec<(Step, RailId)> {
        let ends = [
            (Step::Collect, self.source.rail()),
            (Step::PayOut, self.destination.rail()),
        ];
        let named = ends.into_iter();
        named
            .filter_map(|(step, rail)| Some((step, rail?)))
            .collect()
    }

    /// The step that a rail has to do in this status, and which rail.
    pub const fn waits_for(&self, status: Status) -> Option<(Step, RailId)> {
        let (step, rail) = match status {
            Status::Collecting | Status::Compensating => (Step::Collect, self.source.rail()),
            Status::PayingOut => (Step::PayOut, self.destination.rail()),
            _ => return None,
        };
        match rail {
            Some(rail) => Some((step, rail)),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::Till;
    use crate::{AccountId, Currency, MerchantId, Mode, PartnerId, QuoteId};

    fn eur(minor: i64) -> Money {
        Money::from_minor(minor, Currency::EUR).unwrap()
    }

    fn order() -> Order {
        let tenant = Tenant {
            partner: PartnerId::from_bits(1),
            mode: Mode::Sandbox,
        };
        let account = AccountId::from_bits(1);
        let till = Till::Wallet { account };
        let merchant = MerchantId::from_bits(2);
        let shop = Endpoint::Merchant { merchant, till };
        let wallet = Endpoint::Wallet { account };
        Order::plain(tenant, TransferId::from_bits(7), eur(100), wallet, shop)
    }

    /// Orders lie in histories of transfers that are under way while the program is replaced.
    #[test]
    fn what_came_later_is_not_written_where_it_is_not_used() {
        let text = serde_json::to_string(&order()).unwrap();
        assert!(!text.contains("fee") && !text.contains("quote") && !text.contains("screened"));
        assert!(!text.contains("execute_at"));
        assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order());
        let fee = Some(eur(3));
        let later = Order {
            fee,
            screened: true,
            execute_at: Some(Timestamp::from_seconds(9)),
            ..order()
        };
        let text = serde_json::to_string(&later).unwrap();
        assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), later);
    }

    #[test]
    fn what_is_received_is_what_was_bought_less_the_fee() {
        let usd = |minor| Money::from_minor(minor, Currency::USD).unwrap();
        let quote = LockedQuote {
            id: QuoteId::from_bits(1),
            sells: eur(100),
            buys: usd(107),
            spread: usd(1),
            expires_at: Timestamp::from_seconds(9),
        };
        let converted = Order {
            quote: Some(quote),
            fee: Some(usd(7)),
            ..order()
        };
        assert_eq!(converted.sends(), eur(100));
        assert_eq!(converted.arrives(), usd(107));
        assert_eq!(converted.moves(Step::PayOut), usd(100));
        assert_eq!(order().receives(), eur(100));
    }
}
