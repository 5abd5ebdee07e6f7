//! One transaction, one sync, for everything that waited.

use std::collections::BTreeMap;

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, ffi, params};

use super::{checksum, schedules};
use crate::store::{Change, Committer, Head, NamespaceRow, StoreError};

#[derive(Debug)]
pub(crate) struct SqliteCommitter {
    db: Connection,
    pages_per_checkpoint: i64,
}

impl SqliteCommitter {
    pub(super) fn new(db: Connection, pages_per_checkpoint: i64) -> Self {
        Self {
            db,
            pages_per_checkpoint,
        }
    }
}

impl Committer for SqliteCommitter {
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        match write(&mut self.db, changes) {
            // The database ran out of space before the commit's last page: all of it was undone.
            // Or the index of the log did after it: then the same commit takes the same place, or,
            // should the process end before, it stands, as a whole, and nobody was told otherwise.
            // A sync that fails for want of space is another error, and not of this kind.
            Err(error) if is_full(&error) && self.db.is_autocommit() => {
                Err(StoreError::Full(error))
            }
            written => Ok(written?),
        }
    }

    /// Moves what was committed from the log into the database once enough has gathered. Here and
    /// not as SQLite does it by itself, because that would hide a sync that failed.
    fn tidy(&mut self) -> Result<(), StoreError> {
        if self.unmoved_pages("NOOP")? < self.pages_per_checkpoint {
            return Ok(());
        }
        match self.unmoved_pages("PASSIVE") {
            // The log keeps everything and goes on growing while there is room for it.
            Err(error) if is_full(&error) => Err(StoreError::Full(error)),
            moved => Ok(moved.map(drop)?),
        }
    }
}

impl SqliteCommitter {
    fn unmoved_pages(&self, mode: &str) -> rusqlite::Result<i64> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        let mut query = self.db.prepare_cached(&sql)?;
        query.query_row([], |row| {
            let (gathered, moved): (i64, i64) = (row.get(1)?, row.get(2)?);
            Ok(gathered - moved)
        })
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    let index = |error: &ffi::Error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE;
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || error.sqlite_error().is_some_and(index)
}

fn write(db: &mut Connection, changes: &[Change]) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // A run that moved five times in this window has its row written once.
    let mut heads: BTreeMap<i64, &Head> = BTreeMap::new();
    for change in changes {
        match change {
            Change::Head(head) => {
                heads.insert(head.row, head);
            }
            Change::Record { row, number, body } => put_record(&tx, *row, *number, body)?,
            Change::Instead { row, number, body } => replace_record(&tx, *row, *number, body)?,
            Change::Namespace(namespace) => put_namespace(&tx, namespace)?,
            Change::Schedule(row) => schedules::put(&tx, row)?,
            Change::ScheduleGone(row) => schedules::remove(&tx, *row)?,
        }
    }
    for head in heads.values() {
        put_head(&tx, head)?;
    }
    tx.commit()
}

fn put_record(tx: &Transaction<'_>, row: i64, number: i64, body: &[u8]) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO records (run, number, checksum, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![row, number, checksum(row, number, body), body])?;
    Ok(())
}

fn replace_record(
    tx: &Transaction<'_>,
    row: i64,
    number: i64,
    body: &[u8],
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO records (run, number, checksum, body) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (run, number) DO UPDATE SET checksum = ?3, body = ?4",
    )?
    .execute(params![row, number, checksum(row, number, body), body])?;
    Ok(())
}

fn put_head(tx: &Transaction<'_>, head: &Head) -> rusqlite::Result<()> {
    // Tried as an update first: most writes are to runs that exist.
    let updated = tx
        .prepare_cached(
            "UPDATE runs SET status = ?2, history_length = ?3, history_bytes = ?4, memo = ?5,
                 search_attributes = ?6, search_values = ?7, wake_at = ?8, ready = ?9, records = ?10
             WHERE run = ?1",
        )?
        .execute(params![
            head.row,
            head.status,
            head.history_length,
            head.history_bytes,
            &*head.memo,
            &*head.search_attributes,
            &*head.search_values,
            head.agenda.wake_at,
            head.agenda.ready,
            head.agenda.records,
        ])?;
    if updated == 0 {
        return insert_head(tx, head);
    }
    // By itself, because listings are in its order: naming it moves the run in their index, also
    // where it stays as it is. A run that has closed never opens again.
    if head.closed_at.is_some() {
        tx.prepare_cached("UPDATE runs SET closed_at = ?2 WHERE run = ?1")?
            .execute(params![head.row, head.closed_at])?;
    }
    Ok(())
}

fn insert_head(tx: &Transaction<'_>, head: &Head) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO runs (run, namespace, workflow_id, run_id, first_run_id, started_by,
             workflow_type, task_queue, status, started_at, execution_at, closed_at,
             history_length, history_bytes, memo, search_attributes, search_values, wake_at, ready,
             records)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
             ?19, ?20)",
    )?
    .execute(params![
        head.row,
        head.namespace,
        head.workflow_id,
        head.run_id,
        head.first_run_id,
        head.started_by,
        head.workflow_type,
        head.task_queue,
        head.status,
        head.started_at,
        head.execution_at,
        head.closed_at,
        head.history_length,
        head.history_bytes,
        &*head.memo,
        &*head.search_attributes,
        &*head.search_values,
        head.agenda.wake_at,
        head.agenda.ready,
        head.agenda.records,
    ])?;
    Ok(())
}

fn put_namespace(tx: &Transaction<'_>, row: &NamespaceRow) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO namespaces (namespace, uuid, name, description, owner, retention_seconds)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        row.id,
        row.uuid,
        row.name,
        row.description,
        row.owner,
        row.retention_seconds
    ])?;
    Ok(())
}
