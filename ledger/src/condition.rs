//! What a caller wants to be true of an account in the instant of posting.

use domain::{Currency, Money};

use crate::AccountRef;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The balance before the entry, held money included.
    BalanceAtLeast(AccountRef, Money),
    /// What may leave before the entry.
    AvailableAtLeast(AccountRef, Money),
    /// Nothing was posted to the account since it was read. A house account exists once per
    /// currency, so the currency is named too.
    VersionIs(AccountRef, Currency, i64),
}

impl Condition {
    pub const fn account(&self) -> AccountRef {
        match self {
            Self::BalanceAtLeast(account, _)
            | Self::AvailableAtLeast(account, _)
            | Self::VersionIs(account, ..) => *account,
        }
    }

    pub const fn currency(&self) -> Currency {
        match self {
            Self::BalanceAtLeast(_, money) | Self::AvailableAtLeast(_, money) => money.currency(),
            Self::VersionIs(_, currency, _) => *currency,
        }
    }
}
