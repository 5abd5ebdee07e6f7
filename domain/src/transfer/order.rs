//! What was ordered: from where to where, how much. Ids only, so that it may lie in a history.

use serde::{Deserialize, Serialize};

use super::Status;
use crate::rail::RailId;
use crate::{AccountId, BankAccountId, Money, Step, Tenant, TransferId};

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

impl Order {
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
