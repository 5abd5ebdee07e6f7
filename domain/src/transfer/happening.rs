//! What can happen to a transfer: the facts that its workflow records, one after the other.
//!
//! Each names the status it leads to. The ledger template that belongs to it lives in the ledger;
//! the row, its history and its outbox change in the same commit.

use serde::{Deserialize, Serialize};

use super::{Action, Decline, FlagKind, Status};
use crate::{Step, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "happening", rename_all = "snake_case")]
pub enum Happening {
    /// To be carried out later.
    Scheduled { at: Timestamp },
    /// The screening wants a person to look at it. No money.
    InReview { why: String },
    /// The sender is about to be asked. No money.
    Collecting,
    /// The sender has to do something; from now on the money may come at any time.
    ActionRequired { action: Action },
    /// The money is in the pool: out of the sender's wallet, or arrived from the sender's bank.
    Funded { bank_reference: Option<String> },
    /// Set aside for the receiver: out of the pool, into the rail's suspense account (nothing moves
    /// yet where the receiver is a wallet).
    PayingOut,
    /// The receiver has it: a wallet was credited, or the bank paid and the suspense is settled.
    Completed { bank_reference: Option<String> },
    /// The payout was refused for good: what was set aside returns to the pool, the undo begins.
    PayoutRefused { decline: Decline },
    /// The sender has it back.
    Refunded { bank_reference: Option<String> },
    /// The collection was refused for good. Nothing was kept.
    Declined { decline: Decline },
    /// Called off before anything moved.
    Canceled,
    /// Beside the status: something unusual began or ended.
    Raised {
        flag: FlagKind,
        step: Step,
        note: String,
    },
    Lowered {
        flag: FlagKind,
        step: Step,
        note: String,
    },
}

/// Why a happening cannot be recorded as things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a transfer that is {from} cannot become {to}")]
pub struct NotNow {
    pub from: Status,
    pub to: Status,
}

impl Happening {
    /// The status this leads to; none where only a flag changes.
    pub const fn leads_to(&self) -> Option<Status> {
        match self {
            Self::Scheduled { .. } => Some(Status::Scheduled),
            Self::InReview { .. } => Some(Status::InReview),
            Self::Collecting => Some(Status::Collecting),
            Self::ActionRequired { .. } => Some(Status::RequiresAction),
            Self::Funded { .. } => Some(Status::Funded),
            Self::PayingOut => Some(Status::PayingOut),
            Self::Completed { .. } => Some(Status::Completed),
            Self::PayoutRefused { .. } => Some(Status::Compensating),
            Self::Refunded { .. } => Some(Status::Refunded),
            Self::Declined { .. } => Some(Status::Failed),
            Self::Canceled => Some(Status::Canceled),
            Self::Raised { .. } | Self::Lowered { .. } => None,
        }
    }

    /// The status after this, or why that is not allowed.
    pub const fn apply_to(&self, from: Status) -> Result<Status, NotNow> {
        match self.leads_to() {
            None => Ok(from),
            Some(to) if from.may_become(to) => Ok(to),
            Some(to) => Err(NotNow { from, to }),
        }
    }

    /// The short word for it in status histories and events.
    pub const fn cause(&self) -> &'static str {
        match self {
            Self::Scheduled { .. } => "scheduled",
            Self::InReview { .. } => "review_wanted",
            Self::Collecting => "collection_started",
            Self::ActionRequired { .. } => "action_required",
            Self::Funded { .. } => "collected",
            Self::PayingOut => "payout_started",
            Self::Completed { .. } => "paid_out",
            Self::PayoutRefused { .. } => "payout_refused",
            Self::Refunded { .. } => "given_back",
            Self::Declined { .. } => "collection_refused",
            Self::Canceled => "called_off",
            Self::Raised {
                flag: FlagKind::InDoubt,
                ..
            } => "doubt_began",
            Self::Raised {
                flag: FlagKind::NeedsOperator,
                ..
            } => "operator_needed",
            Self::Raised {
                flag: FlagKind::OnHold,
                ..
            } => "held",
            Self::Lowered {
                flag: FlagKind::InDoubt,
                ..
            } => "doubt_resolved",
            Self::Lowered {
                flag: FlagKind::NeedsOperator,
                ..
            } => "operator_done",
            Self::Lowered {
                flag: FlagKind::OnHold,
                ..
            } => "released",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_answer_cannot_move_a_final_transfer() {
        let late = Happening::Completed {
            bank_reference: None,
        };
        assert_eq!(
            late.apply_to(Status::Refunded),
            Err(NotNow {
                from: Status::Refunded,
                to: Status::Completed
            })
        );
    }

    #[test]
    fn a_flag_leaves_the_status_alone() {
        let flag = Happening::Raised {
            flag: FlagKind::InDoubt,
            step: Step::PayOut,
            note: String::new(),
        };
        assert_eq!(flag.apply_to(Status::PayingOut), Ok(Status::PayingOut));
    }
}
