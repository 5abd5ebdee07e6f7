//! Beyond what a workflow may decide: it says so, waits for a person, and goes on when told.

use domain::Step;
use domain::transfer::{FlagKind, Happening, Order};
use temporalio_workflow::{WaitConditionOptions, WorkflowCancellationToken, WorkflowResult};

use super::Ctx;
use super::books;

/// Flags the transfer `needs_operator` until somebody asks to try again.
pub(super) async fn wait(ctx: &Ctx, order: &Order, step: Step, why: &str) -> WorkflowResult<()> {
    let (flag, seen) = (
        FlagKind::NeedsOperator,
        ctx.state(|transfer| transfer.tries_asked),
    );
    let note = why.to_owned();
    books::say(ctx, order, Happening::Raised { flag, step, note }).await?;
    let detached = WaitConditionOptions::builder()
        .cancellation_token(WorkflowCancellationToken::new())
        .build();
    ctx.wait_condition_with_options(|transfer| transfer.tries_asked > seen, detached)
        .await?;
    let note = "an operator asked to try again".to_owned();
    books::say(ctx, order, Happening::Lowered { flag, step, note }).await
}
