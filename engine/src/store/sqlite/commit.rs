//! One transaction, one sync, for everything that waited.

use std::collections::BTreeMap;

use prost::Message;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::checksum;
use crate::store::{Agenda, Change, Committer, Head, NamespaceRow, StoreError};

#[derive(Debug)]
pub(crate) struct SqliteCommitter {
    db: Connection,
}

impl SqliteCommitter {
    pub(super) fn new(db: Connection) -> Self {
        Self { db }
    }
}

impl Committer for SqliteCommitter {
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let tx = self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        // A run that moved five times in this window has its row written once.
        let mut heads: BTreeMap<i64, &Head> = BTreeMap::new();
        for change in changes {
            match change {
                Change::Head(head) => {
                    heads.insert(head.row, head);
                }
                Change::Record { row, number, body } => put_record(&tx, *row, *number, body)?,
                Change::Namespace(namespace) => put_namespace(&tx, namespace)?,
            }
        }
        for head in heads.values() {
            put_head(&tx, head)?;
        }
        tx.commit()?;
        Ok(())
    }
}

fn put_record(tx: &Transaction<'_>, row: i64, number: i64, body: &[u8]) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO records (run, number, checksum, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![row, number, checksum(row, number, body), body])?;
    Ok(())
}

fn put_head(tx: &Transaction<'_>, head: &Head) -> Result<(), StoreError> {
    // Tried as an update first: most writes are to runs that exist.
    let updated = tx
        .prepare_cached(
            "UPDATE runs SET status = ?2, closed_at = ?3, history_length = ?4, history_bytes = ?5,
                 memo = ?6, search_attributes = ?7, search_values = ?8, agenda = ?9
             WHERE run = ?1",
        )?
        .execute(params![
            head.row,
            head.status,
            head.closed_at,
            head.history_length,
            head.history_bytes,
            head.memo,
            head.search_attributes,
            head.search_values,
            agenda(&head.agenda),
        ])?;
    if updated == 0 {
        insert_head(tx, head)?;
    }
    Ok(())
}

fn insert_head(tx: &Transaction<'_>, head: &Head) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO runs (run, namespace, workflow_id, run_id, first_run_id, started_by,
             workflow_type, task_queue, status, started_at, execution_at, closed_at,
             history_length, history_bytes, memo, search_attributes, search_values, agenda)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
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
        head.memo,
        head.search_attributes,
        head.search_values,
        agenda(&head.agenda),
    ])?;
    Ok(())
}

/// Absent when there is nothing to do, so that the boot's index holds only runs with an agenda.
fn agenda(agenda: &Agenda) -> Option<Vec<u8>> {
    (!agenda.is_empty()).then(|| agenda.encode_to_vec())
}

fn put_namespace(tx: &Transaction<'_>, row: &NamespaceRow) -> Result<(), StoreError> {
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
