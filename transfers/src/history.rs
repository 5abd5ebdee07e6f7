//! The status history: rows that are only ever added, each with its cause, actor and time.

use db::{Cell, Row, Tx, params};
use domain::transfer::Status;
use domain::{EntryId, Tenant, Timestamp, TransferId};

use crate::error::StoreError;
use crate::register::Register;
use crate::{Transfer, Transfers, row};

pub(crate) const CLIENT: &str = "client";
pub(crate) const WORKFLOW: &str = "workflow";
/// Before the name of whoever acted.
pub(crate) const OPERATOR: &str = "operator:";

/// More than any transfer has by itself; a longer history is cut at its end.
const MOST_ROWS: i64 = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusChange {
    pub sequence: i64,
    /// The status after it.
    pub status: Status,
    pub cause: String,
    pub actor: String,
    pub note: Option<String>,
    /// The ledger entry that justifies it.
    pub entry: Option<EntryId>,
    pub at: Timestamp,
}

impl Transfers {
    /// Oldest first. Empty where there is no such transfer here.
    pub async fn history(
        &self,
        tenant: &Tenant,
        id: TransferId,
    ) -> Result<Vec<StatusChange>, StoreError> {
        let mut params = row::keyed(tenant, id);
        params.push(MOST_ROWS.into());
        let rows = self
            .db
            .fetch_all(
                "SELECT sequence, status, cause, actor, note, entry_id, at
                 FROM transfer_status_history
                 WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3
                 ORDER BY sequence LIMIT $4",
                params,
            )
            .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &Row) -> Result<StatusChange, StoreError> {
    Ok(StatusChange {
        sequence: row.int("sequence")?,
        status: row.parse("status")?,
        cause: row.text("cause")?,
        actor: row.text("actor")?,
        note: row.opt_text("note")?,
        entry: row::optional(row, "entry_id")?,
        at: row.timestamp("at")?,
    })
}

/// What is added to the row's own status, version and time.
pub(crate) struct Change<'a> {
    pub(crate) cause: &'a str,
    pub(crate) actor: &'a str,
    pub(crate) note: Option<&'a str>,
    pub(crate) happening: Option<&'a str>,
    pub(crate) entry: Option<EntryId>,
}

pub(crate) async fn append(
    tx: &mut Tx,
    transfer: &Transfer,
    change: Change<'_>,
) -> Result<(), StoreError> {
    // An event goes with it: what both need is asked at once, where it was not declared.
    tx.area::<Register>().need_end();
    tx.settle().await?;
    let mut row: Vec<Cell> = row::cells(row::keyed(&transfer.tenant, transfer.id));
    let entry = change.entry.map(|entry| entry.to_string());
    row.extend([
        transfer.version.into(),
        transfer.status.name().into(),
        change.cause.into(),
        change.actor.into(),
        change.note.into(),
        change.happening.into(),
        entry.as_deref().into(),
        transfer.updated_at.into(),
    ]);
    tx.area::<Register>().add_history(row);
    Ok(())
}

/// Whether exactly this was recorded before.
pub(crate) async fn has(
    tx: &mut Tx,
    transfer: &Transfer,
    cause: &str,
    happening: &str,
) -> Result<bool, StoreError> {
    let mut params = row::keyed(&transfer.tenant, transfer.id);
    params.extend(params![cause, happening]);
    let row = tx
        .fetch_optional(
            "SELECT sequence FROM transfer_status_history
             WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3 AND cause = $4
                 AND happening = $5 LIMIT 1",
            params,
        )
        .await?;
    Ok(row.is_some())
}

/// What was recorded before under this cause, word for word.
pub(crate) async fn recorded(
    tx: &mut Tx,
    transfer: &Transfer,
    cause: &str,
) -> Result<Option<String>, StoreError> {
    let mut params = row::keyed(&transfer.tenant, transfer.id);
    params.push(cause.into());
    let row = tx
        .fetch_optional(
            "SELECT happening FROM transfer_status_history
             WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3 AND cause = $4
             ORDER BY sequence LIMIT 1",
            params,
        )
        .await?;
    Ok(row
        .map(|row| row.opt_text("happening"))
        .transpose()?
        .flatten())
}
