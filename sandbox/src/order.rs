//! What a client asks for: one movement between our settlement account and another account.

use serde::{Deserialize, Serialize};

/// The body of `POST /v1/debits` and `POST /v1/payouts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The client's own reference: the same on every attempt of the same movement.
    pub reference: String,
    pub account: String,
    /// Minor units of `currency`.
    pub amount: i64,
    pub currency: String,
}

/// The order is no order at all; nothing was booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("reference must be 1 to 64 letters, digits, '_', '-', '.' or ':'")]
    Reference,
    #[error("account must be 1 to 34 letters, digits or '-'")]
    Account,
    #[error("amount must be a positive number of minor units")]
    Amount,
    #[error("currency must be three capital letters")]
    Currency,
}

impl Order {
    pub(crate) fn check(&self) -> Result<(), Malformed> {
        let reference = |b: u8| b.is_ascii_alphanumeric() || b"_-.:".contains(&b);
        let account = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if !is_word(&self.reference, 64, reference) {
            return Err(Malformed::Reference);
        }
        if !is_word(&self.account, 34, account) {
            return Err(Malformed::Account);
        }
        if self.amount <= 0 {
            return Err(Malformed::Amount);
        }
        if self.currency.len() != 3 || !self.currency.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(Malformed::Currency);
        }
        Ok(())
    }
}

fn is_word(text: &str, longest: usize, allowed: impl Fn(u8) -> bool) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_field_that_is_wrong() {
        let good = Order {
            reference: "tr_1:collect".into(),
            account: "SB-ALICE-0001".into(),
            amount: 1,
            currency: "EUR".into(),
        };
        assert_eq!(good.check(), Ok(()));
        let wrong = |change: fn(&mut Order)| {
            let mut order = good.clone();
            change(&mut order);
            order.check()
        };
        assert_eq!(wrong(|o| o.reference.clear()), Err(Malformed::Reference));
        assert_eq!(
            wrong(|o| o.reference = "a b".into()),
            Err(Malformed::Reference)
        );
        assert_eq!(
            wrong(|o| o.reference = "x".repeat(65)),
            Err(Malformed::Reference)
        );
        assert_eq!(wrong(|o| o.account = "é".into()), Err(Malformed::Account));
        assert_eq!(wrong(|o| o.amount = 0), Err(Malformed::Amount));
        assert_eq!(wrong(|o| o.amount = -1), Err(Malformed::Amount));
        assert_eq!(
            wrong(|o| o.currency = "eur".into()),
            Err(Malformed::Currency)
        );
    }
}
