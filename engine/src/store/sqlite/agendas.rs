//! The step from agendas as encoded blobs to columns: the boot of a store with a million open runs
//! reads one index and decodes nothing.

use prost::Message;
use rusqlite::{Connection, params};

use crate::store::StoreError;

/// What the blob held.
#[derive(Clone, PartialEq, Message)]
struct Blob {
    #[prost(int64, optional, tag = "1")]
    wake_at: Option<i64>,
    #[prost(bool, tag = "2")]
    ready: bool,
    #[prost(int64, tag = "3")]
    records: i64,
}

pub(super) fn into_columns(db: &Connection) -> Result<(), StoreError> {
    db.execute_batch(
        "ALTER TABLE runs ADD COLUMN wake_at INTEGER;
         ALTER TABLE runs ADD COLUMN ready INTEGER NOT NULL DEFAULT 0;
         ALTER TABLE runs ADD COLUMN records INTEGER NOT NULL DEFAULT 0;",
    )?;
    let mut old = db.prepare("SELECT run, agenda FROM runs WHERE agenda IS NOT NULL")?;
    let mut put =
        db.prepare("UPDATE runs SET wake_at = ?2, ready = ?3, records = ?4 WHERE run = ?1")?;
    let mut rows = old.query([])?;
    while let Some(row) = rows.next()? {
        let (run, blob): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let agenda = Blob::decode(blob.as_slice()).unwrap_or_else(|error| {
            tracing::error!(run, %error, "the agenda of a run cannot be read: it is looked at now");
            Blob {
                ready: true,
                ..Blob::default()
            }
        });
        put.execute(params![run, agenda.wake_at, agenda.ready, agenda.records])?;
    }
    // The boot's index has the columns in it, so that the boot never touches the table.
    db.execute_batch(
        "DROP INDEX runs_with_agenda;
         ALTER TABLE runs DROP COLUMN agenda;
         CREATE INDEX runs_due ON runs (run, wake_at, ready)
             WHERE wake_at IS NOT NULL OR ready <> 0;",
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::{open, schema};
    use crate::store::{Due, Reader};

    #[test]
    fn a_store_of_the_first_version_keeps_its_agendas_and_one_that_is_unreadable_is_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("engine.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch(schema::FIRST).unwrap();
        db.pragma_update(None, "user_version", 1).unwrap();
        let timer = Blob {
            wake_at: Some(42),
            ready: false,
            records: 7,
        };
        let ready = Blob {
            ready: true,
            ..timer.clone()
        };
        let blobs = [
            Some(timer.encode_to_vec()),
            Some(ready.encode_to_vec()),
            Some(vec![0xff]),
            None,
        ];
        for (run, agenda) in (1_i64..).zip(blobs) {
            db.execute(
                "INSERT INTO runs VALUES (?1, 1, 'w', ?1, '', '', '', '', 1, 0, 0, NULL, 0, 0,
                     x'', x'', '{}', ?2)",
                params![run, agenda],
            )
            .unwrap();
        }
        drop(db);

        let store = open(&path, [0; 32]).unwrap();
        let mut due = Vec::new();
        store
            .reader
            .agendas(&mut |row, at| due.push((row, at)))
            .unwrap();
        assert_eq!(due, [(1, Due::At(42)), (2, Due::AtOnce), (3, Due::AtOnce)]);
        let head = store.reader.by_row(1).unwrap().unwrap();
        assert_eq!(head.agenda.records, 7);
        let plan: String = Connection::open(&path)
            .unwrap()
            .query_row(
                "EXPLAIN QUERY PLAN SELECT run, wake_at, ready FROM runs
                 WHERE wake_at IS NOT NULL OR ready <> 0 ORDER BY run",
                [],
                |row| row.get(3),
            )
            .unwrap();
        assert_eq!(plan, "SCAN runs USING COVERING INDEX runs_due");
    }
}
