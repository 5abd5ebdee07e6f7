//! Before anything moves: may this begin at all? What stands against it is looked up in our own
//! books; what only a person can decide waits for a person.

use domain::Step;
use domain::transfer::{Decline, Happening, Order};
use temporalio_workflow::{WaitConditionOptions, WorkflowCancellationToken, WorkflowResult};

use super::books::{Pen, Stop};
use super::{Ctx, operator};
use crate::activities::{Books, Screen, Screened};
use crate::options;

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
            if is_approved(ctx).await? {
                Ok(())
            } else {
                Err(Stop::Refused(Decline::ReviewDenied))
            }
        }
    }
}

/// Our own database is asked until it answers; what it contradicts is for a person.
async fn look(ctx: &Ctx, order: &Order) -> WorkflowResult<Screened> {
    let screen = Screen {
        tenant: order.tenant,
        transfer: order.transfer,
    };
    loop {
        let options = options::books("screen");
        match ctx
            .execute_local_activity(Books::screen, screen, options)
            .await
        {
            Ok(screened) => return Ok(screened),
            Err(error) => {
                let why = format!("the books contradict what was to be screened: {error}");
                operator::wait(ctx, order, Step::Screen, &why).await?;
            }
        }
    }
}

/// However long it takes. The first word counts.
async fn is_approved(ctx: &Ctx) -> WorkflowResult<bool> {
    let detached = WaitConditionOptions::builder()
        .cancellation_token(WorkflowCancellationToken::new())
        .build();
    ctx.wait_condition_with_options(|transfer| transfer.approved.is_some(), detached)
        .await?;
    Ok(ctx.state(|transfer| transfer.approved == Some(true)))
}
