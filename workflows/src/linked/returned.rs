//! The receiver's bank has sent a payout back: it lies in the pool again, claimed by its transfer, and
//! goes to the sender.

use domain::Step;
use domain::linked::{Link, State, Turn};
use temporalio_workflow::WorkflowResult;

use super::turns::{insist, wait};
use super::{Ctx, give_back};
use crate::transfer::bank::Outcome;
use crate::transfer::desk::Waiting;
use crate::transfer::operator::{self, Decision};

pub(super) async fn returned(ctx: &Ctx, link: &Link) -> WorkflowResult<State> {
    insist(ctx, link, Turn::Begun).await?;
    // What it is worth in the sender's currency today nobody here may decide.
    while link.order.quote.is_some() {
        let why = "it came back in another currency than was sent; it stays in the pool until a \
                   person has decided what the sender gets"
            .to_owned();
        wait(ctx, link, why).await?;
    }
    let bank_reference = match give_back::step(link) {
        None => None,
        Some((mut step, movement)) => loop {
            match give_back::over_the_rail(ctx, step, movement).await? {
                Outcome::Done { bank_reference } => break Some(bank_reference),
                Outcome::Refused { decline } => {
                    let waiting = Waiting {
                        step: Step::PayOut,
                        why: format!("the sender's side refused to take it back: {decline}"),
                        may_go_elsewhere: true,
                        may_be_taken_back: false,
                    };
                    // A refused key is dead for ever, so what a person decides has a new one.
                    match operator::wait(ctx, &link.order, waiting).await? {
                        Decision::Again { .. } | Decision::TakeBack => step.elsewhere = None,
                        Decision::Elsewhere(other) => step.elsewhere = Some(other),
                    }
                    step.key = step.key.next_round();
                }
            }
        },
    };
    insist(ctx, link, Turn::GivenBack { bank_reference }).await?;
    Ok(State::Completed)
}
