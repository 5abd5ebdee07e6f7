//! The business on one screen: screen, collect, fund, convert, pay out, settle; undo what a definite
//! refusal leaves.

use domain::Step;
use domain::transfer::{Asking, Decline, Happening, Order, Status};
use temporalio_workflow::WorkflowResult;

use super::Ctx;
use super::bank::{self, Outcome};
use super::books::{Pen, Stop};
use super::desk::Waiting;
use super::{card, checkout, later, operator, screen};

pub(super) async fn transfer(ctx: &Ctx) -> WorkflowResult<Status> {
    let order = ctx.state(|transfer| transfer.order);
    let mut pen = Pen::new(ctx, order);
    if let Some(at) = order.execute_at {
        later::until(ctx, at).await?;
    }
    // From here on a cancellation cannot cut a step in half any more. Runs that waited for no date are
    // as they were before there were dates.
    let waited = order.execute_at.is_some();
    if waited && ctx.cancellation_token().is_cancelled() && pen.call_off().await? {
        return Ok(Status::Canceled);
    }
    let mut undo = Undo::default();
    let ended = carry_out(ctx, &order, &mut pen, &mut undo).await?;
    // Whoever sent a message hears an answer.
    operator::answered(ctx).await?;
    Ok(ended)
}

async fn carry_out(
    ctx: &Ctx,
    order: &Order,
    pen: &mut Pen,
    undo: &mut Undo,
) -> WorkflowResult<Status> {
    match move_money(ctx, order, pen, undo).await {
        Ok(()) => Ok(Status::Completed),
        Err(Stop::Refused(Decline::TakenBack)) if undo.is_empty() && pen.call_off().await? => {
            Ok(Status::Canceled)
        }
        Err(Stop::Refused(decline)) if undo.is_empty() => {
            pen.note(Happening::Declined { decline });
            pen.write().await?;
            Ok(Status::Failed)
        }
        Err(Stop::Refused(decline)) => {
            pen.note(Happening::PayoutRefused { decline });
            pen.write().await?;
            undo.unwind(ctx, order, pen).await?;
            Ok(Status::Refunded)
        }
        Err(Stop::Broken(termination)) => Err(termination),
    }
}

/// Happenings between two bank calls are written in one commit, just before the next call leaves.
async fn move_money(ctx: &Ctx, order: &Order, pen: &mut Pen, undo: &mut Undo) -> Result<(), Stop> {
    screen::screen(ctx, order, pen).await?;

    pen.note(Happening::Collecting);
    let collected = collect(ctx, order, pen, undo).await?;

    pen.note(Happening::Funded {
        bank_reference: collected,
    });
    if operator::interferes(ctx) {
        pen.write_funding(undo).await?;
        if !operator::may_leave(ctx, false).await? {
            return Err(Stop::Refused(Decline::TakenBack));
        }
    }
    // At a quote it changes its currency with this, in the same commit.
    pen.note(Happening::PayingOut);
    let paid = match order.destination.rail() {
        None => None,
        Some(rail) => {
            pen.write_funding(undo).await?;
            match bank::pay_out(ctx, order, rail).await? {
                Outcome::Done { bank_reference } => Some(bank_reference),
                Outcome::Refused { decline } => return Err(Stop::Refused(decline)),
            }
        }
    };

    pen.note(Happening::Completed {
        bank_reference: paid,
    });
    pen.write_funding(undo).await
}

/// What the sender's bank or network called it; nothing where the sender has a wallet.
async fn collect(
    ctx: &Ctx,
    order: &Order,
    pen: &mut Pen,
    undo: &mut Undo,
) -> Result<Option<String>, Stop> {
    match order.source.asking() {
        Asking::Books => Ok(None),
        Asking::Debit(rail) => {
            pen.write().await?;
            // Registered before the money may leave the sender; dropped only on a definite refusal.
            undo.register(Step::Collect);
            match bank::debit(ctx, order, rail).await? {
                Outcome::Done { bank_reference } => Ok(Some(bank_reference)),
                Outcome::Refused { decline } => {
                    undo.forget(Step::Collect);
                    Err(Stop::Refused(decline))
                }
            }
        }
        Asking::Card(rail) => {
            pen.write().await?;
            card::collect(ctx, order, rail, undo).await.map(Some)
        }
        Asking::Checkout(rail) => {
            pen.write().await?;
            checkout::collect(ctx, order, rail, pen, undo)
                .await
                .map(Some)
        }
    }
}

/// What has to be undone, in the order in which it was done.
#[derive(Default)]
pub(super) struct Undo {
    steps: Vec<Step>,
}

impl Undo {
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn register(&mut self, step: Step) {
        if !self.steps.contains(&step) {
            self.steps.push(step);
        }
    }

    pub(super) fn forget(&mut self, step: Step) {
        self.steps.retain(|registered| *registered != step);
    }

    /// Newest first, and nobody can cancel it.
    async fn unwind(&mut self, ctx: &Ctx, order: &Order, pen: &mut Pen) -> WorkflowResult<()> {
        while let Some(step) = self.steps.pop() {
            match step {
                Step::Collect | Step::Fund => give_back(ctx, order, pen).await?,
                // What is set aside for a payout, and what was exchanged for it, returns to the pool
                // with the refusal itself; settling only books what paying out did.
                Step::Screen | Step::Convert | Step::PayOut | Step::Settle => {}
            }
        }
        Ok(())
    }
}

/// The undo of collecting: the money goes back to where it came from.
async fn give_back(ctx: &Ctx, order: &Order, pen: &mut Pen) -> WorkflowResult<()> {
    let bank_reference = match order.source.asking() {
        Asking::Books => None,
        Asking::Debit(rail) => Some(bank::give_back(ctx, order, rail).await?),
        Asking::Card(rail) => Some(card::give_back(ctx, order, rail, Step::Fund).await?),
        // What was paid on a page was taken at once.
        Asking::Checkout(rail) => Some(card::give_back(ctx, order, rail, Step::Collect).await?),
    };
    loop {
        let bank_reference = bank_reference.clone();
        pen.note(Happening::Refunded { bank_reference });
        match pen.write().await {
            Err(Stop::Refused(decline)) => {
                let why = format!("the sender's wallet cannot take the money back: {decline}");
                operator::wait(ctx, order, Waiting::only_again(Step::Collect, why)).await?;
            }
            written => return Ok(written?),
        }
    }
}
