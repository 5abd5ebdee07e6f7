//! Pays the sender of a completed transfer back, to where the money came from.

use domain::StepKey;
use domain::linked::Link;
use domain::transfer::Endpoint;
use temporalio_workflow::WorkflowResult;

use super::{Ctx, whose};
use crate::activities::BankStep;
use crate::transfer::bank::{self, Movement, Outcome};

/// The step at the sender's bank or card network; none where the sender has a wallet.
pub(super) fn step(link: &Link) -> Option<(BankStep, Movement)> {
    let (rail, movement) = match link.order.source {
        Endpoint::BankAccount { rail, .. } => (rail, Movement::PayOut),
        Endpoint::Card { rail, .. } | Endpoint::Checkout { rail } => (rail, Movement::Refund),
        Endpoint::Wallet { .. } | Endpoint::Merchant { .. } => return None,
    };
    let step = BankStep {
        order: link.order,
        key: StepKey::of_linked(whose(link), link.id),
        rail,
        elsewhere: None,
    };
    Some((step, movement))
}

/// Returns only when the fate of the money is known.
pub(super) async fn over_the_rail(
    ctx: &Ctx,
    step: BankStep,
    movement: Movement,
) -> WorkflowResult<Outcome> {
    bank::settle(ctx, step, movement).await
}
