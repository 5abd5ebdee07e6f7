//! Before anything moves: may this begin at all? What stands against it is looked up in our own
//! books; what only a person can decide waits for a person.

use domain::transfer::{Decline, Happening, Order};
use temporalio_workflow::{WaitConditionOptions, WorkflowCancellationToken, WorkflowResult};

use super::Ctx;
use super::books::{Pen, Stop};
use crate::activities::{Books, Screen, Screened};
use crate::options;

/// What a person decided about a transfer in review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Review {
    Approved,
    Denied,
}

pub(super) async fn screen(ctx: &Ctx, order: &Order, pen: &mut Pen) -> Result<(), Stop> {
    // The order itself says whether it was accepted by a version that screens, so the histories of
    // those that were not stay as they are, at the price of no event.
    if !order.screened {
        return Ok(());
    }
    match look(ctx, order).await? {
        Screened::Passed => Ok(()),
        Screened::Denied { decline } => Err(Stop::Refused(decline)),
        Screened::Review { why } => {
            pen.note(Happening::InReview { why });
            pen.write().await?;
            match decision(ctx).await? {
                Review::Approved => Ok(()),
                Review::Denied => Err(Stop::Refused(Decline::ReviewDenied)),
            }
        }
    }
}

/// Our own database is asked until it answers.
async fn look(ctx: &Ctx, order: &Order) -> WorkflowResult<Screened> {
    let screen = Screen {
        tenant: order.tenant,
        transfer: order.transfer,
    };
    let asked = ctx.execute_local_activity(Books::screen, screen, options::books("screen"));
    Ok(asked.await?)
}

/// However long it takes. The first word counts.
async fn decision(ctx: &Ctx) -> WorkflowResult<Review> {
    let detached = WaitConditionOptions::builder()
        .cancellation_token(WorkflowCancellationToken::new())
        .build();
    ctx.wait_condition_with_options(|transfer| transfer.review.is_some(), detached)
        .await?;
    Ok(ctx
        .state(|transfer| transfer.review)
        .unwrap_or(Review::Denied))
}
