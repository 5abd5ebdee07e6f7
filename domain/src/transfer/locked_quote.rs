//! The quote an order was accepted at: both amounts are agreed, whatever rates do meanwhile.

use serde::{Deserialize, Serialize};

use crate::{Money, QuoteId, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedQuote {
    pub id: QuoteId,
    /// What leaves the sender.
    pub sells: Money,
    /// What there is for the receiver.
    pub buys: Money,
    /// What we keep of the exchange, in the bought currency.
    pub spread: Money,
    /// A transfer that has not begun to collect by then is not carried out at this quote. Once it
    /// has begun the quote is honoured, however long the sender's bank takes.
    pub expires_at: Timestamp,
}

impl LockedQuote {
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now
    }
}
