//! What activities are given and what they answer. It lies in histories: it changes by additions only.

use domain::linked::Turn;
use domain::rail::{RailId, Rejection};
use domain::transfer::{self, Decline, Happening, Order};
use domain::{
    Action, ActionId, BankAccountId, BatchId, LinkedId, MessageId, Money, ScheduleId, Step,
    StepKey, Tenant, Timestamp, TransferId,
};
use serde::{Deserialize, Serialize};

/// All of them happen in one commit, or none does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub tenant: Tenant,
    pub transfer: TransferId,
    pub happenings: Vec<Happening>,
    /// Said of this, which belongs to the transfer, and not of the transfer itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked: Option<LinkedId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeTurn {
    pub tenant: Tenant,
    pub transfer: TransferId,
    pub linked: LinkedId,
    pub turn: Turn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    pub tenant: Tenant,
    pub linked: LinkedId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decided", rename_all = "snake_case")]
pub enum Decided {
    NotYet,
    Won,
    Lost,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "booked", rename_all = "snake_case")]
pub enum Booked {
    Done,
    /// The books refuse, for good; nothing was written.
    Refused {
        decline: Decline,
    },
    /// It cannot be called off any more; nothing was written.
    TooLate,
}

/// What is looked at before a transfer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screen {
    pub tenant: Tenant,
    pub transfer: TransferId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "screened", rename_all = "snake_case")]
pub enum Screened {
    Passed,
    /// A person has to look at it first.
    Review {
        why: String,
    },
    /// Not to be carried out.
    Denied {
        decline: Decline,
    },
}

/// A message's action: all that a message says, and the run that was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub tenant: Tenant,
    pub transfer: TransferId,
    pub action: ActionId,
    pub run: String,
    /// Told to this, which belongs to the transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked: Option<LinkedId>,
}

impl Asked {
    /// Derived, never random: who uses an action up, however often it says so.
    pub fn used_by(&self) -> String {
        format!("{}:{}:{}", self.transfer, self.action, self.run)
    }
}

/// What the audit knows of an action. Reasons and evidence stay there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "approval", rename_all = "snake_case")]
pub enum Approval {
    Given {
        action: Action,
    },
    /// One word for machines, a sentence for people.
    Missing {
        code: String,
        why: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    pub asked: Asked,
    /// Where the transfer is.
    pub step: Step,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "acted", rename_all = "snake_case")]
pub enum Acted {
    Done {
        /// What a step is known to have been, where a person's word was to settle it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        settled: Option<Settled>,
    },
    Refused {
        code: String,
        why: String,
    },
}

/// What became of a step, for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "settled", rename_all = "snake_case")]
pub enum Settled {
    Executed { bank_reference: String },
    Refused { rejection: Rejection },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occur {
    pub tenant: Tenant,
    pub schedule: ScheduleId,
    pub falls_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "occurred", rename_all = "snake_case")]
pub enum Occurred {
    Accepted {
        transfer: TransferId,
    },
    /// Why stands with the occurrence.
    Refused,
    /// Nothing falls there any more.
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    pub tenant: Tenant,
    pub batch: BatchId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "looked", rename_all = "snake_case")]
pub enum Looked {
    Open {
        waiting: i64,
        under_way: i64,
    },
    /// Every item came to its end.
    Over,
}

/// One step at a bank. Which account it touches follows from the order and the key, unless a person
/// had it sent elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankStep {
    pub order: Order,
    pub key: StepKey,
    pub rail: RailId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Elsewhere>,
}

/// Another account of the same receiver, and the action that says so: whoever sends it looks there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    pub action: ActionId,
    pub account: BankAccountId,
}

impl BankStep {
    /// Collecting and giving back touch the sender's account, paying out the receiver's.
    pub const fn touches_source(&self) -> bool {
        // What follows a completed transfer pays its sender.
        self.key.linked.is_some() || matches!(self.key.step, Step::Collect | Step::Fund)
    }

    /// How much it moves; none where that is not the order's to say.
    pub fn money(&self) -> Option<Money> {
        let own = self.key.linked.is_none();
        own.then(|| self.order.moves(self.key.step))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum BankAnswer {
    Done {
        bank_reference: String,
    },
    Refused {
        rejection: Rejection,
    },
    /// Surely nothing left, on a rail whose step is not simply tried again.
    NotSent {
        evidence: String,
    },
    /// It may have happened. Nothing is concluded from this but that one has to find out.
    Unknown {
        evidence: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum CheckoutAnswer {
    /// The payer may pay there until it closes.
    Opened {
        page: transfer::Action,
    },
    /// It was opened before, and paid.
    Paid {
        bank_reference: String,
    },
    Refused {
        rejection: Rejection,
    },
    /// It may be open; nobody of ours knows where.
    Unknown {
        evidence: String,
    },
}

#[allow(clippy::trivially_copy_pass_by_ref)] // The shape that serde calls.
const fn is_false(value: &bool) -> bool {
    !*value
}

/// A message that a run was told of, and the step that it has in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    pub tenant: Tenant,
    pub rail: RailId,
    pub key: StepKey,
    pub message: MessageId,
}

/// What the message proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum News {
    Settles {
        settled: Settled,
        /// Whether it came by itself or stood on the statement.
        by: String,
    },
    /// It contradicts what was ordered or what is known. Nothing is concluded from it.
    Contradicts {
        evidence: String,
    },
    /// It only says that the bank has something to say.
    Ask,
    Nothing,
}

/// What an inquiry proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    Executed {
        bank_reference: String,
    },
    Refused {
        rejection: Rejection,
    },
    /// The rail's cut-off has passed and the bank never heard of it.
    NeverArrived {
        /// It left so long ago that it is not sent again: the bank may not know our reference any
        /// more.
        #[serde(default, skip_serializing_if = "is_false")]
        over: bool,
    },
    /// What the bank has under our reference is not what we ordered. Nothing is concluded from it.
    Contradicts {
        evidence: String,
    },
    /// Nothing yet: ask again later.
    Open,
}
