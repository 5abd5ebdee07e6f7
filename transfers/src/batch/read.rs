//! Reading batches: one, a page of them, a page of one's items, and what all of it came to.

use std::str::FromStr;

use db::{DbError, Row, Value, params};
use domain::transfer::{MoneyFacts, Status};
use domain::{BatchId, Currency, Mode, Money, Tenant};

use super::{Batch, BatchState, Item, ItemState, NewItem, Refusal};
use crate::error::StoreError;
use crate::{EndpointRef, LONGEST_PAGE, Transfers, row, scope};

const BATCH: &str = "partner_id, livemode, batch_id, source_kind, source_account, currency, items,
    total, client_reference, request_id, state, created_at, updated_at";

/// How many items stand where, and what their transfers moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchFigures {
    pub waiting: i64,
    pub under_way: i64,
    pub refused: i64,
    pub canceled: i64,
    /// By the final status of their transfers.
    pub completed: i64,
    pub refunded: i64,
    pub failed: i64,
    /// Under way, and waiting for a bank's word or for a person.
    pub need_attention: i64,
    /// All that was ordered, refused and canceled items included.
    pub ordered: Money,
    pub facts: MoneyFacts,
}

/// The number of an item in its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemCursor(pub i64);

impl FromStr for ItemCursor {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Transfers {
    pub async fn batch(&self, tenant: &Tenant, id: BatchId) -> Result<Option<Batch>, StoreError> {
        let sql = format!(
            "SELECT {BATCH} FROM batches
             WHERE partner_id = $1 AND livemode = $2 AND batch_id = $3"
        );
        let row = self.db.fetch_optional(&sql, keyed(tenant, id)).await?;
        row.as_ref().map(batch).transpose()
    }

    pub(super) async fn batch_by_key(
        &self,
        tenant: &Tenant,
        key: &str,
    ) -> Result<Option<Batch>, StoreError> {
        let sql = format!(
            "SELECT {BATCH} FROM batches
             WHERE partner_id = $1 AND livemode = $2 AND idempotency_key = $3"
        );
        let mut params = scope(tenant);
        params.push(key.into());
        let row = self.db.fetch_optional(&sql, params).await?;
        row.as_ref().map(batch).transpose()
    }

    /// The oldest first, behind the given one.
    pub async fn batches(
        &self,
        tenant: &Tenant,
        behind: Option<BatchId>,
        limit: u32,
    ) -> Result<Vec<Batch>, StoreError> {
        let sql = format!(
            "SELECT {BATCH} FROM batches
             WHERE partner_id = $1 AND livemode = $2 AND batch_id > $3
             ORDER BY batch_id LIMIT $4"
        );
        let mut params = scope(tenant);
        let behind = behind.map_or(String::new(), |id| id.to_string());
        params.extend(params![behind, limit.min(LONGEST_PAGE + 1)]);
        let rows = self.db.fetch_all(&sql, params).await?;
        rows.iter().map(batch).collect()
    }

    /// Those that have not come to their end, of all tenants: for whoever starts their workflows.
    pub async fn open_batches(
        &self,
        behind: Option<BatchId>,
        limit: u32,
    ) -> Result<Vec<Batch>, StoreError> {
        let sql = format!(
            "SELECT {BATCH} FROM batches
             WHERE state IN ('running', 'canceling') AND batch_id > $1
             ORDER BY batch_id LIMIT $2"
        );
        let behind = behind.map_or(String::new(), |id| id.to_string());
        let params = params![behind, limit.min(LONGEST_PAGE)];
        let rows = self.db.fetch_all(&sql, params).await?;
        rows.iter().map(batch).collect()
    }

    /// In their order, behind the given one, with where their transfers stand.
    pub async fn batch_items(
        &self,
        batch: &Batch,
        state: Option<ItemState>,
        behind: Option<ItemCursor>,
        limit: u32,
    ) -> Result<Vec<Item>, StoreError> {
        let sql = "SELECT i.item, i.amount, i.destination_kind, i.destination_account,
                 i.client_reference, i.metadata, i.state, i.refusal, i.transfer_id, t.status
             FROM batch_items i
             LEFT JOIN transfers t ON t.partner_id = i.partner_id AND t.livemode = i.livemode
                 AND t.transfer_id = i.transfer_id
             WHERE i.partner_id = $1 AND i.livemode = $2 AND i.batch_id = $3 AND i.item > $4
                 AND ($5 = '' OR i.state = $5)
             ORDER BY i.item LIMIT $6";
        let mut params = keyed(&batch.tenant, batch.id);
        params.extend(params![
            behind.map_or(-1, |cursor| cursor.0),
            state.map_or("", ItemState::name),
            limit.min(LONGEST_PAGE + 1)
        ]);
        let rows = self.db.fetch_all(sql, params).await?;
        rows.iter().map(|row| item(row, batch.currency)).collect()
    }

    /// As they were ordered, for a comparison with an order that claims to be the same.
    pub(super) async fn all_items(
        &self,
        tenant: &Tenant,
        batch: &Batch,
    ) -> Result<Vec<NewItem>, StoreError> {
        let sql = "SELECT amount, destination_kind, destination_account, client_reference, metadata
             FROM batch_items WHERE partner_id = $1 AND livemode = $2 AND batch_id = $3
             ORDER BY item";
        let rows = self.db.fetch_all(sql, keyed(tenant, batch.id)).await?;
        rows.iter()
            .map(|row| ordered(row, batch.currency))
            .collect()
    }

    pub async fn batch_figures(&self, batch: &Batch) -> Result<BatchFigures, StoreError> {
        let sql = "SELECT i.state, t.status, count(*) AS many,
                 CAST(sum(i.amount) AS BIGINT) AS ordered,
                 CAST(coalesce(sum(t.debited), 0) AS BIGINT) AS debited,
                 CAST(coalesce(sum(t.held), 0) AS BIGINT) AS held,
                 CAST(coalesce(sum(t.credited), 0) AS BIGINT) AS credited,
                 CAST(coalesce(sum(t.refunded), 0) AS BIGINT) AS refunded,
                 CAST(coalesce(sum(CASE WHEN t.in_doubt_step IS NOT NULL
                     OR t.operator_step IS NOT NULL THEN 1 ELSE 0 END), 0) AS BIGINT) AS flagged
             FROM batch_items i
             LEFT JOIN transfers t ON t.partner_id = i.partner_id AND t.livemode = i.livemode
                 AND t.transfer_id = i.transfer_id
             WHERE i.partner_id = $1 AND i.livemode = $2 AND i.batch_id = $3
             GROUP BY i.state, t.status";
        let rows = self
            .db
            .fetch_all(sql, keyed(&batch.tenant, batch.id))
            .await?;
        let zero = Money::zero(batch.currency);
        let mut figures = BatchFigures {
            waiting: 0,
            under_way: 0,
            refused: 0,
            canceled: 0,
            completed: 0,
            refunded: 0,
            failed: 0,
            need_attention: 0,
            ordered: zero,
            facts: MoneyFacts::none(batch.currency),
        };
        for row in &rows {
            figures.add(row, batch.currency)?;
        }
        Ok(figures)
    }
}

impl BatchFigures {
    fn add(&mut self, row: &Row, currency: Currency) -> Result<(), StoreError> {
        let many = row.int("many")?;
        let status: Option<Status> = row::optional(row, "status")?;
        let count = match (row.parse("state")?, status) {
            (_, Some(Status::Completed)) => &mut self.completed,
            (_, Some(Status::Refunded)) => &mut self.refunded,
            (_, Some(Status::Failed)) => &mut self.failed,
            (_, Some(Status::Canceled)) | (ItemState::Canceled, _) => &mut self.canceled,
            (ItemState::Waiting, _) => &mut self.waiting,
            (ItemState::Refused, _) => &mut self.refused,
            (ItemState::Taken | ItemState::UnderWay | ItemState::Done, _) => &mut self.under_way,
        };
        *count += many;
        self.need_attention += row.int("flagged")?;
        let facts = &mut self.facts;
        for (sum, column) in [
            (&mut self.ordered, "ordered"),
            (&mut facts.debited, "debited"),
            (&mut facts.held, "held"),
            (&mut facts.credited, "credited"),
            (&mut facts.refunded, "refunded"),
        ] {
            let more = row::money(row, column, currency)?;
            *sum = sum
                .checked_add(more)
                .map_err(|_| DbError::column(column, "a sum", "more than can be counted"))?;
        }
        Ok(())
    }
}

pub(super) fn keyed(tenant: &Tenant, id: BatchId) -> Vec<Value> {
    let mut params = scope(tenant);
    params.push(id.to_string().into());
    params
}

pub(super) fn batch(row: &Row) -> Result<Batch, StoreError> {
    let currency: Currency = row.parse("currency")?;
    Ok(Batch {
        tenant: Tenant {
            partner: row.parse("partner_id")?,
            mode: Mode::from_livemode(row.bool("livemode")?),
        },
        id: row.parse("batch_id")?,
        source: EndpointRef::stored(row, "source")?,
        currency,
        items: row.int("items")?,
        total: row::money(row, "total", currency)?,
        client_reference: row.opt_text("client_reference")?,
        request_id: row.parse("request_id")?,
        state: row.parse::<BatchState>("state")?,
        created_at: row.timestamp("created_at")?,
        updated_at: row.timestamp("updated_at")?,
    })
}

pub(super) fn ordered(row: &Row, currency: Currency) -> Result<NewItem, StoreError> {
    Ok(NewItem {
        money: row::money(row, "amount", currency)?,
        destination: EndpointRef::stored(row, "destination")?,
        client_reference: row.opt_text("client_reference")?,
        metadata: serde_json::from_str(&row.text("metadata")?)?,
    })
}

fn item(row: &Row, currency: Currency) -> Result<Item, StoreError> {
    let ordered = ordered(row, currency)?;
    let refusal: Option<Vec<Refusal>> = row
        .opt_text("refusal")?
        .map(|text| serde_json::from_str(&text))
        .transpose()?;
    Ok(Item {
        number: row.int("item")?,
        money: ordered.money,
        destination: ordered.destination,
        client_reference: ordered.client_reference,
        metadata: ordered.metadata,
        state: row.parse("state")?,
        refusal: refusal.unwrap_or_default(),
        transfer: row::optional(row, "transfer_id")?,
        status: row::optional(row, "status")?,
    })
}
