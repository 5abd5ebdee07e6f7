//! What was ordered: from where to where, how much. Ids only, so that it may lie in a history.

use serde::{Deserialize, Serialize};

use crate::rail::RailId;
use crate::{AccountId, BankAccountId, Money, Tenant, TransferId};

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
}

impl Endpoint {
    /// The rail that money must travel to reach this end; none inside our own books.
    pub const fn rail(self) -> Option<RailId> {
        match self {
            Self::Wallet { .. } => None,
            Self::BankAccount { rail, .. } => Some(rail),
        }
    }
}

/// The input of a transfer's workflow, and the immutable half of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub tenant: Tenant,
    pub transfer: TransferId,
    pub money: Money,
    pub source: Endpoint,
    pub destination: Endpoint,
}
