//! Starts every accepted transfer whose workflow was not started yet.
//!
//! A transfer is accepted in one commit, and its workflow is started after it. Whoever dies between
//! the two leaves a row that says so, and any sweeper finds it. Starting twice is harmless.

use std::time::Duration;

use ambient::SharedClock;
use domain::transfer::Order;
use temporal::{StartError, Starter};
use tokio_util::sync::CancellationToken;
use transfers::{Admission, Transfers};

/// Younger rows are about to be started by whoever accepted them.
const OLD_ENOUGH: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_secs(1);
const BATCH: u32 = 100;
/// Parts of one round, so that it ends; the next round goes on where it was left.
const PARTS: u32 = 5;

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
    let mut waiting = 0;
    while !stop.is_cancelled() {
        let round = round(&transfers, &admission, &starter, old_enough, waiting);
        waiting = round.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "waiting transfers could not be started; trying again");
            0
        });
        if let Err(error) = linked(&transfers, &starter, old_enough).await {
            tracing::warn!(%error, "waiting refunds could not be started; trying again");
        }
        old_enough = OLD_ENOUGH;
        let next = clock.sleep_until(clock.now().after(PAUSE));
        tokio::select! {
            () = next => {}
            () = stop.cancelled() => {}
        }
    }
}

/// One transfer that is not taken does not hold up the others, nor do those that wait for room on
/// their rail: they are passed over. An engine that does not answer is not asked for the rest.
///
/// Gives how many wait before the place where the next round goes on; none at the end.
async fn round(
    transfers: &Transfers,
    admission: &Admission,
    starter: &Starter,
    old_enough: Duration,
    mut waiting: u32,
) -> Result<u32, Box<dyn std::error::Error + Send + Sync>> {
    for _ in 0..PARTS {
        let part = transfers.to_start(old_enough, waiting, BATCH).await?;
        if part.is_empty() {
            return Ok(0);
        }
        for order in part {
            if !start(transfers, admission, starter, &order).await? {
                waiting += 1;
            }
        }
    }
    Ok(waiting)
}

/// False when it waits on.
async fn start(
    transfers: &Transfers,
    admission: &Admission,
    starter: &Starter,
    order: &Order,
) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    // Beyond its partner's share of a rail: in one of the next rounds.
    if !admission.admits(order).await? {
        return Ok(false);
    }
    match starter.start(order).await {
        Ok(()) => {
            transfers.started(&order.tenant, order.transfer).await?;
            Ok(true)
        }
        Err(error @ StartError::NotTaken(_)) => {
            tracing::warn!(transfer = %order.transfer, %error, "not started; trying again");
            Ok(false)
        }
        Err(error @ StartError::TimedOut) => Err(error.into()),
    }
}

/// The same for what follows completed transfers. It is not the sender's turn at a rail that it
/// waits for, so no share holds it back.
async fn linked(
    transfers: &Transfers,
    starter: &Starter,
    old_enough: Duration,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    for link in transfers.linked_to_start(old_enough, BATCH).await? {
        match starter.start_linked(&link).await {
            Ok(()) => {
                // It may run already and wait for just this: told twice it looks twice.
                starter.heard(link.id).await;
                transfers
                    .linked_started(&link.order.tenant, link.id)
                    .await?;
            }
            Err(error @ StartError::NotTaken(_)) => {
                tracing::warn!(linked = %link.id, %error, "not started; trying again");
            }
            Err(error @ StartError::TimedOut) => return Err(error.into()),
        }
    }
    Ok(())
}
