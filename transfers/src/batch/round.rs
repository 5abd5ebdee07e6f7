//! One look at a batch: what ended is noted, and as many items are taken as may be under way.

use db::{Tx, params};
use domain::transfer::Order;
use domain::{BatchId, Tenant};

use super::cancel::{lock, set};
use super::read::{keyed, ordered};
use super::{BatchState, ItemState, NewItem, Outcome};
use crate::accept::Operation;
use crate::error::{AcceptError, StoreError};
use crate::{IdempotencyKey, Transfers};

/// Where a batch stands after a look at it.
#[derive(Clone, Debug)]
pub struct Round {
    pub state: BatchState,
    pub waiting: i64,
    pub under_way: i64,
    /// To be accepted now; also what somebody took before and did not bring to its end.
    pub taken: Vec<Taken>,
}

/// An item that is about to become a transfer.
#[derive(Clone, Debug)]
pub struct Taken {
    batch: super::Batch,
    number: i64,
    item: NewItem,
}

impl Transfers {
    /// Takes items up to `at_once` under way, those aside that wait for a bank's word or a person:
    /// they would hold up the rest. None where there is no such batch here.
    pub async fn look_at_batch(
        &self,
        tenant: &Tenant,
        id: BatchId,
        at_once: u32,
    ) -> Result<Option<Round>, StoreError> {
        let tenant = *tenant;
        let looked = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let Some(mut found) = lock(tx, &tenant, id).await? else {
                    return Ok(None);
                };
                let mut round = Round {
                    state: found.state,
                    waiting: 0,
                    under_way: 0,
                    taken: Vec::new(),
                };
                if found.state.is_final() {
                    return Ok(Some(round));
                }
                tx.execute(ENDED, keyed(&tenant, id)).await?;
                let free = i64::from(at_once) - flowing(tx, &tenant, id).await?;
                if free > 0 {
                    let mut params = keyed(&tenant, id);
                    params.push(free.into());
                    tx.execute(TAKE, params).await?;
                }
                for row in tx.fetch_all(COUNT, keyed(&tenant, id)).await? {
                    match row.parse("state")? {
                        ItemState::Waiting => round.waiting = row.int("many")?,
                        ItemState::Taken | ItemState::UnderWay => {
                            round.under_way += row.int("many")?;
                        }
                        _ => {}
                    }
                }
                if round.waiting + round.under_way == 0 {
                    found.state = match found.state {
                        BatchState::Canceling => BatchState::Canceled,
                        _ => BatchState::Completed,
                    };
                    found.updated_at = tx.now();
                    set(tx, &found).await?;
                    round.state = found.state;
                    return Ok(Some(round));
                }
                for row in tx.fetch_all(TAKEN, keyed(&tenant, id)).await? {
                    round.taken.push(Taken {
                        batch: found.clone(),
                        number: row.int("item")?,
                        item: ordered(&row, found.currency)?,
                    });
                }
                Ok(Some(round))
            })
        });
        let looked: Result<_, db::WriteError<StoreError>> = looked.await;
        Ok(looked?)
    }

    /// Makes an item a transfer, or notes why it cannot be one. Repeating it makes no second one.
    /// Gives the order to be started.
    pub async fn accept_item(&self, taken: &Taken) -> Result<Option<Order>, AcceptError> {
        let (batch, number) = (&taken.batch, taken.number);
        let key = IdempotencyKey::of_ours(format!("{}:{number}", batch.id));
        let new = taken.item.order(batch.source, batch.request_id);
        let accepted = self
            .accept_for(Operation::BatchItem, &batch.tenant, &key, new)
            .await;
        let Outcome { order, refusal } = Outcome::of(accepted)?;
        let state = match order {
            Some(_) => ItemState::UnderWay,
            None => ItemState::Refused,
        };
        let mut params = keyed(&batch.tenant, batch.id);
        params.extend(params![
            number,
            state.name(),
            refusal,
            order.map(|order| order.transfer.to_string())
        ]);
        let noted = self
            .db
            .write(move |tx: &mut Tx| Box::pin(async move { Ok(tx.execute(NOTE, params).await?) }));
        let noted: Result<u64, db::WriteError<StoreError>> = noted.await;
        noted.map_err(StoreError::from)?;
        Ok(order)
    }
}

/// How many are under way that a bank or a worker is busy with.
async fn flowing(tx: &mut Tx, tenant: &Tenant, id: BatchId) -> Result<i64, StoreError> {
    let row = tx.fetch_optional(FLOWING, keyed(tenant, id)).await?;
    Ok(row.map(|row| row.int("many")).transpose()?.unwrap_or(0))
}

const ENDED: &str = "UPDATE batch_items SET state = 'done'
    WHERE partner_id = $1 AND livemode = $2 AND batch_id = $3 AND state = 'under_way'
        AND EXISTS (SELECT 1 FROM transfers t WHERE t.partner_id = $1 AND t.livemode = $2
            AND t.transfer_id = batch_items.transfer_id
            AND t.status IN ('completed', 'refunded', 'failed', 'canceled'))";

const FLOWING: &str = "SELECT count(*) AS many FROM batch_items i
    LEFT JOIN transfers t ON t.partner_id = i.partner_id AND t.livemode = i.livemode
        AND t.transfer_id = i.transfer_id
    WHERE i.partner_id = $1 AND i.livemode = $2 AND i.batch_id = $3
        AND i.state IN ('taken', 'under_way')
        AND t.in_doubt_step IS NULL AND t.operator_step IS NULL AND t.on_hold_step IS NULL";

const TAKE: &str = "UPDATE batch_items SET state = 'taken'
    WHERE partner_id = $1 AND livemode = $2 AND batch_id = $3 AND item IN (
        SELECT item FROM batch_items
        WHERE partner_id = $1 AND livemode = $2 AND batch_id = $3 AND state = 'waiting'
        ORDER BY item LIMIT $4)";

const COUNT: &str = "SELECT state, count(*) AS many FROM batch_items
    WHERE partner_id = $1 AND livemode = $2 AND batch_id = $3
        AND state IN ('waiting', 'taken', 'under_way')
    GROUP BY state";

const TAKEN: &str = "SELECT item, amount, destination_kind, destination_account, client_reference,
        metadata FROM batch_items
    WHERE partner_id = $1 AND livemode = $2 AND batch_id = $3 AND state = 'taken'
    ORDER BY item";

const NOTE: &str = "UPDATE batch_items SET state = $5, refusal = $6, transfer_id = $7
    WHERE partner_id = $1 AND livemode = $2 AND batch_id = $3 AND item = $4 AND state = 'taken'";
