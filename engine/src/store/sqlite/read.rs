//! Reading, on connections of its own: never blocks the writer, and never sees half a commit.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::{checksum, filter, open_reader, schedules};
use crate::store::{
    Agenda, Due, Head, ListPosition, NamespaceRow, Reader, ScheduleRow, StoreError,
};
use crate::visibility::Filter;

/// A few idle connections are kept; more are opened when many read at once.
const IDLE_CONNECTIONS: usize = 4;

const HEAD: &str = "run, namespace, workflow_id, run_id, first_run_id, started_by, workflow_type,
    task_queue, status, started_at, execution_at, closed_at, history_length, history_bytes, memo,
    search_attributes, search_values, wake_at, ready, records";

#[derive(Debug)]
pub(crate) struct SqliteReader {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl SqliteReader {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Mutex::default(),
        }
    }

    fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.lock().pop();
        let db = match idle {
            Some(db) => db,
            None => open_reader(&self.path)?,
        };
        let answer = read(&db);
        let mut idle = self.lock();
        if idle.len() < IDLE_CONNECTIONS {
            idle.push(db);
        }
        answer
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader for SqliteReader {
    fn latest(&self, namespace: i64, workflow_id: &str) -> Result<Option<Head>, StoreError> {
        let sql = format!(
            "SELECT {HEAD} FROM runs WHERE namespace = ?1 AND workflow_id = ?2
             ORDER BY run DESC LIMIT 1"
        );
        self.with(|db| {
            let mut query = db.prepare_cached(&sql)?;
            Ok(query
                .query_row(params![namespace, workflow_id], head)
                .optional()?)
        })
    }

    fn run(
        &self,
        namespace: i64,
        workflow_id: &str,
        run_id: &str,
    ) -> Result<Option<Head>, StoreError> {
        let of_chain = of_run("run_id <> first_run_id");
        let first = of_run("run_id = first_run_id ORDER BY run DESC");
        self.with(|db| {
            // Each has its index; the first runs of one id are looked through, the newest first.
            for sql in [of_chain, first] {
                let mut query = db.prepare_cached(&sql)?;
                let found = query.query_row(params![namespace, workflow_id, run_id], head);
                if let Some(found) = found.optional()? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        })
    }

    fn started_by(
        &self,
        namespace: i64,
        workflow_id: &str,
        request_id: &str,
    ) -> Result<Option<String>, StoreError> {
        let sql = "SELECT run_id FROM runs
                   WHERE namespace = ?1 AND workflow_id = ?2 AND started_by = ?3
                   ORDER BY run DESC LIMIT 1";
        self.with(|db| {
            let mut query = db.prepare_cached(sql)?;
            Ok(query
                .query_row(params![namespace, workflow_id, request_id], |row| {
                    row.get(0)
                })
                .optional()?)
        })
    }

    fn by_row(&self, row: i64) -> Result<Option<Head>, StoreError> {
        let sql = format!("SELECT {HEAD} FROM runs WHERE run = ?1");
        self.with(|db| {
            let mut query = db.prepare_cached(&sql)?;
            Ok(query.query_row([row], head).optional()?)
        })
    }

    fn stretch(&self, row: i64, from: i64, bytes: usize) -> Result<Vec<Bytes>, StoreError> {
        let sql = "SELECT number, checksum, body FROM records WHERE run = ?1 AND number >= ?2
                   ORDER BY number";
        self.with(|db| {
            let mut query = db.prepare_cached(sql)?;
            let mut rows = query.query([row, from])?;
            let (mut bodies, mut taken) = (Vec::new(), 0_usize);
            for expected in from.. {
                let Some(found) = rows.next()? else { break };
                let body: Vec<u8> = found.get(2)?;
                verify(row, found.get(0)?, expected, found.get(1)?, &body)?;
                taken = taken.saturating_add(body.len());
                bodies.push(Bytes::from(body));
                if taken >= bytes {
                    break;
                }
            }
            Ok(bodies)
        })
    }

    fn agendas(&self, visit: &mut dyn FnMut(i64, Due)) -> Result<(), StoreError> {
        // Answered by the index alone, which holds nothing but these runs.
        let sql = "SELECT run, wake_at, ready FROM runs
                   WHERE wake_at IS NOT NULL OR ready <> 0 ORDER BY run";
        self.with(|db| {
            let mut query = db.prepare(sql)?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                let wake_at: Option<i64> = row.get(1)?;
                let due = match (row.get(2)?, wake_at) {
                    (false, Some(at)) => Due::At(at),
                    (true, _) | (false, None) => Due::AtOnce,
                };
                visit(row.get(0)?, due);
            }
            Ok(())
        })
    }

    fn list(
        &self,
        namespace: i64,
        wanted: &Filter,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<Vec<Head>, StoreError> {
        let mut clause = filter::Clause::new(namespace, wanted);
        if let Some(after) = after {
            clause.push_after(after);
        }
        let sql = format!(
            "SELECT {HEAD} FROM runs WHERE {} ORDER BY
             coalesce(closed_at, 9223372036854775807) DESC, started_at DESC, run DESC LIMIT {limit}",
            clause.sql
        );
        self.with(|db| {
            let mut query = db.prepare(&sql)?;
            let rows = query.query_map(params_from_iter(&clause.values), head)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    fn count(&self, namespace: i64, wanted: &Filter) -> Result<Vec<(i32, i64)>, StoreError> {
        let clause = filter::Clause::new(namespace, wanted);
        let sql = format!(
            "SELECT status, count(*) FROM runs WHERE {} GROUP BY status ORDER BY status",
            clause.sql
        );
        self.with(|db| {
            let mut query = db.prepare(&sql)?;
            let rows = query.query_map(params_from_iter(&clause.values), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    fn schedule(&self, namespace: i64, id: &str) -> Result<Option<ScheduleRow>, StoreError> {
        self.with(|db| schedules::by_id(db, namespace, id))
    }

    fn schedule_key(&self, row: i64) -> Result<Option<(i64, String)>, StoreError> {
        self.with(|db| schedules::key_of(db, row))
    }

    fn due_schedules(&self, visit: &mut dyn FnMut(i64, Option<i64>)) -> Result<(), StoreError> {
        self.with(|db| schedules::due(db, visit))
    }

    fn schedules(
        &self,
        namespace: i64,
        wanted: &Filter,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<Vec<ScheduleRow>, StoreError> {
        self.with(|db| schedules::list(db, namespace, wanted, after, limit))
    }

    fn count_schedules(&self, namespace: i64, wanted: &Filter) -> Result<i64, StoreError> {
        self.with(|db| schedules::count(db, namespace, wanted))
    }
}

pub(super) fn of_run(which: &str) -> String {
    format!(
        "SELECT {HEAD} FROM runs
         WHERE namespace = ?1 AND workflow_id = ?2 AND run_id = ?3 AND {which}"
    )
}

fn verify(
    row: i64,
    number: i64,
    expected: i64,
    stored: i64,
    body: &[u8],
) -> Result<(), StoreError> {
    if number != expected {
        let what = format!("run {row} misses record {expected}");
        return Err(StoreError::Corrupt(what));
    }
    if checksum(row, number, body) != stored {
        let what = format!("record {number} of run {row} does not match its checksum");
        return Err(StoreError::Corrupt(what));
    }
    Ok(())
}

fn head(row: &Row<'_>) -> rusqlite::Result<Head> {
    Ok(Head {
        row: row.get(0)?,
        namespace: row.get(1)?,
        workflow_id: row.get(2)?,
        run_id: row.get(3)?,
        first_run_id: row.get(4)?,
        started_by: row.get(5)?,
        workflow_type: row.get(6)?,
        task_queue: row.get(7)?,
        status: row.get(8)?,
        started_at: row.get(9)?,
        execution_at: row.get(10)?,
        closed_at: row.get(11)?,
        history_length: row.get(12)?,
        history_bytes: row.get(13)?,
        memo: row.get::<_, Vec<u8>>(14)?.into(),
        search_attributes: row.get::<_, Vec<u8>>(15)?.into(),
        search_values: row.get::<_, String>(16)?.into(),
        agenda: Agenda {
            wake_at: row.get(17)?,
            ready: row.get(18)?,
            records: row.get(19)?,
        },
    })
}

pub(super) fn namespaces(db: &Connection) -> Result<Vec<NamespaceRow>, StoreError> {
    let sql = "SELECT namespace, uuid, name, description, owner, retention_seconds
               FROM namespaces ORDER BY namespace";
    let mut query = db.prepare(sql)?;
    let rows = query.query_map([], |row| {
        Ok(NamespaceRow {
            id: row.get(0)?,
            uuid: row.get(1)?,
            name: row.get(2)?,
            description: row.get(3)?,
            owner: row.get(4)?,
            retention_seconds: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
