//! Why an entry or a hold was refused. A refusal is final for these arguments and names its account
//! or field; everything else is an error of the machinery around the book.

use ambient::{EntropyError, Timestamp};
use db::DbError;
use domain::transfer::Decline;
use domain::{Currency, EntryId, HoldId, Money};

use crate::{AccountRef, HoldState, Purpose};

/// In the order in which they are looked for: the first that holds is the answer. Between a key
/// that was used for something else and a hold stands a refusal that is remembered under the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the key is empty, longer than 200 bytes or has a NUL in it; nothing was posted")]
    KeyUnfit,
    #[error("the key belongs to another entry: {field} differs; nothing was posted")]
    KeyReused { field: &'static str },
    #[error("there is no hold {hold} here; nothing was posted")]
    HoldUnknown { hold: HoldId },
    #[error("the hold {hold} was {state} before; nothing was posted")]
    HoldResolved { hold: HoldId, state: HoldState },
    #[error("the hold {hold} has expired; nothing was posted")]
    HoldExpired { hold: HoldId },
    #[error("the quote has expired at {at}; nothing was posted")]
    QuoteExpired { at: Timestamp },
    #[error("there is no entry {entry} here to follow; nothing was posted")]
    LinkUnknown { entry: EntryId },
    #[error(
        "the entry {entry} was not taken back, so nothing stands in for it; nothing was posted"
    )]
    NotCorrected { entry: EntryId },
    #[error("the entry has {legs} postings where 2 to 10000 are allowed; nothing was posted")]
    LegsOutOfBounds { legs: usize },
    #[error("the amount is not positive; nothing was posted")]
    AmountNotPositive,
    #[error("a posting of zero moves nothing; nothing was posted")]
    AmountZero,
    #[error("the postings in {currency} do not sum to zero; nothing was posted")]
    Unbalanced { currency: Currency },
    #[error("the hold would expire at {at}, which is past; nothing was held")]
    ExpiryPast { at: Timestamp },
    #[error("there is no {account} here; nothing was posted")]
    AccountUnknown { account: AccountRef },
    #[error("the {account} is in {has}, not in {given}; nothing was posted")]
    CurrencyDiffers {
        account: AccountRef,
        has: Currency,
        given: Currency,
    },
    #[error("the {account} is closed; nothing was posted")]
    AccountClosed { account: AccountRef },
    #[error("the {account} is frozen, so nothing may leave it; nothing was posted")]
    AccountFrozen { account: AccountRef },
    #[error("the hold {hold} is on another account; nothing was posted")]
    HoldElsewhere { hold: HoldId },
    #[error("the hold {hold} has only {held}; nothing was posted")]
    HoldTooSmall { hold: HoldId, held: Money },
    #[error("the {account} has moved on to version {is}, from {expected}; nothing was posted")]
    VersionStale {
        account: AccountRef,
        expected: i64,
        is: i64,
    },
    #[error(
        "the {account} has a balance of {balance}, less than was asked for; nothing was posted"
    )]
    BalanceBelow { account: AccountRef, balance: Money },
    #[error("the {account} has {available} available, less than was asked for; nothing was posted")]
    AvailableBelow {
        account: AccountRef,
        available: Money,
    },
    #[error("the {account} has only {available} available; nothing was posted")]
    InsufficientAvailable {
        account: AccountRef,
        available: Money,
    },
    #[error("the {account} may hold at most {ceiling}; nothing was posted")]
    AboveCeiling { account: AccountRef, ceiling: Money },
    #[error("the {account} cannot hold that much; nothing was posted")]
    BalanceOutOfRange { account: AccountRef },
}

impl Refusal {
    /// The reason to tell a customer. None where the fault is ours: a house account at fault, a
    /// key used twice, a hold that is gone, or postings that do not balance are never the
    /// customer's doing.
    pub const fn decline(&self) -> Option<Decline> {
        match self {
            Self::AmountNotPositive => Some(Decline::AmountNotAllowed),
            Self::AccountUnknown { account } => of_wallet(*account, Decline::AccountUnknown),
            Self::CurrencyDiffers { account, .. } => of_wallet(*account, Decline::AmountNotAllowed),
            Self::AccountClosed { account } => of_wallet(*account, Decline::AccountClosed),
            Self::AccountFrozen { account } => of_wallet(*account, Decline::AccountFrozen),
            // Not a want of money: the allowance is used up.
            Self::InsufficientAvailable {
                account: AccountRef::Limit(_),
                ..
            } => Some(Decline::AmountNotAllowed),
            Self::InsufficientAvailable { account, .. } => {
                of_wallet(*account, Decline::InsufficientFunds)
            }
            Self::AboveCeiling { account, .. } | Self::BalanceOutOfRange { account } => {
                of_wallet(*account, Decline::AmountNotAllowed)
            }
            Self::KeyUnfit
            | Self::KeyReused { .. }
            | Self::HoldUnknown { .. }
            | Self::HoldResolved { .. }
            | Self::HoldExpired { .. }
            | Self::QuoteExpired { .. }
            | Self::LinkUnknown { .. }
            | Self::NotCorrected { .. }
            | Self::LegsOutOfBounds { .. }
            | Self::AmountZero
            | Self::Unbalanced { .. }
            | Self::HoldElsewhere { .. }
            | Self::HoldTooSmall { .. }
            | Self::VersionStale { .. }
            | Self::BalanceBelow { .. }
            | Self::AvailableBelow { .. }
            | Self::ExpiryPast { .. } => None,
        }
    }
}

const fn of_wallet(account: AccountRef, decline: Decline) -> Option<Decline> {
    match account.purpose() {
        // A limit is a customer's too.
        Purpose::Wallet | Purpose::Float | Purpose::Limit => Some(decline),
        _ => None,
    }
}

/// What can go wrong around the book. Inside a write, each of these undoes the whole job.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("the book could not be read or written")]
    Db(#[from] DbError),
    #[error("no id could be made for a new row of the book")]
    Entropy(#[from] EntropyError),
}

#[derive(Debug, thiserror::Error)]
pub enum PostError {
    #[error("the entry was refused")]
    Refused(#[from] Refusal),
    #[error("the entry could not be posted")]
    Ledger(#[from] LedgerError),
}

impl From<DbError> for PostError {
    fn from(error: DbError) -> Self {
        Self::Ledger(error.into())
    }
}

impl From<EntropyError> for PostError {
    fn from(error: EntropyError) -> Self {
        Self::Ledger(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;
    use domain::AccountId;

    #[test]
    fn a_customer_hears_only_of_accounts_of_customers() {
        let available = Money::zero(Currency::EUR);
        let short = |account| Refusal::InsufficientAvailable { account, available }.decline();
        let wallet = AccountRef::Wallet(AccountId::from_bits(1));
        assert_eq!(short(wallet), Some(Decline::InsufficientFunds));
        assert_eq!(short(AccountRef::Pool(Place::Internal)), None);
    }
}
