//! One transfer, from accepted to final. Decisions only: every effect is an activity.

#![allow(missing_debug_implementations)] // The SDK's macros define marker types without it.

pub(crate) mod bank;
pub(crate) mod books;
mod card;
mod checkout;
pub(crate) mod desk;
mod doubt;
mod later;
pub(crate) mod messages;
pub(crate) mod operator;
mod run;
mod screen;

use std::error::Error;

use domain::transfer::{Order, Status};
use domain::{ActionKind, LinkedId, MessageId, TransferId};
use serde::{Deserialize, Serialize};
use temporalio_workflow::{WorkflowContext, WorkflowContextView, WorkflowResult};

use crate::mover::Mover;
use desk::Desk;
pub use messages::{Message, Said};

/// Why a message is refused, as the engine hands it back.
pub(crate) type Refused = Box<dyn Error + Send + Sync>;

/// The workflow id of a transfer: one transfer, one workflow, whoever starts it.
pub fn workflow_id(transfer: TransferId) -> String {
    format!("transfer/{transfer}")
}

#[temporalio_macros::workflow]
#[derive(Debug)]
pub struct Transfer {
    order: Order,
    pub(crate) standing: Standing,
    /// What people asked for, and what waits for them.
    desk: Desk,
}

/// Where a transfer stands, as a query answers it. Ids and words only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub status: Status,
    /// The sentence an operator reads first.
    pub doing: String,
    /// Why a person is needed, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// The messages that would be taken now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub possible: Vec<ActionKind>,
}

impl Standing {
    pub(crate) fn new(status: Status, doing: impl Into<String>) -> Self {
        Self {
            status,
            doing: doing.into(),
            waiting: None,
            possible: Vec::new(),
        }
    }
}

/// All that a run is told of a bank's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeardOf {
    pub message: MessageId,
}

/// What every part of this workflow is handed, and every part that it shares with others.
pub(crate) type Ctx<W = Transfer> = WorkflowContext<W>;

impl Mover for Transfer {
    fn order(&self) -> Order {
        self.order
    }

    fn linked(&self) -> Option<LinkedId> {
        None
    }

    fn desk(&self) -> &Desk {
        &self.desk
    }

    fn desk_mut(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn at(&self) -> &Standing {
        &self.standing
    }

    fn at_mut(&mut self) -> &mut Standing {
        &mut self.standing
    }
}

#[temporalio_macros::workflow_methods]
impl Transfer {
    #[init]
    fn new(_: &WorkflowContextView, order: Order) -> Self {
        Self {
            order,
            standing: match order.execute_at {
                Some(at) => Standing::new(Status::Scheduled, format!("waits for {at}")),
                None => Standing::new(Status::Created, "about to begin"),
            },
            desk: Desk::default(),
        }
    }

    #[run(name = "transfer")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Status> {
        run::transfer(ctx).await
    }

    /// Where the transfer stands right now.
    #[query(name = "standing")]
    pub fn standing(&self, _: &WorkflowContextView) -> Standing {
        self.shown()
    }

    /// Tries the stuck step again. It carries no facts: the step, its amount and its reference at
    /// the bank stay what they were, so this can never move money that was not already decided.
    #[signal(name = "try_again")]
    pub fn try_again(&mut self, _: &mut temporalio_workflow::SyncWorkflowContext<Self>) {
        self.desk.try_again();
    }

    /// A bank said something by itself, and it is stored under this id. It carries no facts: what
    /// the message proves is asked of the store.
    #[signal(name = "heard")]
    pub fn heard(
        &mut self,
        _: &mut temporalio_workflow::SyncWorkflowContext<Self>,
        message: HeardOf,
    ) {
        self.desk.heard(message.message);
    }

    #[update(name = "retry_now")]
    pub async fn retry_now(
        ctx: &mut WorkflowContext<Self>,
        message: Message,
    ) -> Result<Said, Refused> {
        messages::take(ctx, ActionKind::RetryNow, message).await
    }

    #[update_validator(retry_now)]
    fn may_retry_now(&self, _: &WorkflowContextView, _: &Message) -> Result<(), Refused> {
        self.may(ActionKind::RetryNow)
    }

    #[update(name = "retry_elsewhere")]
    pub async fn retry_elsewhere(
        ctx: &mut WorkflowContext<Self>,
        message: Message,
    ) -> Result<Said, Refused> {
        messages::take(ctx, ActionKind::RetryElsewhere, message).await
    }

    #[update_validator(retry_elsewhere)]
    fn may_retry_elsewhere(&self, _: &WorkflowContextView, _: &Message) -> Result<(), Refused> {
        self.may(ActionKind::RetryElsewhere)
    }

    #[update(name = "resolve_doubt")]
    pub async fn resolve_doubt(
        ctx: &mut WorkflowContext<Self>,
        message: Message,
    ) -> Result<Said, Refused> {
        messages::take(ctx, ActionKind::ResolveDoubt, message).await
    }

    #[update_validator(resolve_doubt)]
    fn may_resolve_doubt(&self, _: &WorkflowContextView, _: &Message) -> Result<(), Refused> {
        self.may(ActionKind::ResolveDoubt)
    }

    #[update(name = "refund")]
    pub async fn refund(
        ctx: &mut WorkflowContext<Self>,
        message: Message,
    ) -> Result<Said, Refused> {
        messages::take(ctx, ActionKind::Refund, message).await
    }

    #[update_validator(refund)]
    fn may_refund(&self, _: &WorkflowContextView, _: &Message) -> Result<(), Refused> {
        self.may(ActionKind::Refund)
    }

    #[update(name = "cancel")]
    pub async fn cancel(
        ctx: &mut WorkflowContext<Self>,
        message: Message,
    ) -> Result<Said, Refused> {
        messages::take(ctx, ActionKind::Cancel, message).await
    }

    #[update_validator(cancel)]
    fn may_cancel(&self, _: &WorkflowContextView, _: &Message) -> Result<(), Refused> {
        self.may(ActionKind::Cancel)
    }

    #[update(name = "hold")]
    pub async fn hold(ctx: &mut WorkflowContext<Self>, message: Message) -> Result<Said, Refused> {
        messages::take(ctx, ActionKind::Hold, message).await
    }

    #[update_validator(hold)]
    fn may_hold(&self, _: &WorkflowContextView, _: &Message) -> Result<(), Refused> {
        self.may(ActionKind::Hold)
    }

    #[update(name = "release")]
    pub async fn release(
        ctx: &mut WorkflowContext<Self>,
        message: Message,
    ) -> Result<Said, Refused> {
        messages::take(ctx, ActionKind::Release, message).await
    }

    #[update_validator(release)]
    fn may_release(&self, _: &WorkflowContextView, _: &Message) -> Result<(), Refused> {
        self.may(ActionKind::Release)
    }

    #[update(name = "note")]
    pub async fn note(ctx: &mut WorkflowContext<Self>, message: Message) -> Result<Said, Refused> {
        messages::take(ctx, ActionKind::Note, message).await
    }

    #[update_validator(note)]
    fn may_note(&self, _: &WorkflowContextView, _: &Message) -> Result<(), Refused> {
        self.may(ActionKind::Note)
    }

    #[update(name = "approve")]
    pub async fn approve(
        ctx: &mut WorkflowContext<Self>,
        message: Message,
    ) -> Result<Said, Refused> {
        messages::take(ctx, ActionKind::Approve, message).await
    }

    #[update_validator(approve)]
    fn may_approve(&self, _: &WorkflowContextView, _: &Message) -> Result<(), Refused> {
        self.may(ActionKind::Approve)
    }

    #[update(name = "deny")]
    pub async fn deny(ctx: &mut WorkflowContext<Self>, message: Message) -> Result<Said, Refused> {
        messages::take(ctx, ActionKind::Deny, message).await
    }

    #[update_validator(deny)]
    fn may_deny(&self, _: &WorkflowContextView, _: &Message) -> Result<(), Refused> {
        self.may(ActionKind::Deny)
    }
}
