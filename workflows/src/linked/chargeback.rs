//! A card's holder contests a payment: its bank has taken the money from us. What the network decides
//! then is told by a stored message, and until it is the money is in dispute, however long that takes.

use domain::linked::{Link, State, Turn};
use temporalio_workflow::WorkflowResult;

use super::Ctx;
use super::turns::{insist, take, wait};
use crate::activities::{Books, Decided, Dispute};
use crate::options;
use crate::transfer::operator;

pub(super) async fn chargeback(ctx: &Ctx, link: &Link) -> WorkflowResult<State> {
    insist(ctx, link, Turn::Begun).await?;
    if decision(ctx, link).await? {
        insist(ctx, link, Turn::Won).await?;
        return Ok(State::Won);
    }
    // Whoever was paid bears it; who has not the money any more, or took it out, leaves it to us.
    if take(ctx, link, Turn::Charged).await?.is_some() {
        insist(ctx, link, Turn::Borne).await?;
    }
    Ok(State::Lost)
}

async fn decision(ctx: &Ctx, link: &Link) -> WorkflowResult<bool> {
    let look = Dispute {
        tenant: link.order.tenant,
        linked: link.id,
    };
    loop {
        let seen = ctx.state(|run| run.heard);
        let options = options::books("decided?");
        match ctx
            .execute_local_activity(Books::decided, look, options)
            .await
        {
            Ok(Decided::Won) => return Ok(true),
            Ok(Decided::Lost) => return Ok(false),
            Ok(Decided::NotYet) => {
                let heard =
                    ctx.wait_condition_with_options(|run| run.heard > seen, operator::detached());
                heard.await?;
            }
            Err(error) => {
                wait(
                    ctx,
                    link,
                    format!("the dispute cannot be looked up: {error}"),
                )
                .await?;
            }
        }
    }
}
