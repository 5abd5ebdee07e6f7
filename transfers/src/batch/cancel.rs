//! Canceling a batch: in one commit nothing of it is left that could still begin.

use db::{Tx, params};
use domain::{BatchId, Tenant};

use super::read::{batch, keyed};
use super::{Batch, BatchState};
use crate::Transfers;
use crate::error::StoreError;

impl Transfers {
    /// What waits never begins; what was taken or is under way comes to its end. Repeating it, or
    /// coming too late, changes nothing. None where there is no such batch here.
    pub async fn cancel_batch(
        &self,
        tenant: &Tenant,
        id: BatchId,
    ) -> Result<Option<Batch>, StoreError> {
        let tenant = *tenant;
        let canceled = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let Some(mut found) = lock(tx, &tenant, id).await? else {
                    return Ok(None);
                };
                if found.state != BatchState::Running {
                    return Ok(Some(found));
                }
                tx.execute(
                    "UPDATE batch_items SET state = 'canceled'
                     WHERE partner_id = $1 AND livemode = $2 AND batch_id = $3
                         AND state = 'waiting'",
                    keyed(&tenant, id),
                )
                .await?;
                found.state = BatchState::Canceling;
                found.updated_at = tx.now();
                set(tx, &found).await?;
                Ok(Some(found))
            })
        });
        let canceled: Result<_, db::WriteError<StoreError>> = canceled.await;
        Ok(canceled?)
    }
}

/// Keeps everybody else from changing the batch, or taking items of it, until the transaction ends.
pub(super) async fn lock(
    tx: &mut Tx,
    tenant: &Tenant,
    id: BatchId,
) -> Result<Option<Batch>, StoreError> {
    let sql = format!(
        "SELECT partner_id, livemode, batch_id, source_kind, source_account, currency, items, total,
             client_reference, request_id, state, created_at, updated_at
         FROM batches WHERE partner_id = $1 AND livemode = $2 AND batch_id = $3{}",
        tx.dialect().for_update()
    );
    let row = tx.fetch_optional(&sql, keyed(tenant, id)).await?;
    row.as_ref().map(batch).transpose()
}

pub(super) async fn set(tx: &mut Tx, found: &Batch) -> Result<(), StoreError> {
    let mut params = keyed(&found.tenant, found.id);
    params.extend(params![found.state.name(), found.updated_at]);
    tx.execute(
        "UPDATE batches SET state = $4, updated_at = $5
         WHERE partner_id = $1 AND livemode = $2 AND batch_id = $3",
        params,
    )
    .await?;
    Ok(())
}
