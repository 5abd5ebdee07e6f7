//! What can happen to a linked movement: the facts that its workflow records, one after the other.

use serde::{Deserialize, Serialize};

use super::{Kind, NotNow, State};
use crate::transfer::Decline;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "turn", rename_all = "snake_case")]
pub enum Turn {
    /// Its money is on its way: a refund's is set aside for a bank or a card's network, a returned
    /// payout is in the pool again, a contested payment was taken from us.
    Begun,
    /// The sender has it.
    GivenBack {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bank_reference: Option<String>,
    },
    /// Refused for good. What was set aside is given back to whoever it was taken from.
    Refused { decline: Decline },
    /// The dispute was decided for us: we have the money again.
    Won,
    /// Decided against us: who was paid bears it.
    Charged,
    /// Decided against us, and nobody can be charged: we bear it.
    Borne,
}

impl Turn {
    pub const fn leads_to(&self) -> State {
        match self {
            Self::Begun => State::Pending,
            Self::GivenBack { .. } => State::Completed,
            Self::Refused { .. } => State::Failed,
            Self::Won => State::Won,
            Self::Charged | Self::Borne => State::Lost,
        }
    }

    /// The state after this, or why that is not allowed.
    pub const fn apply_to(&self, from: State, kind: Kind) -> Result<State, NotNow> {
        let to = self.leads_to();
        if from.may_become(to, kind) {
            Ok(to)
        } else {
            Err(NotNow { kind, from, to })
        }
    }

    /// The short word for it in the transfer's history and events.
    pub const fn cause(&self, kind: Kind) -> &'static str {
        match (kind, self) {
            (Kind::Refund, Self::Begun) => "refund_begun",
            (Kind::Refund, Self::Refused { .. }) => "refund_refused",
            (Kind::Refund, _) => "refund_done",
            (Kind::Return, Self::Begun) => "payout_returned",
            (Kind::Return, _) => "return_given_back",
            (Kind::Chargeback, Self::Won) => "chargeback_won",
            (Kind::Chargeback, Self::Charged | Self::Borne) => "chargeback_lost",
            (Kind::Chargeback, _) => "charged_back",
        }
    }
}
