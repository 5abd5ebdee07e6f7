//! Keeps PostgreSQL's picture of its tables true while they grow.
//!
//! A statement that is prepared is planned once, by what the server has counted by then, and keeps
//! that plan until the table is counted again. The server does so by itself at most once a minute.
//! By then a table that was empty at the first plan may have a million rows, and a list of keys is
//! still looked for by walking over all that the tenant has. So this process asks for the count:
//! whenever a table has doubled, within a second or two.
//!
//! The tenant's two columns are said to be no choice at all. Averages over many small partners would
//! otherwise make them look like one that is enough, just for the one partner that is large.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::AbortHandle;

use crate::connection::{Connection, Purpose};
use crate::{DatabaseUrl, DbError, Dialect, params};

/// Between two looks at a database that is written to.
const LOOK: Duration = Duration::from_secs(1);
/// A table of less pages is read quickly, whatever the plan.
const FEW: i64 = 8;

/// Ends with the writer.
#[derive(Debug)]
pub(crate) struct Counting(AbortHandle);

impl Drop for Counting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Counting {
    /// Nothing to do on SQLite: a migration told it the shape of the tables, for ever.
    pub(crate) fn begin(url: &DatabaseUrl, commits: &Arc<AtomicU64>) -> Option<Self> {
        if url.dialect() != Dialect::Postgres {
            return None;
        }
        let task = tokio::spawn(run(url.clone(), Arc::clone(commits)));
        Some(Self(task.abort_handle()))
    }
}

async fn run(url: DatabaseUrl, commits: Arc<AtomicU64>) {
    let mut connection = None;
    let mut seen = 0;
    loop {
        tokio::time::sleep(LOOK).await;
        let now = commits.load(Ordering::Relaxed);
        if now == seen {
            continue;
        }
        match look(&url, &mut connection).await {
            Ok(()) => seen = now,
            Err(error) => {
                // Only slower, and the next look may succeed.
                tracing::debug!(%error, "the tables could not be counted");
                connection = None;
            }
        }
    }
}

async fn look(url: &DatabaseUrl, kept: &mut Option<Connection>) -> Result<(), DbError> {
    let connection = match kept {
        Some(connection) => connection,
        None => kept.insert(Connection::open(url, Purpose::Write).await?),
    };
    let grown = connection.fetch_all(GROWN, params![FEW]).await?;
    for row in &grown {
        let table = row.text("name")?;
        if row.bool("plain")? {
            let choice = "SET (n_distinct = 1)";
            connection
                .script(&format!(
                    "ALTER TABLE {table} ALTER COLUMN partner_id {choice}, ALTER COLUMN livemode {choice}"
                ))
                .await?;
        }
        // Whoever counts it already does the same for us.
        connection
            .script(&format!("ANALYZE (SKIP_LOCKED) {table}"))
            .await?;
    }
    Ok(())
}

/// Tables of more than twice the pages that they had when they were counted. `plain`: nothing was
/// said yet of the tenant's columns.
const GROWN: &str = "SELECT CAST(CAST(c.oid AS regclass) AS TEXT) AS name,
        (SELECT COUNT(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
             AND a.attname IN ('partner_id', 'livemode') AND a.attoptions IS NULL) = 2 AS plain
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = current_schema() AND c.relkind = 'r'
         AND pg_relation_size(c.oid) / current_setting('block_size')::BIGINT > $1 + 2 * c.relpages
     ORDER BY c.oid";
