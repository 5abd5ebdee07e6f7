//! The outbox: one event a transition, written in the same commit, in one order for all readers.
//!
//! A reader remembers the last position it saw and asks for what comes after it, so no event may
//! ever appear before that position. On SQLite the one write transaction gives the next number. On
//! PostgreSQL many transactions write at once: there a position is the number of the transaction,
//! shifted, and a count within it; and readers see only what lies below the oldest transaction
//! that still runs. A slow committer therefore holds events back, and never slips one in behind.
//!
//! Two things keep the order: the newest event of all is never deleted (SQLite counts from it), and
//! a PostgreSQL restored from a dump must continue with transaction numbers above the old ones.

use ambient::{EntropyError, Mint};
use db::{Dialect, Row, Tx, params};
use domain::transfer::{Flags, MoneyFacts, Status};
use domain::{EventId, Money, Tenant, Timestamp, TransferId};
use serde::Serialize;

use crate::error::StoreError;
use crate::register::Register;
use crate::{LONGEST_PAGE, Transfer, Transfers, row, scope};

/// Leaves room for a million events in one physical transaction, whose jobs are far fewer.
const SHIFT: u32 = 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where it stands among all events; what a reader remembers.
    pub position: i64,
    pub id: EventId,
    pub transfer: TransferId,
    /// Counts per transfer, from 1, without gaps.
    pub sequence: i64,
    pub kind: String,
    /// JSON: where the transfer stood after it. Ids and amounts only.
    pub data: String,
    pub at: Timestamp,
}

#[derive(Serialize)]
struct Data<'a> {
    transfer: TransferId,
    status: Status,
    amount: Money,
    money: &'a MoneyFacts,
    flags: Flags,
}

impl Transfers {
    /// A page of a tenant's events in their order, beginning after a position (0 is the start).
    pub async fn events(
        &self,
        tenant: &Tenant,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let sql = format!(
            "SELECT position, event_id, transfer_id, sequence, kind, data, at FROM outbox
             WHERE partner_id = $1 AND livemode = $2 AND position > $3 {}
             ORDER BY position LIMIT $4",
            settled(self.db.dialect())
        );
        let mut params = scope(tenant);
        // One row more than a page tells a reader whether there are more.
        params.extend(params![after, limit.min(LONGEST_PAGE + 1)]);
        let rows = self.db.fetch_all(&sql, params).await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &Row) -> Result<Event, StoreError> {
    Ok(Event {
        position: row.int("position")?,
        id: row.parse("event_id")?,
        transfer: row.parse("transfer_id")?,
        sequence: row.int("sequence")?,
        kind: row.text("kind")?,
        data: row.text("data")?,
        at: row.timestamp("at")?,
    })
}

/// Made before the transaction, so that a job can run twice and still write the same event.
pub fn fresh_id(mint: &Mint) -> Result<EventId, EntropyError> {
    mint.next().map(EventId::from_bits)
}

/// Writes the event of a transfer's newest version, inside the transaction that made it.
pub async fn append(
    tx: &mut Tx,
    id: EventId,
    transfer: &Transfer,
    kind: &str,
) -> Result<(), StoreError> {
    let data = serde_json::to_string(&Data {
        transfer: transfer.id,
        status: transfer.status,
        amount: transfer.money,
        money: &transfer.facts,
        flags: transfer.flags,
    })?;
    // One that was declared is there already.
    tx.area::<Register>().need_end();
    tx.settle().await?;
    let mut cells = row::cells(row::keyed(&transfer.tenant, transfer.id));
    cells.extend([
        transfer.version.into(),
        id.to_string().as_str().into(),
        kind.into(),
        data.as_str().into(),
        transfer.updated_at.into(),
    ]);
    Ok(tx.area::<Register>().add_event(cells)?)
}

/// After which position this transaction's events stand.
pub(crate) fn end(dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => "SELECT coalesce(max(position), 0) AS position FROM outbox".to_owned(),
        Dialect::Postgres => {
            let lane = format!("(pg_current_xact_id()::text::bigint << {SHIFT})");
            let next = format!("((pg_current_xact_id()::text::bigint + 1) << {SHIFT})");
            format!(
                "SELECT coalesce(max(o.position), {lane}) AS position FROM outbox o
                 WHERE o.position > {lane} AND o.position < {next}"
            )
        }
    }
}

/// Which events can no longer be preceded by one that is still being written.
fn settled(dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => String::new(),
        Dialect::Postgres => format!(
            "AND position < (pg_snapshot_xmin(pg_current_snapshot())::text::bigint << {SHIFT})"
        ),
    }
}
