//! A batch: has our records accept as many of its items as may be under way, and looks again, until
//! all came to their end. Which items there are, and where each stands, lies in the records: this
//! run remembers nothing, so it may be ended and begun again at any time.
//!
//! Items are accepted and started by an activity and are no child workflows. A child would have to
//! be waited for by the run that started it, and one transfer in doubt would keep a whole run of
//! them from being continued as new; as it is, a transfer of a batch is like any other, and the
//! history of a batch is bounded by its looks.

#![allow(missing_debug_implementations)] // The SDK's macros define marker types without it.

use std::time::Duration;

use domain::{BatchId, Tenant};
use serde::{Deserialize, Serialize};
use temporalio_workflow::{
    ContinueAsNewOptions, WorkflowCancellationToken, WorkflowContext, WorkflowContextView,
    WorkflowResult,
};

use crate::activities::{Look, Looked, Plans};
use crate::options;

/// The workflow id of a batch: one batch, one workflow, whoever starts it.
pub fn batch_id(batch: BatchId) -> String {
    format!("batch/{batch}")
}

/// The looks of one run: some 500 events.
const LOOKS: u32 = 100;
/// While there is more to be accepted, or something has just changed.
const SOON: Duration = Duration::from_millis(500);
/// While nothing changes: a bank is slow, or a person is waited for.
const SELDOM: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfBatch {
    pub tenant: Tenant,
    pub batch: BatchId,
}

#[temporalio_macros::workflow]
#[derive(Debug)]
pub struct Batch {
    of: OfBatch,
}

#[temporalio_macros::workflow_methods]
impl Batch {
    #[init]
    fn new(_: &WorkflowContextView, of: OfBatch) -> Self {
        Self { of }
    }

    #[run(name = "batch")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let of = ctx.state(|batch| batch.of);
        let look = Look {
            tenant: of.tenant,
            batch: of.batch,
        };
        let (mut before, mut wait) = (None, SOON);
        for _ in 0..LOOKS {
            let looked = ctx
                .execute_local_activity(Plans::look, look, options::round("look"))
                .await?;
            if looked == Looked::Over {
                return Ok(());
            }
            wait = match before == Some(looked) {
                true => wait.saturating_mul(2).min(SELDOM),
                false => SOON,
            };
            before = Some(looked);
            let timer = options::wait(
                wait,
                "until the next look",
                WorkflowCancellationToken::new(),
            );
            ctx.timer(timer).await;
        }
        ctx.continue_as_new(of, ContinueAsNewOptions::default())?;
        Ok(())
    }
}
