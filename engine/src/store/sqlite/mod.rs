//! The store in one SQLite file: WAL, full sync, versioned schema, checksummed records.

mod agendas;
mod commit;
mod filter;
mod medium;
mod read;
mod schedules;
mod schema;

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use sha2::{Digest, Sha256};

pub(crate) use commit::SqliteCommitter;
pub(crate) use read::SqliteReader;
pub(crate) use schema::Newer;

use super::{NamespaceRow, StoreError};

/// The first release without the bug that could corrupt a WAL while it is being reset.
const OLDEST_SAFE_SQLITE: i32 = 3_051_003;

/// Everything read once, when the store is opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) committer: SqliteCommitter,
    pub(crate) reader: SqliteReader,
    /// Incremented at each open: what was handed out by an earlier boot is recognised by it.
    pub(crate) epoch: u64,
    pub(crate) token_key: [u8; 32],
    pub(crate) namespaces: Vec<NamespaceRow>,
    pub(crate) last_row: i64,
    /// How the writer's connection commits, as SQLite itself says it.
    pub(crate) durability: String,
    pub(crate) last_schedule: i64,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SqliteOpenError {
    #[error(transparent)]
    Newer(#[from] Newer),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("SQLite {found} is linked in; {OLDEST_SAFE_SQLITE} or newer is needed")]
    UnsafeSqlite { found: i32 },
}

impl From<rusqlite::Error> for SqliteOpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// `fresh_key` is used only when the store has none yet.
pub(crate) fn open(path: &Path, fresh_key: [u8; 32]) -> Result<Opened, SqliteOpenError> {
    let found = rusqlite::version_number();
    if found < OLDEST_SAFE_SQLITE {
        return Err(SqliteOpenError::UnsafeSqlite { found });
    }
    let mut db = medium::connect(path, OpenFlags::default())?;
    // Before any pragma that could write: a newer store stays untouched.
    schema::refuse_newer(&db)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", medium::synchronous(path))?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    // The committer moves the log by itself.
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    schema::migrate(&mut db)?;
    let boot = schema::begin_boot(&mut db, fresh_key)?;
    let namespaces = read::namespaces(&db)?;
    let last_row = db.query_row("SELECT coalesce(max(run), 0) FROM runs", [], |r| r.get(0))?;
    let durability = durability(&db)?;
    let last_schedule = schedules::last_row(&db)?;
    Ok(Opened {
        committer: SqliteCommitter::new(db, medium::pages_per_checkpoint(path)),
        reader: SqliteReader::new(path),
        epoch: boot.epoch,
        token_key: boot.token_key,
        namespaces,
        last_row,
        durability,
        last_schedule,
    })
}

fn durability(db: &Connection) -> Result<String, StoreError> {
    let journal: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    let level: i64 = db.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    let level = match level {
        0 => "OFF",
        1 => "NORMAL",
        2 => "FULL",
        _ => "EXTRA",
    };
    Ok(format!("journal_mode={journal} synchronous={level}"))
}

fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(medium::connect(path, flags)?)
}

/// Bound to its place, so that a record that slipped to another run or number is noticed too.
fn checksum(row: i64, number: i64, body: &[u8]) -> i64 {
    let digest = Sha256::new()
        .chain_update(row.to_be_bytes())
        .chain_update(number.to_be_bytes())
        .chain_update(body)
        .finalize();
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    i64::from_be_bytes(first)
}

#[cfg(test)]
mod tests;
