//! Accepting a batch: all its rows in one commit, and no transfer yet.

use db::{Tx, Value, params};
use domain::{BatchId, Money, Tenant};

use super::{Batch, BatchState, ItemState, MOST_ITEMS, NewBatch, NewItem};
use crate::ends::complaint;
use crate::error::{AcceptError, FieldError, StoreError};
use crate::{EndpointRef, IdempotencyKey, Transfers, scope};

/// Rows of one statement.
const ROWS: usize = 100;
/// More faults than anybody reads at once.
const MOST_FAULTS: usize = 100;

#[derive(Clone, Debug)]
pub struct AcceptedBatch {
    pub batch: Batch,
    pub replayed: bool,
}

impl Transfers {
    /// Accepts a batch, or finds the one that the same key made before.
    ///
    /// What our records say of an item's destination is found out when its turn comes, and stands
    /// with the item; what is wrong with the request itself refuses all of it, each fault with its
    /// place.
    pub async fn accept_batch(
        &self,
        tenant: &Tenant,
        key: &IdempotencyKey,
        new: NewBatch,
    ) -> Result<AcceptedBatch, AcceptError> {
        if let Some(first) = self.first_batch(tenant, key, &new).await? {
            return Ok(first);
        }
        let total = new.total()?;
        let id = BatchId::from_bits(self.mint.next()?);
        let (tenant, key) = (*tenant, key.clone());
        let rows = new.clone();
        let mut statements = Vec::new();
        for (chunk, items) in rows.items.chunks(ROWS).enumerate() {
            statements.push(insert(&tenant, id, chunk * ROWS, items)?);
        }
        let stored = key.clone();
        let inserted = self.db.write(move |tx: &mut Tx| {
            let (statements, key, new) = (statements.clone(), stored.clone(), rows.clone());
            Box::pin(async move {
                let mut params = scope(&tenant);
                params.extend(params![
                    id.to_string(),
                    key.as_str(),
                    new.source.kind(),
                    new.source.named(),
                    total.currency().code(),
                    i64::try_from(new.items.len()).unwrap_or(i64::MAX),
                    total.minor(),
                    new.client_reference.as_deref(),
                    new.request_id.to_string(),
                    BatchState::Running.name(),
                    tx.now(),
                ]);
                let taken = tx.execute(INSERT, params).await?;
                if taken == 0 {
                    return Ok(false);
                }
                for (sql, params) in statements {
                    tx.execute(&sql, params).await?;
                }
                Ok(true)
            })
        });
        let inserted: Result<bool, db::WriteError<AcceptError>> = inserted.await;
        let fresh = inserted?;
        let found = self.first_batch(&tenant, &key, &new).await?;
        let found = found.ok_or(AcceptError::Store(StoreError::Overloaded))?;
        Ok(AcceptedBatch {
            replayed: !fresh,
            ..found
        })
    }

    async fn first_batch(
        &self,
        tenant: &Tenant,
        key: &IdempotencyKey,
        new: &NewBatch,
    ) -> Result<Option<AcceptedBatch>, AcceptError> {
        let Some(batch) = self.batch_by_key(tenant, key.as_str()).await? else {
            return Ok(None);
        };
        let differs = |pointer: &str| AcceptError::KeyReused {
            pointer: pointer.to_owned(),
        };
        if batch.source != new.source {
            return Err(differs("/source"));
        }
        if batch.client_reference != new.client_reference {
            return Err(differs("/client_reference"));
        }
        let items = self.all_items(tenant, &batch).await?;
        if items.len() != new.items.len() {
            return Err(differs("/items"));
        }
        let changed = items.iter().zip(&new.items).position(|(a, b)| a != b);
        match changed {
            Some(number) => Err(differs(&format!("/items/{number}"))),
            None => Ok(Some(AcceptedBatch {
                batch,
                replayed: true,
            })),
        }
    }
}

impl NewBatch {
    /// The sum of its items, or everything that is wrong with the request as such.
    fn total(&self) -> Result<Money, AcceptError> {
        let mut wrong = Vec::new();
        if matches!(self.source, EndpointRef::Checkout(_)) {
            let detail = "asks a person each time, so many cannot be paid from it";
            wrong.push(complaint("/source", "needs_a_person", detail));
        }
        if self.items.is_empty() || self.items.len() > MOST_ITEMS {
            let detail = format!("must be 1 to {MOST_ITEMS}");
            wrong.push(complaint("/items", "wrong_number", detail));
            return Err(AcceptError::Invalid(wrong));
        }
        let first = self.items[0].money.currency();
        let mut total = Some(Money::zero(first));
        for (number, item) in self.items.iter().enumerate() {
            let at = |error: FieldError| FieldError {
                pointer: format!("/items/{number}{}", error.pointer),
                ..error
            };
            wrong.extend(
                item.order(self.source, self.request_id)
                    .complaints()
                    .into_iter()
                    .map(at),
            );
            if item.money.currency() != first {
                let detail = format!("must be {first}, as the first item's");
                wrong.push(at(complaint(
                    "/amount/currency",
                    "currency_differs",
                    detail,
                )));
            } else {
                total = total.and_then(|sum| sum.checked_add(item.money).ok());
            }
            if wrong.len() >= MOST_FAULTS {
                break;
            }
        }
        match total {
            Some(total) if wrong.is_empty() => Ok(total),
            None if wrong.is_empty() => {
                let detail = "add up to more than can be counted";
                wrong.push(complaint("/items", "too_large", detail));
                Err(AcceptError::Invalid(wrong))
            }
            _ => Err(AcceptError::Invalid(wrong)),
        }
    }
}

const INSERT: &str = "INSERT INTO batches (partner_id, livemode, batch_id, idempotency_key,
        source_kind, source_account, currency, items, total, client_reference, request_id, state,
        created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
    ON CONFLICT (partner_id, livemode, idempotency_key) DO NOTHING";

fn insert(
    tenant: &Tenant,
    id: BatchId,
    first: usize,
    items: &[NewItem],
) -> Result<(String, Vec<Value>), StoreError> {
    let mut params = scope(tenant);
    params.extend(params![id.to_string(), ItemState::Waiting.name()]);
    let mut rows = Vec::with_capacity(items.len());
    for (place, item) in items.iter().enumerate() {
        let from = params.len();
        let row: Vec<_> = (1..=6).map(|n| format!("${}", from + n)).collect();
        rows.push(format!("($1, $2, $3, $4, {})", row.join(", ")));
        params.extend(params![
            i64::try_from(first + place).unwrap_or(i64::MAX),
            item.money.minor(),
            item.destination.kind(),
            item.destination.named(),
            item.client_reference.as_deref(),
            serde_json::to_string(&item.metadata)?,
        ]);
    }
    let sql = format!(
        "INSERT INTO batch_items (partner_id, livemode, batch_id, state, item, amount,
             destination_kind, destination_account, client_reference, metadata)
         VALUES {}",
        rows.join(", ")
    );
    Ok((sql, params))
}
