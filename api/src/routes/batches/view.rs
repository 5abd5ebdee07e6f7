//! What a client reads of a batch. States may grow: clients are told to expect ones that they do not
//! know.

use std::collections::BTreeMap;

use domain::transfer::{MoneyFacts, Status};
use domain::{BatchId, Money, TransferId};
use serde::Serialize;
use transfers::EndpointRef;
use transfers::batch::{Batch, BatchFigures, BatchState, Item, ItemState, Refusal};

use crate::routes::transfers::parts::NamedEnd;

#[derive(Debug, Serialize)]
pub(super) struct BatchView {
    id: BatchId,
    object: &'static str,
    livemode: bool,
    state: BatchState,
    source: NamedEnd,
    /// All that was ordered.
    total: Money,
    items: i64,
    client_reference: Option<String>,
    /// How many items stand where. Left out in lists, and in the answer to an acceptance.
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<Counts>,
    /// What really moved, over all items; left out with the counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    money: Option<MoneyFacts>,
    created_at: String,
    updated_at: String,
    url: String,
}

#[derive(Debug, Serialize)]
struct Counts {
    waiting: i64,
    under_way: i64,
    completed: i64,
    refunded: i64,
    failed: i64,
    refused: i64,
    canceled: i64,
    /// Of those under way.
    need_attention: i64,
}

#[derive(Debug, Serialize)]
pub(super) struct ItemView {
    object: &'static str,
    number: i64,
    state: ItemState,
    amount: Money,
    destination: NamedEnd,
    client_reference: Option<String>,
    metadata: BTreeMap<String, String>,
    transfer: Option<TransferId>,
    transfer_status: Option<Status>,
    /// Why it became no transfer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Refusal>,
}

impl BatchView {
    pub(super) fn of(batch: Batch) -> Self {
        Self {
            id: batch.id,
            object: "batch",
            livemode: batch.tenant.mode.is_live(),
            state: batch.state,
            source: EndpointRef::into(batch.source),
            total: batch.total,
            items: batch.items,
            client_reference: batch.client_reference,
            counts: None,
            money: None,
            created_at: batch.created_at.to_string(),
            updated_at: batch.updated_at.to_string(),
            url: url(batch.id),
        }
    }

    /// As it was accepted, whatever happened since: a repetition has the same bytes.
    pub(super) fn accepted(batch: Batch) -> Self {
        Self::of(Batch {
            state: BatchState::Running,
            updated_at: batch.created_at,
            ..batch
        })
    }

    pub(super) fn with(batch: Batch, figures: BatchFigures) -> Self {
        Self {
            counts: Some(Counts {
                waiting: figures.waiting,
                under_way: figures.under_way,
                completed: figures.completed,
                refunded: figures.refunded,
                failed: figures.failed,
                refused: figures.refused,
                canceled: figures.canceled,
                need_attention: figures.need_attention,
            }),
            money: Some(figures.facts),
            ..Self::of(batch)
        }
    }
}

impl From<Item> for ItemView {
    fn from(item: Item) -> Self {
        Self {
            object: "batch_item",
            number: item.number,
            state: item.state,
            amount: item.money,
            destination: item.destination.into(),
            client_reference: item.client_reference,
            metadata: item.metadata,
            transfer: item.transfer,
            transfer_status: item.status,
            errors: item.refusal,
        }
    }
}

pub(super) fn url(id: BatchId) -> String {
    format!("/v1/batches/{id}")
}
