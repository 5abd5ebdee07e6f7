//! Money facts: four amounts that say what really moved, whatever the status calls it.

use serde::{Deserialize, Serialize};

use crate::{Currency, Money};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoneyFacts {
    /// Taken from the sender.
    pub debited: Money,
    /// With us right now, for this transfer.
    pub held: Money,
    /// Given to the receiver.
    pub credited: Money,
    /// Given back to the sender.
    pub refunded: Money,
}

impl MoneyFacts {
    pub const fn none(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self {
            debited: zero,
            held: zero,
            credited: zero,
            refunded: zero,
        }
    }
}
