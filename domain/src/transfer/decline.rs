//! Why a transfer did not go through, in words that hold for every bank.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decline {
    InsufficientFunds,
    AccountClosed,
    AccountFrozen,
    AccountUnknown,
    AmountNotAllowed,
    CardExpired,
    /// Reported lost or stolen.
    CardBlocked,
    /// The number or the security code is wrong.
    CardNotVerified,
    /// Its holder would have to confirm, and was not there to do so.
    ConfirmationMissing,
    /// We took the instruction back before the bank decided.
    TakenBack,
    /// The sender is blocked here.
    UserBlocked,
    /// More than the sender, or the partner, may move in the period.
    LimitReached,
    /// Somebody looked at it and said no.
    ReviewDenied,
    /// The quote expired before the sender was asked.
    QuoteExpired,
    /// Nobody paid at the checkout while it was open.
    NotPaidInTime,
    /// The bank refused for a reason of its own; its raw code is kept beside.
    RefusedByBank,
}

impl Decline {
    pub const ALL: [Self; 16] = [
        Self::InsufficientFunds,
        Self::AccountClosed,
        Self::AccountFrozen,
        Self::AccountUnknown,
        Self::AmountNotAllowed,
        Self::CardExpired,
        Self::CardBlocked,
        Self::CardNotVerified,
        Self::ConfirmationMissing,
        Self::TakenBack,
        Self::UserBlocked,
        Self::LimitReached,
        Self::ReviewDenied,
        Self::QuoteExpired,
        Self::NotPaidInTime,
        Self::RefusedByBank,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::InsufficientFunds => "insufficient_funds",
            Self::AccountClosed => "account_closed",
            Self::AccountFrozen => "account_frozen",
            Self::AccountUnknown => "account_unknown",
            Self::AmountNotAllowed => "amount_not_allowed",
            Self::CardExpired => "card_expired",
            Self::CardBlocked => "card_blocked",
            Self::CardNotVerified => "card_not_verified",
            Self::ConfirmationMissing => "confirmation_missing",
            Self::TakenBack => "taken_back",
            Self::UserBlocked => "user_blocked",
            Self::LimitReached => "limit_reached",
            Self::ReviewDenied => "review_denied",
            Self::QuoteExpired => "quote_expired",
            Self::NotPaidInTime => "not_paid_in_time",
            Self::RefusedByBank => "refused_by_bank",
        }
    }
}

impl fmt::Display for Decline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a reason for a decline that this version knows")]
pub struct UnknownDecline;

impl FromStr for Decline {
    type Err = UnknownDecline;

    fn from_str(name: &str) -> Result<Self, UnknownDecline> {
        Self::ALL
            .into_iter()
            .find(|decline| decline.name() == name)
            .ok_or(UnknownDecline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_are_what_json_says() {
        for decline in Decline::ALL {
            assert_eq!(decline.name().parse(), Ok(decline));
            assert_eq!(
                serde_json::to_string(&decline).unwrap(),
                format!("\"{decline}\"")
            );
        }
    }
}
