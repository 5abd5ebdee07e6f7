//! The bank's file: one SQLite database, one thread that writes it, many orders in one sync.
//!
//! An answer leaves only after the transaction that holds it is on the disk. A failed sync is
//! final: the thread ends, and whoever asks afterwards is told so.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

const LONGEST_QUEUE: usize = 1_024;
const LARGEST_BATCH: usize = 256;

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

/// How a file is made and brought up to date.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What each version adds to the one before it.
    pub(crate) versions: &'static [&'static str],
    /// What must be there whenever the file is opened.
    pub(crate) seed: fn(&Connection) -> rusqlite::Result<()>,
}

#[derive(Debug)]
pub(crate) enum Books {
    /// On the disk, behind the thread that writes it.
    Durable { queue: mpsc::Sender<Work> },
    /// In memory and on the caller's own thread, so that a simulation decides alone what happens
    /// when. Gone with the last clone of the bank.
    Fleeting { books: Mutex<Connection> },
}

impl Books {
    pub(crate) fn open(path: &Path, plan: &Plan) -> Result<Self, OpenError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        prepare(&connection, plan)?;
        let (queue, works) = mpsc::channel(LONGEST_QUEUE);
        thread::Builder::new()
            .name("sandbox-books".into())
            .spawn(move || keep(&connection, works))
            .map_err(OpenError::Thread)?;
        Ok(Self::Durable { queue })
    }

    pub(crate) fn fleeting(plan: &Plan) -> Result<Self, OpenError> {
        let connection = Connection::open_in_memory()?;
        prepare(&connection, plan)?;
        Ok(Self::Fleeting {
            books: Mutex::new(connection),
        })
    }

    /// Runs `work` inside the next transaction: wholly or not at all, and durable before this
    /// returns. Whoever stops waiting does not stop the work.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, BooksError> {
        let queue = match self {
            Self::Durable { queue } => queue,
            Self::Fleeting { books } => {
                let books = books.lock().unwrap_or_else(PoisonError::into_inner);
                return Ok(in_savepoint(&books, work)?);
            }
        };
        let (answer, answered) = oneshot::channel();
        let work: Work = Box::new(move |books| {
            let result = in_savepoint(books, work);
            Box::new(move || {
                // Nobody may be listening any more; what was booked stays booked.
                let _listening = answer.send(result);
            })
        });
        queue.send(work).await.map_err(|_| BooksError::Closed)?;
        Ok(answered.await.map_err(|_| BooksError::Closed)??)
    }
}

fn prepare(connection: &Connection, plan: &Plan) -> Result<(), OpenError> {
    // One transaction, so that two that open a new file at the same time cannot both create it.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let missing = usize::try_from(found)
        .ok()
        .and_then(|found| plan.versions.get(found..))
        .ok_or(OpenError::Newer { found })?;
    for version in missing {
        connection.execute_batch(version)?;
    }
    let version = i64::try_from(plan.versions.len()).unwrap_or(i64::MAX);
    connection.pragma_update(None, "user_version", version)?;
    (plan.seed)(connection)?;
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
    use crate::schema::BANK;

    #[tokio::test]
    async fn work_that_fails_leaves_nothing_and_spoils_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let books = Books::open(&dir.path().join("bank.db"), &BANK).unwrap();
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
            .pragma_update(None, "user_version", 9)
            .unwrap();
        assert!(matches!(
            Books::open(&path, &BANK),
            Err(OpenError::Newer { found: 9 })
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
            let books = Books::open(&path, &BANK).unwrap();
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
