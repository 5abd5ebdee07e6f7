//! A transfer for a later date waits for it in a durable timer of its own run.
//!
//! The run is started at once, and not by a delayed start, so that what a person may do about any
//! other transfer (hold it, call it off, add a note, ask where it stands) can be done about this one
//! in all the time in which that is most likely; before its first task a run takes no message and
//! answers no question. It costs a timer and one more workflow task.

use std::pin::pin;
use std::time::{Duration, UNIX_EPOCH};

use domain::Timestamp;
use futures::FutureExt;
use temporalio_workflow::{WorkflowCancellationToken, WorkflowResult, select};

use super::{Ctx, operator};
use crate::options;

/// Ends at that instant, or as soon as somebody calls the transfer off; then also what is held
/// waits here until it is released.
pub(super) async fn until(ctx: &Ctx, at: Timestamp) -> WorkflowResult<()> {
    if let Some(wait) = still_to_wait(ctx, at) {
        let token = WorkflowCancellationToken::new();
        let timer = options::wait(wait, "until its day", token.clone());
        let mut day = pin!(ctx.timer(timer).fuse());
        let mut taken_back =
            pin!(ctx.wait_condition_with_options(
                |transfer| transfer.desk.take_back,
                operator::detached()
            ));
        let mut called_off = pin!(ctx.cancelled());
        select! {
            _ = day => {}
            said = taken_back => {
                said?;
                token.cancel();
            }
            _ = called_off => token.cancel(),
        }
    }
    if !ctx.cancellation_token().is_cancelled() {
        operator::may_leave(ctx, false).await?;
    }
    Ok(())
}

fn still_to_wait(ctx: &Ctx, at: Timestamp) -> Option<Duration> {
    let now = ctx.workflow_time()?.duration_since(UNIX_EPOCH).ok()?;
    let wait = at.since(Timestamp::default().after(now));
    (!wait.is_zero()).then_some(wait)
}
