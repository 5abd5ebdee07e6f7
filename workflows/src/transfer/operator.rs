//! Beyond what a workflow may decide: it says so, waits for a person, and goes on when told.

use std::pin::pin;
use std::time::Duration;

use domain::transfer::{FlagKind, Happening, Order};
use futures::FutureExt;
use temporalio_workflow::{
    WaitConditionOptions, WorkflowCancellationToken, WorkflowResult, select,
};

use super::desk::{Desk, Waiting};
use super::{Ctx, books};
use crate::activities::Elsewhere;
use crate::mover::Mover;
use crate::options;

/// What the person decided.
pub(crate) enum Decision {
    Again {
        /// By an approved action, so that a dead key may be followed by a new one. The old signal
        /// says only "once more, exactly the same".
        by_action: bool,
    },
    Elsewhere(Elsewhere),
    TakeBack,
}

/// Flags the transfer `needs_operator` until somebody decides, and says what can be decided.
pub(crate) async fn wait<W: Mover>(
    ctx: &Ctx<W>,
    order: &Order,
    waiting: Waiting,
) -> WorkflowResult<Decision> {
    let (flag, step) = (FlagKind::NeedsOperator, waiting.step);
    let (seen, note) = ctx.state_mut(|run| {
        let status = run.at().status;
        let desk = run.desk_mut();
        let why = waiting.why.clone();
        (desk.by_action, desk.elsewhere) = (false, None);
        desk.waiting = Some(waiting);
        let ways_out = desk.ways_out(status);
        (desk.asked_again, format!("{why}; possible: {ways_out}"))
    });
    books::say(ctx, order, Happening::Raised { flag, step, note }).await?;
    ctx.wait_condition_with_options(
        |run| {
            let desk = run.desk();
            let may = desk
                .waiting
                .as_ref()
                .is_some_and(|waiting| waiting.may_be_taken_back);
            desk.asked_again > seen || (desk.take_back && may)
        },
        detached(),
    )
    .await?;
    let decision = ctx.state_mut(|run| {
        let desk = run.desk_mut();
        desk.waiting = None;
        match desk.elsewhere.take() {
            Some(elsewhere) => Decision::Elsewhere(elsewhere),
            None if desk.asked_again > seen => Decision::Again {
                by_action: desk.by_action,
            },
            None => Decision::TakeBack,
        }
    });
    let note = match decision {
        Decision::Again { .. } => "an operator asked to try again",
        Decision::Elsewhere(_) => "an operator had it sent elsewhere",
        Decision::TakeBack => "an operator had it taken back",
    };
    let note = note.to_owned();
    books::say(ctx, order, Happening::Lowered { flag, step, note }).await?;
    Ok(decision)
}

/// Before an instruction leaves: a hold keeps it here. False when it shall not leave at all any
/// more, which an undo never asks.
pub(super) async fn may_leave<W: Mover>(ctx: &Ctx<W>, an_undo: bool) -> WorkflowResult<bool> {
    let taken_back = |desk: &Desk| desk.take_back && !an_undo;
    ctx.wait_condition_with_options(|run| !run.desk().held || taken_back(run.desk()), detached())
        .await?;
    Ok(ctx.state(|run| !taken_back(run.desk())))
}

/// Whether somebody wants it stopped or taken back, so that the books show first where it stands.
pub(super) fn interferes(ctx: &Ctx) -> bool {
    ctx.state(|transfer| transfer.desk.held || transfer.desk.take_back)
}

/// Once everybody who sent a message has an answer.
pub(crate) async fn answered<W: Mover>(ctx: &Ctx<W>) -> WorkflowResult<()> {
    ctx.wait_condition_with_options(|_| ctx.all_handlers_finished(), detached())
        .await?;
    Ok(())
}

/// Waits so long, or until somebody at the desk has said what ends it.
pub(super) async fn pause<W: Mover>(
    ctx: &Ctx<W>,
    wait: Duration,
    summary: &str,
    ends: impl Fn(&Desk) -> bool,
) -> WorkflowResult<()> {
    let token = WorkflowCancellationToken::new();
    let mut timer = pin!(
        ctx.timer(options::wait(wait, summary, token.clone()))
            .fuse()
    );
    let mut cut_short = pin!(ctx.wait_condition_with_options(|run| ends(run.desk()), detached()));
    select! {
        _ = timer => {}
        said = cut_short => {
            said?;
            token.cancel();
        }
    }
    Ok(())
}

/// What people decide is not cut off by a request to cancel the run.
pub(crate) fn detached() -> WaitConditionOptions {
    WaitConditionOptions::builder()
        .cancellation_token(WorkflowCancellationToken::new())
        .build()
}
