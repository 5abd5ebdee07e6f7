//! What follows a completed transfer, from opened to final: a refund, a payout that came back, a
//! chargeback. Decisions only: every effect is an activity. The transfer's own run is over, and its
//! status stays.

#![allow(missing_debug_implementations)] // The SDK's macros define marker types without it.

mod chargeback;
mod give_back;
mod refund;
mod returned;
mod turns;

use domain::linked::{Kind, Link, LinkedId, State};
use domain::transfer::{Order, Status};
use domain::{ActionKind, TransferId};
use temporalio_workflow::{WorkflowContext, WorkflowContextView, WorkflowResult};

use crate::mover::Mover;
use crate::transfer::desk::Desk;
use crate::transfer::{Message, Refused, Said, Standing, messages, operator};

/// The workflow id: `refund/re_…`, `return/rt_…`, `chargeback/cb_…`.
pub fn linked_workflow_id(id: LinkedId) -> String {
    format!("{}/{id}", id.kind())
}

#[temporalio_macros::workflow]
#[derive(Debug)]
pub struct Linked {
    link: Link,
    standing: Standing,
    desk: Desk,
    /// A stored message about it has come.
    heard: u32,
}

type Ctx = crate::transfer::Ctx<Linked>;

impl Mover for Linked {
    fn order(&self) -> Order {
        self.link.order
    }

    fn linked(&self) -> Option<LinkedId> {
        Some(self.link.id)
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
impl Linked {
    #[init]
    fn new(_: &WorkflowContextView, link: Link) -> Self {
        // To its messages it is a sender who is being given money back.
        let standing = Standing::new(Status::Compensating, "about to begin");
        Self {
            link,
            standing,
            desk: Desk::default(),
            heard: 0,
        }
    }

    #[run(name = "linked")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<State> {
        let link = ctx.state(|run| run.link);
        let ended = match link.id.kind() {
            Kind::Refund => refund::refund(ctx, &link).await?,
            Kind::Return => returned::returned(ctx, &link).await?,
            Kind::Chargeback => chargeback::chargeback(ctx, &link).await?,
        };
        operator::answered(ctx).await?;
        Ok(ended)
    }

    /// Where it stands right now.
    #[query(name = "standing")]
    pub fn standing(&self, _: &WorkflowContextView) -> Standing {
        self.shown()
    }

    /// A message of the rail was stored about it. It carries no facts: what was said is looked up.
    #[signal(name = "heard")]
    pub fn heard(&mut self, _: &mut temporalio_workflow::SyncWorkflowContext<Self>) {
        self.heard = self.heard.saturating_add(1);
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
}

/// The transfer that it belongs to.
pub(crate) const fn whose(link: &Link) -> TransferId {
    link.order.transfer
}
