//! Writes what happens into our books, one turn a commit.

use domain::Step;
use domain::linked::{Link, Turn};
use domain::transfer::Decline;
use temporalio_workflow::WorkflowResult;

use super::{Ctx, whose};
use crate::activities::{Booked, Books, TakeTurn};
use crate::options;
use crate::transfer::desk::Waiting;
use crate::transfer::operator;

/// None once it is written; the books' own word where they refuse it. What they contradict is shown
/// to a person and tried again when that person says so.
pub(super) async fn take(ctx: &Ctx, link: &Link, turn: Turn) -> WorkflowResult<Option<Decline>> {
    let summary = turn.cause(link.id.kind());
    let take = TakeTurn {
        tenant: link.order.tenant,
        transfer: whose(link),
        linked: link.id,
        turn,
    };
    loop {
        let options = options::books(summary);
        let taken = ctx.execute_local_activity(Books::turn, take.clone(), options);
        match taken.await {
            Ok(Booked::Done | Booked::TooLate) => {
                ctx.state_mut(|run| summary.clone_into(&mut run.standing.doing));
                return Ok(None);
            }
            Ok(Booked::Refused { decline }) => return Ok(Some(decline)),
            Err(error) => {
                let why = format!("the books contradict what was to be recorded: {error}");
                wait(ctx, link, why).await?;
            }
        }
    }
}

/// The same where nothing may refuse it for good: a person looks, and it is tried again.
pub(super) async fn insist(ctx: &Ctx, link: &Link, turn: Turn) -> WorkflowResult<()> {
    while let Some(decline) = take(ctx, link, turn.clone()).await? {
        let why = format!("the books cannot take it ({decline}); the money is with us");
        wait(ctx, link, why).await?;
    }
    Ok(())
}

pub(super) async fn wait(ctx: &Ctx, link: &Link, why: String) -> WorkflowResult<()> {
    let waiting = Waiting::only_again(Step::PayOut, why);
    operator::wait(ctx, &link.order, waiting).await?;
    Ok(())
}
