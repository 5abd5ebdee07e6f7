//! Brings a schema up to date: numbered migrations, each in its own transaction, each once.
//!
//! A migration is one text for both databases (see [`render`] for its notation), embedded in the
//! binary. Once applied it never changes: its checksum is stored and compared at every start.

mod beside;
mod render;

use std::collections::BTreeMap;
use std::path::Path;

use ambient::Timestamp;
use sha2::{Digest, Sha256};

use crate::connection::{Connection, Purpose};
use crate::{DatabaseUrl, DbError, Dialect, OpenError, params};

pub use render::render;

/// A file of `migrations/`.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    pub version: u32,
    pub name: &'static str,
    pub sql: &'static str,
}

/// Every migration that this program knows, in order.
pub const fn all() -> &'static [Migration] {
    include!(concat!(env!("OUT_DIR"), "/migrations.rs"))
}

/// Opens the writer's connection on a schema that is up to date.
pub(crate) async fn prepare(
    url: &DatabaseUrl,
    at: Timestamp,
    migrations: &[Migration],
) -> Result<Connection, OpenError> {
    if let DatabaseUrl::Sqlite(path) = url {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        if !folder.is_dir() {
            return Err(OpenError::NoDirectory(folder.to_owned()));
        }
    }
    let mut connection = Connection::open(url, Purpose::Write)
        .await
        .map_err(|source| unreachable(url, source))?;
    if connection.dialect() == Dialect::Sqlite {
        refuse_old_sqlite(url, &mut connection).await?;
    }
    // Looked at before anything is written: a newer database must stay as it is.
    check(url, &mut connection, migrations).await?;
    lock(&mut connection)
        .await
        .map_err(|source| unreachable(url, source))?;
    // Another process may have migrated while this one waited for the lock.
    let applied = check(url, &mut connection, migrations).await?;
    // Others may be writing to the tables of a database that is not new.
    let in_use = connection.dialect() == Dialect::Postgres && !applied.is_empty();
    for migration in migrations
        .iter()
        .filter(|known| !applied.contains_key(&known.version))
    {
        let mut text = render(migration.sql, connection.dialect());
        if in_use {
            text = beside::without(&text);
        }
        apply(&mut connection, migration, &text, at)
            .await
            .map_err(|source| OpenError::Migration {
                version: migration.version,
                name: migration.name.to_owned(),
                source,
            })?;
        tracing::info!(
            version = migration.version,
            name = migration.name,
            "migrated the schema"
        );
    }
    if in_use {
        beside::build(&mut connection, migrations)
            .await
            .map_err(|source| unreachable(url, source))?;
    }
    unlock(&mut connection)
        .await
        .map_err(|source| unreachable(url, source))?;
    Ok(connection)
}

/// Looks whether the schema is the one that this program knows, and changes nothing.
pub(crate) async fn look(url: &DatabaseUrl, migrations: &[Migration]) -> Result<(), OpenError> {
    let mut connection = Connection::open(url, Purpose::Read)
        .await
        .map_err(|source| unreachable(url, source))?;
    let applied = check(url, &mut connection, migrations).await?;
    let needed = migrations.last().map_or(0, |last| last.version);
    if migrations
        .iter()
        .any(|known| !applied.contains_key(&known.version))
    {
        let found = applied.keys().next_back().copied().unwrap_or(0);
        return Err(OpenError::Older { found, needed });
    }
    // Nothing was written, so there is nothing that could fail to arrive.
    drop(connection.close().await);
    Ok(())
}

fn unreachable(url: &DatabaseUrl, source: DbError) -> OpenError {
    OpenError::Unreachable {
        url: url.to_string(),
        source,
    }
}

/// SQLite before 3.51.3 can lose committed pages when two connections reset the WAL at once.
async fn refuse_old_sqlite(
    url: &DatabaseUrl,
    connection: &mut Connection,
) -> Result<(), OpenError> {
    let rows = connection
        .fetch_all("SELECT sqlite_version() AS version", params![])
        .await
        .map_err(|source| unreachable(url, source))?;
    let found = rows
        .first()
        .map_or(Ok(String::new()), |row| row.text("version"))
        .map_err(|source| unreachable(url, source))?;
    if is_old(&found) {
        return Err(OpenError::SqliteTooOld { found });
    }
    Ok(())
}

fn is_old(version: &str) -> bool {
    let mut parts = version
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let mut part = || parts.next().unwrap_or(0);
    (part(), part(), part()) < (3, 51, 3)
}

/// What is applied already, with its checksum; refuses what this program must not touch.
async fn check(
    url: &DatabaseUrl,
    connection: &mut Connection,
    migrations: &[Migration],
) -> Result<BTreeMap<u32, String>, OpenError> {
    let applied = applied(connection)
        .await
        .map_err(|source| unreachable(url, source))?;
    let supported = migrations.last().map_or(0, |last| last.version);
    if let Some(found) = applied.keys().copied().find(|version| *version > supported) {
        let found = applied.keys().next_back().copied().unwrap_or(found);
        return Err(OpenError::Newer { found, supported });
    }
    for migration in migrations {
        if let Some(stored) = applied.get(&migration.version)
            && *stored != checksum(migration.sql)
        {
            return Err(OpenError::Changed {
                version: migration.version,
                name: migration.name.to_owned(),
            });
        }
    }
    Ok(applied)
}

async fn applied(connection: &mut Connection) -> Result<BTreeMap<u32, String>, DbError> {
    let exists = match connection.dialect() {
        Dialect::Sqlite => "SELECT 1 AS found FROM sqlite_master WHERE name = 'schema_migrations'",
        Dialect::Postgres => {
            "SELECT 1 AS found FROM pg_tables \
             WHERE tablename = 'schema_migrations' AND schemaname = current_schema()"
        }
    };
    if connection.fetch_all(exists, params![]).await?.is_empty() {
        return Ok(BTreeMap::new());
    }
    connection
        .fetch_all("SELECT version, checksum FROM schema_migrations", params![])
        .await?
        .iter()
        .map(|row| {
            // A version that does not fit is surely newer than all we know.
            let version = u32::try_from(row.int("version")?).unwrap_or(u32::MAX);
            Ok((version, row.text("checksum")?))
        })
        .collect()
}

async fn apply(
    connection: &mut Connection,
    migration: &Migration,
    text: &str,
    at: Timestamp,
) -> Result<(), DbError> {
    connection.script(connection.dialect().begin()).await?;
    if connection.dialect() == Dialect::Postgres {
        // A large table is copied for as long as it takes.
        connection.script("SET LOCAL statement_timeout = 0").await?;
    }
    // On SQLite this transaction is the lock: another process may have had it just before.
    let taken = "SELECT version FROM schema_migrations WHERE version = $1";
    if !connection
        .fetch_all(taken, params![migration.version])
        .await?
        .is_empty()
    {
        return connection.script("ROLLBACK").await;
    }
    connection.script(text).await?;
    connection
        .execute(
            "INSERT INTO schema_migrations (version, name, checksum, applied_at) \
             VALUES ($1, $2, $3, $4)",
            params![
                migration.version,
                migration.name,
                checksum(migration.sql),
                at
            ],
        )
        .await?;
    // A connection that failed above is dropped by the caller, and its transaction with it.
    connection.script("COMMIT").await
}

const LEDGER_OF_MIGRATIONS: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version INT64 NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at INT64 NOT NULL
) STRICT;";

/// Names our lock among the server's advisory locks: "remit" in ASCII.
const ADVISORY_LOCK: i64 = 0x72_65_6D_69_74;

const A_MOMENT: &str = "SELECT 1::BIGINT AS waited FROM pg_sleep(0.1)";

/// Only one process migrates at a time. On SQLite each migration's own transaction is the lock.
async fn lock(connection: &mut Connection) -> Result<(), DbError> {
    match connection.dialect() {
        Dialect::Sqlite => connection.script("PRAGMA journal_mode = WAL").await?,
        Dialect::Postgres => {
            // Asked again and again: whoever waits in one long statement holds a snapshot, for
            // which an index that is built beside the writers would wait in turn.
            let ask = "SELECT CASE WHEN pg_try_advisory_lock($1) THEN 1 ELSE 0 END::BIGINT AS got";
            loop {
                let rows = connection.fetch_all(ask, params![ADVISORY_LOCK]).await?;
                if rows.first().map_or(Ok(0), |row| row.int("got"))? == 1 {
                    break;
                }
                connection.fetch_all(A_MOMENT, params![]).await?;
            }
        }
    }
    connection
        .script(&render(LEDGER_OF_MIGRATIONS, connection.dialect()))
        .await
}

async fn unlock(connection: &mut Connection) -> Result<(), DbError> {
    if connection.dialect() == Dialect::Postgres {
        connection
            .execute("SELECT pg_advisory_unlock($1)", params![ADVISORY_LOCK])
            .await?;
    }
    Ok(())
}

fn checksum(sql: &str) -> String {
    Sha256::digest(sql.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_before_the_fix_are_old() {
        for (version, old) in [
            ("3.51.2", true),
            ("3.51.3", false),
            ("3.9.9", true),
            ("3.52.0", false),
            ("4.0.0", false),
            ("", true),
        ] {
            assert_eq!(is_old(version), old, "{version}");
        }
    }

    #[test]
    fn numbers_ascend_and_no_two_are_the_same() {
        let versions: Vec<_> = all().iter().map(|migration| migration.version).collect();
        assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    }
}
