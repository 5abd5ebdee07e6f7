//! The tables, as numbered steps forward. A step that was released never changes.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use thiserror::Error;

use super::{agendas, schedules};
use crate::store::StoreError;

/// One step forward, in a transaction of its own.
enum Step {
    Sql(&'static str),
    Code(fn(&Connection) -> Result<(), StoreError>),
}

const STEPS: [Step; 4] = [
    Step::Sql(FIRST),
    Step::Code(agendas::into_columns),
    Step::Sql(schedules::TABLE),
    Step::Sql(CHAINS),
];

const SUPPORTED: i64 = STEPS.len() as i64;

pub(super) const FIRST: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE namespaces (
    namespace INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    owner TEXT NOT NULL,
    retention_seconds INTEGER NOT NULL
) STRICT;

CREATE TABLE runs (
    run INTEGER PRIMARY KEY,
    namespace INTEGER NOT NULL,
    workflow_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    first_run_id TEXT NOT NULL,
    started_by TEXT NOT NULL,
    workflow_type TEXT NOT NULL,
    task_queue TEXT NOT NULL,
    status INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    execution_at INTEGER NOT NULL,
    closed_at INTEGER,
    history_length INTEGER NOT NULL,
    history_bytes INTEGER NOT NULL,
    memo BLOB NOT NULL,
    search_attributes BLOB NOT NULL,
    search_values TEXT NOT NULL,
    agenda BLOB
) STRICT;

-- The newest run of a workflow id is the one with the highest number.
CREATE INDEX runs_of_workflow ON runs (namespace, workflow_id, run);
CREATE INDEX runs_listed ON runs
    (namespace, coalesce(closed_at, 9223372036854775807), started_at, run);
CREATE INDEX runs_with_agenda ON runs (run) WHERE agenda IS NOT NULL;

CREATE TABLE records (
    run INTEGER NOT NULL,
    number INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
";

/// A workflow that goes on as another run, again and again, has many runs of one id: these are found
/// by theirs. A run that stands alone costs nothing here.
const CHAINS: &str = "
CREATE INDEX runs_of_chains ON runs (namespace, workflow_id, run_id)
    WHERE run_id <> first_run_id;
";

#[derive(Debug, Error)]
#[error("the store has version {found}, this engine knows versions up to {supported}")]
pub(crate) struct Newer {
    pub(crate) found: i64,
    pub(crate) supported: i64,
}

pub(super) fn refuse_newer(db: &Connection) -> Result<(), super::SqliteOpenError> {
    let found = version(db)?;
    if found > SUPPORTED {
        let supported = SUPPORTED;
        return Err(Newer { found, supported }.into());
    }
    Ok(())
}

pub(super) fn migrate(db: &mut Connection) -> Result<(), StoreError> {
    let done = version(db)?;
    for (step, what) in (1_i64..).zip(STEPS).filter(|(step, _)| *step > done) {
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        match what {
            Step::Sql(sql) => tx.execute_batch(sql)?,
            Step::Code(change) => change(&tx)?,
        }
        tx.pragma_update(None, "user_version", step)?;
        tx.commit()?;
    }
    Ok(())
}

fn version(db: &Connection) -> Result<i64, StoreError> {
    Ok(db.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

#[derive(Debug)]
pub(super) struct Boot {
    pub(super) epoch: u64,
    pub(super) token_key: [u8; 32],
}

/// A new epoch, durable before anything is handed out under it.
pub(super) fn begin_boot(db: &mut Connection, fresh_key: [u8; 32]) -> Result<Boot, StoreError> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let epoch = match meta(&tx, "epoch")? {
        Some(bytes) => 1 + u64::from_be_bytes(sized(&bytes, "epoch")?),
        None => 1,
    };
    put(&tx, "epoch", &epoch.to_be_bytes())?;
    let token_key = match meta(&tx, "token_key")? {
        Some(bytes) => sized(&bytes, "token_key")?,
        None => {
            put(&tx, "token_key", &fresh_key)?;
            fresh_key
        }
    };
    tx.commit()?;
    Ok(Boot { epoch, token_key })
}

fn meta(db: &Connection, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT value FROM meta WHERE key = ?1";
    Ok(db.query_row(sql, [key], |row| row.get(0)).optional()?)
}

fn put(db: &Connection, key: &str, value: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2)
               ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    db.execute(sql, params![key, value])?;
    Ok(())
}

fn sized<const N: usize>(bytes: &[u8], key: &str) -> Result<[u8; N], StoreError> {
    bytes
        .try_into()
        .map_err(|_| StoreError::Corrupt(format!("{key} has {} bytes, not {N}", bytes.len())))
}
