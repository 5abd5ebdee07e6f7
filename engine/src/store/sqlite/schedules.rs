//! Schedules: one row each, rewritten whole when something happens to it.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params, params_from_iter};

use super::{checksum, filter};
use crate::store::{ListPosition, ScheduleRow, StoreError};
use crate::visibility::Filter;

pub(super) const TABLE: &str = "
CREATE TABLE schedules (
    schedule INTEGER PRIMARY KEY,
    namespace INTEGER NOT NULL,
    schedule_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    wake_at INTEGER,
    busy INTEGER NOT NULL,
    search_values TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (namespace, schedule_id)
) STRICT;

CREATE INDEX schedules_due ON schedules (schedule, wake_at, busy)
    WHERE wake_at IS NOT NULL OR busy <> 0;
CREATE INDEX schedules_listed ON schedules (namespace, created_at, schedule);
";

const ROW: &str = "schedule, namespace, schedule_id, created_at, wake_at, busy, search_values,
    checksum, body";

/// Schedules as a filter sees them: with the names of the table of runs.
const AS_RUNS: &str = "(SELECT schedule AS run, schedule_id AS workflow_id, '' AS run_id,
    '' AS workflow_type, '' AS task_queue, 1 AS status, created_at AS started_at,
    created_at AS execution_at, NULL AS closed_at, 0 AS history_length, 0 AS history_bytes, *
    FROM schedules)";

/// The body has one place, unlike records, of which a run has many.
const ONLY: i64 = 0;

pub(super) fn put(tx: &Transaction<'_>, row: &ScheduleRow) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO schedules (schedule, namespace, schedule_id, created_at, wake_at, busy,
             search_values, checksum, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (schedule) DO UPDATE SET wake_at = excluded.wake_at, busy = excluded.busy,
             search_values = excluded.search_values, checksum = excluded.checksum,
             body = excluded.body",
    )?
    .execute(params![
        row.row,
        row.namespace,
        row.schedule_id,
        row.created_at,
        row.wake_at,
        row.busy,
        row.search_values,
        checksum(row.row, ONLY, &row.body),
        &*row.body,
    ])?;
    Ok(())
}

pub(super) fn remove(tx: &Transaction<'_>, row: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("DELETE FROM schedules WHERE schedule = ?1")?
        .execute([row])?;
    Ok(())
}

pub(super) fn last_row(db: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT coalesce(max(schedule), 0) FROM schedules";
    Ok(db.query_row(sql, [], |row| row.get(0))?)
}

pub(super) fn by_id(
    db: &Connection,
    namespace: i64,
    schedule_id: &str,
) -> Result<Option<ScheduleRow>, StoreError> {
    let sql = format!("SELECT {ROW} FROM schedules WHERE namespace = ?1 AND schedule_id = ?2");
    let found = db
        .prepare_cached(&sql)?
        .query_row(params![namespace, schedule_id], read)
        .optional()?;
    found.map(verified).transpose()
}

pub(super) fn key_of(db: &Connection, row: i64) -> Result<Option<(i64, String)>, StoreError> {
    let sql = "SELECT namespace, schedule_id FROM schedules WHERE schedule = ?1";
    let mut query = db.prepare_cached(sql)?;
    let key = query.query_row([row], |found| Ok((found.get(0)?, found.get(1)?)));
    Ok(key.optional()?)
}

/// Each schedule with something to do: when, or (`None`) at once.
pub(super) fn due(
    db: &Connection,
    visit: &mut dyn FnMut(i64, Option<i64>),
) -> Result<(), StoreError> {
    let sql = "SELECT schedule, wake_at, busy FROM schedules
               WHERE wake_at IS NOT NULL OR busy <> 0 ORDER BY schedule";
    let mut query = db.prepare(sql)?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let at = match row.get(2)? {
            true => None,
            false => row.get(1)?,
        };
        visit(row.get(0)?, at);
    }
    Ok(())
}

/// The newest first.
pub(super) fn list(
    db: &Connection,
    namespace: i64,
    wanted: &Filter,
    after: Option<ListPosition>,
    limit: usize,
) -> Result<Vec<ScheduleRow>, StoreError> {
    let mut clause = filter::Clause::new(namespace, wanted);
    if let Some(after) = after {
        clause.push_after(after);
    }
    let sql = format!(
        "SELECT {ROW} FROM {AS_RUNS} WHERE {} ORDER BY created_at DESC, schedule DESC
         LIMIT {limit}",
        clause.sql
    );
    let mut query = db.prepare(&sql)?;
    let rows = query.query_map(params_from_iter(&clause.values), read)?;
    rows.map(|found| verified(found?)).collect()
}

pub(super) fn count(db: &Connection, namespace: i64, wanted: &Filter) -> Result<i64, StoreError> {
    let clause = filter::Clause::new(namespace, wanted);
    let sql = format!("SELECT count(*) FROM {AS_RUNS} WHERE {}", clause.sql);
    let values: Vec<Value> = clause.values;
    Ok(db.query_row(&sql, params_from_iter(values), |row| row.get(0))?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<(ScheduleRow, i64)> {
    let found = ScheduleRow {
        row: row.get(0)?,
        namespace: row.get(1)?,
        schedule_id: row.get(2)?,
        created_at: row.get(3)?,
        wake_at: row.get(4)?,
        busy: row.get(5)?,
        search_values: row.get(6)?,
        body: row.get::<_, Vec<u8>>(8)?.into(),
    };
    Ok((found, row.get(7)?))
}

fn verified((row, stored): (ScheduleRow, i64)) -> Result<ScheduleRow, StoreError> {
    match checksum(row.row, ONLY, &row.body) == stored {
        true => Ok(row),
        false => Err(StoreError::Corrupt(format!(
            "schedule {} does not match its checksum",
            row.row
        ))),
    }
}

#[cfg(test)]
mod tests {
    use crate::store::sqlite::open;
    use crate::store::{Change, Committer, Reader, ScheduleRow};
    use crate::visibility::{self, Filter};

    fn row(row: i64, id: &str) -> ScheduleRow {
        ScheduleRow {
            row,
            namespace: 1,
            schedule_id: id.to_owned(),
            created_at: row * 10,
            wake_at: Some(row * 100),
            search_values: format!(r#"{{"ScheduleId":"{id}"}}"#),
            body: vec![7; 3].into(),
            ..ScheduleRow::default()
        }
    }

    #[test]
    fn a_schedule_is_kept_found_listed_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("engine.db");
        let mut store = open(&path, [0; 32]).unwrap();
        let busy = ScheduleRow {
            busy: true,
            ..row(2, "b")
        };
        let put = |row| Change::Schedule(Box::new(row));
        let changes = [put(row(1, "a")), put(row(2, "b")), put(busy.clone())];
        store.committer.commit(&changes).unwrap();
        drop(store);

        let mut store = open(&path, [0; 32]).unwrap();
        assert_eq!(store.last_schedule, 2);
        assert_eq!(store.reader.schedule(1, "b").unwrap(), Some(busy));
        assert_eq!(
            store.reader.schedule_key(1).unwrap(),
            Some((1, "a".to_owned()))
        );
        let mut due = Vec::new();
        store
            .reader
            .due_schedules(&mut |row, at| due.push((row, at)))
            .unwrap();
        assert_eq!(due, [(1, Some(100)), (2, None)]);
        let filter = visibility::parse("ScheduleId = 'a'").unwrap();
        let listed = store.reader.schedules(1, &filter, None, 10).unwrap();
        assert_eq!(listed, [row(1, "a")]);
        store.committer.commit(&[Change::ScheduleGone(2)]).unwrap();
        let count = store.reader.count_schedules(1, &Filter::Everything);
        assert_eq!(count.unwrap(), 1);
    }

    #[test]
    fn a_flipped_byte_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("engine.db");
        let mut store = open(&path, [0; 32]).unwrap();
        let change = Change::Schedule(Box::new(row(1, "a")));
        store.committer.commit(&[change]).unwrap();
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute("UPDATE schedules SET body = x'00'", []).unwrap();
        assert!(store.reader.schedule(1, "a").is_err());
    }
}
