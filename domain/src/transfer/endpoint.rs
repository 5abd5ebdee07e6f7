//! The two ends of a transfer. Ids only, so that they may lie in a history.

use serde::{Deserialize, Serialize};

use crate::rail::RailId;
use crate::{AccountId, BankAccountId, CardId, MerchantId};

/// One end of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Endpoint {
    /// An account in our own ledger.
    Wallet { account: AccountId },
    /// An account at a bank, reached over a rail.
    BankAccount {
        account: BankAccountId,
        rail: RailId,
    },
    /// A card, reached over its network.
    Card { card: CardId, rail: RailId },
    /// Somebody who pays on the provider's own page. A source only: nobody is known there to be
    /// paid.
    Checkout { rail: RailId },
    /// A merchant, who is paid into its till with us. A destination only.
    Merchant { merchant: MerchantId, till: Till },
}

/// The account in our ledger that a merchant is paid into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kept", rename_all = "snake_case")]
pub enum Till {
    /// A user's, who sells.
    Wallet { account: AccountId },
    /// The partner's own.
    Float { account: AccountId },
}

/// How a source is asked for its money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    /// Our own books are enough.
    Books,
    /// One instruction to a bank, which takes the money or refuses.
    Debit(RailId),
    /// Two: the money is promised first, then taken.
    Card(RailId),
    /// The provider asks a person, and tells us.
    Checkout(RailId),
}

impl Endpoint {
    /// The rail that money must travel to reach this end; none inside our own books.
    pub const fn rail(self) -> Option<RailId> {
        match self {
            Self::Wallet { .. } | Self::Merchant { .. } => None,
            Self::BankAccount { rail, .. } | Self::Card { rail, .. } | Self::Checkout { rail } => {
                Some(rail)
            }
        }
    }

    /// How this end is asked, as a source. A merchant never is one, and asking it asks our books.
    pub const fn asking(self) -> Asking {
        match self {
            Self::Wallet { .. } | Self::Merchant { .. } => Asking::Books,
            Self::BankAccount { rail, .. } => Asking::Debit(rail),
            Self::Card { rail, .. } => Asking::Card(rail),
            Self::Checkout { rail } => Asking::Checkout(rail),
        }
    }

    /// Its id as a text; a checkout has none, as we know nobody there.
    pub fn named(self) -> String {
        match self {
            Self::Wallet { account } => account.to_string(),
            Self::BankAccount { account, .. } => account.to_string(),
            Self::Card { card, .. } => card.to_string(),
            Self::Merchant { merchant, .. } => merchant.to_string(),
            Self::Checkout { .. } => String::new(),
        }
    }

    /// The word for its kind, as it is stored and as clients write it.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Wallet { .. } => "wallet",
            Self::BankAccount { .. } => "bank_account",
            Self::Card { .. } => "card",
            Self::Checkout { .. } => "checkout",
            Self::Merchant { .. } => "merchant",
        }
    }
}

impl Till {
    pub const fn account(self) -> AccountId {
        match self {
            Self::Wallet { account } | Self::Float { account } => account,
        }
    }
}
