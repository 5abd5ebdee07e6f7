//! Where clients and operators sit: they start transfers, read events, and say "try again".

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;
use db::Db;
use domain::{Currency, Money, RequestId, TransferId};
use temporal::{Client, Starter};
use temporalio_client::WorkflowSignalOptions;
use transfers::{EndpointRef, NewTransfer};
use workflows::Transfer;

#[derive(Clone)]
pub struct Desk {
    pub client: Client,
    pub starter: Starter,
    db: Db,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

/// A row of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub position: i64,
    pub transfer: TransferId,
    pub kind: String,
}

impl Event {
    pub fn is_the_end(&self) -> bool {
        let ends = ["completed", "refunded", "failed", "canceled"];
        let said = self.kind.strip_prefix("transfer.").unwrap_or_default();
        ends.contains(&said)
    }

    pub fn asks_for_a_person(&self) -> bool {
        self.kind == "transfer.operator_needed"
    }
}

impl Desk {
    pub(super) fn new(client: Client, db: Db) -> Self {
        Self {
            starter: Starter::new(client.clone()),
            client,
            db,
        }
    }

    /// What happened after this position, in order, at most some of it.
    pub async fn events(&self, after: i64) -> Result<Vec<Event>> {
        let sql = "SELECT position, transfer_id, kind FROM outbox WHERE position > $1
                   ORDER BY position LIMIT 500";
        let rows = self.db.fetch_all(sql, vec![after.into()]).await?;
        let read = rows.iter().map(|row| {
            Ok(Event {
                position: row.int("position")?,
                transfer: row.parse("transfer_id")?,
                kind: row.text("kind")?,
            })
        });
        read.collect()
    }

    /// The flag is told before the workflow waits: its signal is kept until it does.
    pub async fn try_again(&self, transfer: TransferId) -> Result<()> {
        let id = workflows::workflow_id(transfer);
        let handle = self.client.get_workflow_handle::<Transfer>(id);
        let options = WorkflowSignalOptions::default();
        handle.signal(Transfer::try_again, (), options).await?;
        Ok(())
    }
}

/// A plain request.
pub fn order(minor: i64, source: EndpointRef, destination: EndpointRef) -> Result<NewTransfer> {
    Ok(NewTransfer {
        money: Money::from_minor(minor, Currency::EUR)?,
        source,
        destination,
        execute_at: None,
        quote: None,
        client_reference: None,
        description: None,
        metadata: BTreeMap::new(),
        request_id: RequestId::from_bits(1),
        traceparent: None,
    })
}
