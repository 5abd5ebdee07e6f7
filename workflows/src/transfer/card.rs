//! A card's money is taken in two steps: the network promises it, then it is captured. Each step has
//! its undo, registered before it: a promise is released, what was captured is refunded.

use domain::rail::RailId;
use domain::transfer::Order;
use domain::{Step, StepKey};
use temporalio_workflow::WorkflowResult;

use super::Ctx;
use super::bank::{self, Movement, Outcome};
use super::books::Stop;
use super::desk::Waiting;
use super::operator::{self, Decision};
use super::run::Undo;
use crate::activities::BankStep;

/// Returns the network's reference once the money is taken.
pub(super) async fn collect(
    ctx: &Ctx,
    order: &Order,
    rail: RailId,
    undo: &mut Undo,
) -> Result<String, Stop> {
    let step = |key| BankStep {
        order: *order,
        key,
        rail,
        elsewhere: None,
    };
    let [promise, capture] = [Step::Collect, Step::Fund].map(|it| StepKey::of(order.transfer, it));
    undo.register(Step::Collect);
    if let Outcome::Refused { decline } =
        bank::settle(ctx, step(promise), Movement::Authorise).await?
    {
        undo.forget(Step::Collect);
        return Err(Stop::Refused(decline));
    }
    undo.register(Step::Fund);
    match bank::settle(ctx, step(capture), Movement::Capture).await? {
        Outcome::Done { bank_reference } => {
            // There is no promise left to release.
            undo.forget(Step::Collect);
            Ok(bank_reference)
        }
        Outcome::Refused { decline } => {
            undo.forget(Step::Fund);
            release(ctx, order, rail).await?;
            undo.forget(Step::Collect);
            Err(Stop::Refused(decline))
        }
    }
}

/// Nothing of the card stays promised. A network that refuses even that is for a person.
async fn release(ctx: &Ctx, order: &Order, rail: RailId) -> WorkflowResult<()> {
    let key = StepKey::undo(order.transfer, Step::Collect);
    undone(ctx, order, key, rail, Movement::Void).await?;
    Ok(())
}

/// Gives back what was taken, to the same card. `taken` is the step that took it.
pub(super) async fn give_back(
    ctx: &Ctx,
    order: &Order,
    rail: RailId,
    taken: Step,
) -> WorkflowResult<String> {
    let key = StepKey::undo(order.transfer, taken);
    undone(ctx, order, key, rail, Movement::Refund).await
}

async fn undone(
    ctx: &Ctx,
    order: &Order,
    key: StepKey,
    rail: RailId,
    movement: Movement,
) -> WorkflowResult<String> {
    let mut step = BankStep {
        order: *order,
        key,
        rail,
        elsewhere: None,
    };
    loop {
        match bank::settle(ctx, step, movement).await? {
            Outcome::Done { bank_reference } => return Ok(bank_reference),
            Outcome::Refused { decline } => {
                let why = format!("the card's network refused to take it back: {decline}");
                let waiting = Waiting::only_again(key.step, why);
                // A refused key is dead at the network for ever; the old signal keeps it.
                if let Decision::Again { by_action: true } =
                    operator::wait(ctx, order, waiting).await?
                {
                    step.key = step.key.next_round();
                }
            }
        }
    }
}
