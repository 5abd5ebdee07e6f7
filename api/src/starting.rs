//! Accept, then start: the order is stored in one commit, and only then its workflow is started.
//!
//! Both run in a task of their own, so that a client that hangs up, or a request that runs out of
//! time, cannot drop them half-way. The answer waits for the commit and not for the start: whatever
//! is not started here (the engine is away, too many starts at once, the process dies), the sweeper
//! starts from the stored row.

use std::time::Duration;

use domain::linked::Link;
use domain::{Tenant, TransferId};
use tokio::sync::oneshot;
use transfers::linked::{NewRefund, Opened, RefundError};
use transfers::{AcceptError, Accepted, IdempotencyKey, NewTransfer, StoreError, Transfer};

use crate::state::App;

/// An engine that needs longer than this is left to the sweeper.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers as soon as the order is stored, or was stored before.
pub(crate) async fn accept(
    app: &App,
    tenant: Tenant,
    key: IdempotencyKey,
    new: NewTransfer,
) -> Result<Accepted, AcceptError> {
    let (answer, answered) = oneshot::channel();
    let app = app.clone();
    tokio::spawn(async move {
        let accepted = app.transfers.accept(&tenant, &key, new).await;
        let fresh = accepted
            .as_ref()
            .ok()
            .filter(|accepted| !accepted.replayed)
            .map(|accepted| accepted.transfer.clone());
        // Nobody may be listening any more; the start goes on all the same.
        let _gone = answer.send(accepted);
        if let Some(transfer) = fresh {
            start(&app, &transfer).await;
        }
    });
    // Silence means that the task panicked: what it did is not known.
    answered
        .await
        .unwrap_or_else(|_| Err(StoreError::Unknown(db::DbError::Panicked).into()))
}

/// The row says so already; its run is told now, or finds out when its day comes.
pub(crate) fn call_off(app: &App, id: TransferId) {
    let app = app.clone();
    tokio::spawn(async move {
        let deadline = app.clock.now().after(PATIENCE);
        tokio::select! {
            told = app.starter.call_off(id) => {
                if let Err(error) = told {
                    tracing::debug!(transfer = %id, %error, "its run finds out by itself");
                }
            }
            () = app.clock.sleep_until(deadline) => {}
        }
    });
}

/// The same for a refund: it may be asked for as soon as the transfer is completed.
pub(crate) async fn refund(
    app: &App,
    tenant: Tenant,
    key: IdempotencyKey,
    new: NewRefund,
) -> Result<Opened, RefundError> {
    let (answer, answered) = oneshot::channel();
    let app = app.clone();
    tokio::spawn(async move {
        let opened = app.transfers.refund(&tenant, &key, new).await;
        let fresh = opened.as_ref().ok().filter(|opened| !opened.replayed);
        let fresh = fresh.map(|opened| opened.link);
        let _gone = answer.send(opened);
        if let Some(link) = fresh {
            start_linked(&app, &link).await;
        }
    });
    answered
        .await
        .unwrap_or_else(|_| Err(StoreError::Unknown(db::DbError::Panicked).into()))
}

async fn start_linked(app: &App, link: &Link) {
    let Ok(_seat) = app.rooms.starts.try_acquire() else {
        return;
    };
    if let Err(error) = app.starter.start_linked(link).await {
        tracing::warn!(linked = %link.id, %error, "not started, left to the sweeper");
        return;
    }
    let started = app.transfers.linked_started(&link.order.tenant, link.id);
    if let Err(error) = started.await {
        tracing::warn!(linked = %link.id, %error, "started, which could not be noted");
    }
}

async fn start(app: &App, transfer: &Transfer) {
    let Ok(_seat) = app.rooms.starts.try_acquire() else {
        tracing::debug!(transfer = %transfer.id, "too many starts at once, left to the sweeper");
        return;
    };
    let deadline = app.clock.now().after(PATIENCE);
    let order = transfer.order();
    // Beyond the partner's share of a rail, or not known: the row keeps it until there is room.
    if !app.admission.admits(&order).await.unwrap_or_default() {
        tracing::debug!(transfer = %transfer.id, "no room on its rail now, left to the sweeper");
        return;
    }
    let started = tokio::select! {
        started = app.starter.start(&order) => started,
        () = app.clock.sleep_until(deadline) => {
            tracing::warn!(transfer = %transfer.id, "the start takes too long, left to the sweeper");
            return;
        }
    };
    if let Err(error) = started {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::warn!(transfer = %transfer.id, %error, cause, "not started, left to the sweeper");
        return;
    }
    // Should this be lost, the sweeper starts it again, which the engine answers with "already".
    if let Err(error) = app.transfers.started(&transfer.tenant, transfer.id).await {
        tracing::warn!(transfer = %transfer.id, %error, "started, which could not be noted");
    }
}
