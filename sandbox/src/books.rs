//! The bank's file: one SQLite database, one thread that writes it, many orders in one sync.
//!
//! An answer leaves only after the transaction that holds it is on the disk. A failed sync is
//! final: the thread ends, and whoever asks afterwards is told so.

use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use crate::account;

const SCHEMA_VERSION: i64 = 1;
const LONGEST_QUEUE: usize = 1_024;
const LARGEST_BATCH: usize = 256;

const SCHEMA: &str = "
    CREATE TABLE accounts (
        number   TEXT    PRIMARY KEY,
        holder   TEXT    NOT NULL,
        currency TEXT    NOT NULL,
        opening  INTEGER NOT NULL,
        balance  INTEGER NOT NULL,
        standing TEXT    NOT NULL CHECK (standing IN ('open', 'closed', 'frozen', 'empty'))
    ) STRICT;
    CREATE TABLE movements (
        id             INTEGER PRIMARY KEY,
        reference      TEXT    NOT NULL UNIQUE,
        kind           TEXT    NOT NULL CHECK (kind IN ('debit', 'payout')),
        account        TEXT    NOT NULL,
        amount         INTEGER NOT NULL CHECK (amount > 0),
        currency       TEXT    NOT NULL,
        state          TEXT    NOT NULL CHECK (state IN ('executed', 'rejected', 'pending')),
        code           TEXT,
        bank_reference TEXT    NOT NULL UNIQUE,
        -- The place in the statement, given when the movement is decided.
        position       INTEGER UNIQUE,
        received_at    INTEGER NOT NULL,
        decided_at     INTEGER,
        decides_at     INTEGER,
        hidden_until   INTEGER,
        CHECK ((state = 'pending') = (position IS NULL)),
        CHECK ((state = 'rejected') = (code IS NOT NULL))
    ) STRICT;
    CREATE INDEX movements_pending ON movements (decides_at) WHERE state = 'pending';
    -- Every attempt is counted, also those that never reached the books.
    CREATE TABLE attempts (
        reference TEXT    PRIMARY KEY,
        seen      INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 1;
";

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the sandbox bank's books could not be opened; check the path and its permissions")]
    Sqlite(#[source] rusqlite::Error),
    #[error("the sandbox bank's books are damaged; restore the file from a backup")]
    Damaged(#[source] rusqlite::Error),
    #[error("the sandbox bank's books were written by a newer version ({found}); use that one")]
    Newer { found: i64 },
    #[error("the thread that writes the sandbox bank's books could not be started")]
    Thread(#[source] std::io::Error),
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Damaged(error),
            _ => Self::Sqlite(error),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    #[error("the sandbox bank's books refused a statement; this order was not booked")]
    Sqlite(#[from] rusqlite::Error),
    #[error(
        "the sandbox bank's books are closed after a failed write; look at its log, restart it"
    )]
    Closed,
}

type Work = Box<dyn FnOnce(&Connection) -> Report + Send>;
/// Tells the one who waits, once the batch is on the disk.
type Report = Box<dyn FnOnce() + Send>;

#[derive(Debug)]
pub(crate) struct Books {
    queue: mpsc::Sender<Work>,
}

impl Books {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        prepare(&connection)?;
        let (queue, works) = mpsc::channel(LONGEST_QUEUE);
        thread::Builder::new()
            .name("sandbox-books".into())
            .spawn(move || keep(&connection, works))
            .map_err(OpenError::Thread)?;
        Ok(Self { queue })
    }

    /// Runs `work` inside the next transaction: wholly or not at all, and durable before this
    /// returns. Whoever stops waiting does not stop the work.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, BooksError> {
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |books| {
            let result = in_savepoint(books, work);
            Box::new(move || {
                // Nobody may be listening any more; what was booked stays booked.
                let _listening = answer.send(result);
            })
        });
        self.queue
            .send(work)
            .await
            .map_err(|_| BooksError::Closed)?;
        Ok(answered.await.map_err(|_| BooksError::Closed)??)
    }
}

fn prepare(connection: &Connection) -> Result<(), OpenError> {
    // One transaction, so that two that open a new file at the same time cannot both create it.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > SCHEMA_VERSION {
        return Err(OpenError::Newer { found });
    }
    if found == 0 {
        connection.execute_batch(SCHEMA)?;
    }
    account::seed(connection)?;
    connection.execute_batch("COMMIT")?;
    Ok(())
}

fn keep(books: &Connection, mut works: mpsc::Receiver<Work>) {
    while let Some(first) = works.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < LARGEST_BATCH {
            match works.try_recv() {
                Ok(next) => batch.push(next),
                Err(_) => break,
            }
        }
        match write(books, batch) {
            Ok(reports) => reports.into_iter().for_each(|report| report()),
            Err(error) => {
                // Dropping the queue tells everybody who waits, now and later.
                tracing::error!(%error, "the sandbox bank's books could not be written; they are closed now");
                return;
            }
        }
    }
}

fn write(books: &Connection, batch: Vec<Work>) -> rusqlite::Result<Vec<Report>> {
    books.execute_batch("BEGIN IMMEDIATE")?;
    let reports = batch.into_iter().map(|work| work(books)).collect();
    books.execute_batch("COMMIT")?;
    Ok(reports)
}

fn in_savepoint<T>(
    books: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    books.execute_batch("SAVEPOINT work")?;
    let result = work(books);
    if result.is_err() {
        books.execute_batch("ROLLBACK TO work")?;
    }
    books.execute_batch("RELEASE work")?;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_fails_leaves_nothing_and_spoils_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let books = Books::open(&dir.path().join("bank.db")).unwrap();
        let count = |books: &Connection| {
            books.query_row("SELECT SUM(seen) FROM attempts", [], |row| {
                row.get::<_, i64>(0)
            })
        };
        let insert = "INSERT INTO attempts (reference, seen) VALUES ('a', 1)";
        let twice = books.run(move |books| {
            books.execute(insert, [])?;
            books.execute(insert, [])
        });
        let once = books.run(move |books| books.execute(insert, []));
        let (twice, once) = tokio::join!(twice, once);
        assert!(matches!(twice, Err(BooksError::Sqlite(_))));
        assert_eq!(once.unwrap(), 1);
        assert_eq!(books.run(count).await.unwrap(), 1);
    }

    #[test]
    fn books_of_a_newer_version_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bank.db");
        Connection::open(&path)
            .unwrap()
            .pragma_update(None, "user_version", 2)
            .unwrap();
        assert!(matches!(
            Books::open(&path),
            Err(OpenError::Newer { found: 2 })
        ));
    }

    #[test]
    fn every_sync_is_a_full_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bank.db");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let pragma = |name: &'static str| {
            let books = Books::open(&path).unwrap();
            runtime
                .block_on(books.run(move |books| {
                    books.query_row(&format!("PRAGMA {name}"), [], |row| {
                        row.get::<_, rusqlite::types::Value>(0)
                    })
                }))
                .unwrap()
        };
        assert_eq!(pragma("synchronous"), 2.into());
        assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
    }
}
