//! A refund on one screen: take it from whoever was paid, give it to the sender; a bank's definite
//! refusal gives it back to whoever was paid.

use domain::linked::{Link, State, Turn};
use temporalio_workflow::WorkflowResult;

use super::turns::{insist, take};
use super::{Ctx, give_back};
use crate::transfer::bank::Outcome;

pub(super) async fn refund(ctx: &Ctx, link: &Link) -> WorkflowResult<State> {
    let Some((step, movement)) = give_back::step(link) else {
        let bank_reference = None;
        return match take(ctx, link, Turn::GivenBack { bank_reference }).await? {
            None => Ok(State::Completed),
            Some(decline) => refused(ctx, link, Turn::Refused { decline }).await,
        };
    };
    // Set aside before it may leave, so that nobody spends it meanwhile.
    if let Some(decline) = take(ctx, link, Turn::Begun).await? {
        return refused(ctx, link, Turn::Refused { decline }).await;
    }
    match give_back::over_the_rail(ctx, step, movement).await? {
        Outcome::Done { bank_reference } => {
            let bank_reference = Some(bank_reference);
            insist(ctx, link, Turn::GivenBack { bank_reference }).await?;
            Ok(State::Completed)
        }
        Outcome::Refused { decline } => refused(ctx, link, Turn::Refused { decline }).await,
    }
}

/// Whoever was paid has it still, or again.
async fn refused(ctx: &Ctx, link: &Link, turn: Turn) -> WorkflowResult<State> {
    insist(ctx, link, turn).await?;
    Ok(State::Failed)
}
