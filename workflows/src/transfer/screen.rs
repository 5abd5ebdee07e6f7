//! Before anything moves: may this begin at all? What stands against it is looked up in our own
//! books; what only a person can decide waits for a person.

use domain::Step;
use domain::transfer::{Decline, Happening, Order};
use temporalio_workflow::WorkflowResult;

use super::books::{Pen, Stop};
use super::desk::Waiting;
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
        Screened::Passed => {}
        Screened::Denied { decline } => return Err(Stop::Refused(decline)),
        Screened::Review { why } => {
            pen.note(Happening::InReview { why });
            pen.write().await?;
            review(ctx).await?;
        }
    }
    ctx.state(|transfer| match &transfer.desk {
        desk if desk.take_back => Err(Stop::Refused(Decline::TakenBack)),
        desk if desk.reviewed == Some(false) => Err(Stop::Refused(Decline::ReviewDenied)),
        _ => Ok(()),
    })
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
                operator::wait(ctx, order, Waiting::only_again(Step::Screen, why)).await?;
            }
        }
    }
}

/// Waits for a person, however long it takes; the first word counts. Nobody need look at what is
/// not wanted any more.
async fn review(ctx: &Ctx) -> WorkflowResult<()> {
    ctx.state_mut(|transfer| transfer.desk.in_review = true);
    ctx.wait_condition_with_options(
        |transfer| transfer.desk.reviewed.is_some() || transfer.desk.take_back,
        operator::detached(),
    )
    .await?;
    ctx.state_mut(|transfer| transfer.desk.in_review = false);
    Ok(())
}
