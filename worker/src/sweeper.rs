//! Starts every accepted transfer whose workflow was not started yet.
//!
//! A transfer is accepted in one commit, and its workflow is started after it. Whoever dies between
//! the two leaves a row that says so, and any sweeper finds it. Starting twice is harmless.

use std::time::Duration;

use ambient::SharedClock;
use temporal::{StartError, Starter};
use tokio_util::sync::CancellationToken;
use transfers::{Admission, Transfers};

/// Younger rows are about to be started by whoever accepted them.
const OLD_ENOUGH: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_secs(1);
const BATCH: u32 = 200;

/// Runs until `stop` is cancelled. The first round also takes the youngest rows: after a start of
/// the process nobody else is about to start them.
pub async fn sweep(
    transfers: Transfers,
    admission: Admission,
    starter: Starter,
    clock: SharedClock,
    stop: CancellationToken,
) {
    let mut old_enough = Duration::ZERO;
    while !stop.is_cancelled() {
        if let Err(error) = round(&transfers, &admission, &starter, old_enough).await {
            tracing::warn!(%error, "waiting transfers could not be started; trying again");
        }
        old_enough = OLD_ENOUGH;
        let next = clock.sleep_until(clock.now().after(PAUSE));
        tokio::select! {
            () = next => {}
            () = stop.cancelled() => {}
        }
    }
}

/// One transfer that is not taken does not hold up the others; an engine that does not answer is
/// not asked for the rest.
async fn round(
    transfers: &Transfers,
    admission: &Admission,
    starter: &Starter,
    old_enough: Duration,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    for order in transfers.to_start(old_enough, BATCH).await? {
        // Beyond its partner's share of a rail: in one of the next rounds.
        if !admission.admits(&order).await? {
            continue;
        }
        match starter.start(&order).await {
            Ok(()) => transfers.started(&order.tenant, order.transfer).await?,
            Err(error @ StartError::NotTaken(_)) => {
                tracing::warn!(transfer = %order.transfer, %error, "not started; trying again");
            }
            Err(error @ StartError::TimedOut) => return Err(error.into()),
        }
    }
    Ok(())
}
