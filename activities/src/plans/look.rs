//! Looks at a batch, and accepts and starts what may begin now. Asked again, nothing is accepted a
//! second time.

use futures::stream::{self, StreamExt};
use temporalio_sdk::activities::ActivityError;
use transfers::AcceptError;
use transfers::batch::Taken;
use workflows::activities::{Look, Looked};

use super::Plans;
use crate::failure;

/// Transfers of one batch under way at the same time.
const UNDER_WAY: u32 = 200;
/// Of those, accepted at the same time: they share commits.
const AT_ONCE: usize = 16;

pub(super) async fn look(plans: &Plans, look: Look) -> Result<Looked, ActivityError> {
    let round = plans
        .transfers
        .look_at_batch(&look.tenant, look.batch, UNDER_WAY)
        .await
        .map_err(failure::try_again)?;
    let Some(round) = round.filter(|round| !round.state.is_final()) else {
        return Ok(Looked::Over);
    };
    let (waiting, under_way) = (round.waiting, round.under_way);
    let accepted = stream::iter(round.taken).map(|taken| begin(plans, taken));
    let mut accepted = accepted.buffer_unordered(AT_ONCE);
    while let Some(done) = accepted.next().await {
        done.map_err(failure::try_again)?;
    }
    Ok(Looked::Open { waiting, under_way })
}

async fn begin(plans: &Plans, taken: Taken) -> Result<(), AcceptError> {
    if let Some(order) = plans.transfers.accept_item(&taken).await? {
        plans.starts.start(&order).await;
    }
    Ok(())
}
