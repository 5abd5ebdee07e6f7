//! SQLite's log is moved into the database beside the writer, on a connection of its own.
//!
//! The writer would do it itself, between two commits, and everybody would wait meanwhile. It still
//! does once the log is long ([`LONGEST_LOG`]): only when nothing is written can the log begin
//! again from its start. By then nearly all of it has been moved already, so that is short.
//!
//! Short only if what was moved is on the disk too. SQLite syncs the database when it has moved all
//! of the log, which a mover beside a busy writer never has: all its pages would wait for the writer,
//! who would then sync 64 MiB while everybody waits. So they are synced here after each move.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::connection::{Connection, Purpose};
use crate::{DatabaseUrl, DbError, Dialect, params};

/// In pages: 256 MiB, which are read once more after a crash. Whatever is written and not moved at that
/// moment is what everybody waits for, about as long as for two commits; so it should be seldom.
pub(crate) const LONGEST_LOG: &str = "65536";
/// About so many pages are written from one move to the next.
const PAGES: usize = 1_024;

#[derive(Debug)]
pub(crate) struct Mover {
    url: DatabaseUrl,
    written: usize,
    task: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
    unsynced: Arc<AtomicBool>,
}

impl Mover {
    pub(crate) fn new(url: DatabaseUrl) -> Self {
        Self {
            url,
            written: 0,
            task: None,
            unsynced: Arc::default(),
        }
    }

    /// Pages that were moved out of the log may not be on disk, and nobody would copy them again
    /// before the log is read anew: whoever writes has to stop while the log still has them.
    pub(crate) fn has_failed(&self) -> bool {
        self.unsynced.load(Ordering::Acquire)
    }

    /// A commit has written about so many pages.
    pub(crate) fn wrote(&mut self, pages: usize) {
        if self.url.dialect() != Dialect::Sqlite {
            return;
        }
        self.written += pages;
        if self.written < PAGES {
            return;
        }
        self.written = 0;
        let (ask, _) = self.task.get_or_insert_with(|| {
            let (ask, asked) = mpsc::channel(1);
            let unsynced = Arc::clone(&self.unsynced);
            (ask, tokio::spawn(run(self.url.clone(), asked, unsynced)))
        });
        // One that is under way will be followed by another; more need not wait.
        let _busy = ask.try_send(());
    }

    /// Ends before the writer's connection does, so that the last one to close is the writer's.
    pub(crate) async fn stop(&mut self) {
        if let Some((ask, task)) = self.task.take() {
            drop(ask);
            // It cannot be left half done: what it moves is in the log until all of it is moved.
            drop(task.await);
        }
    }
}

async fn run(url: DatabaseUrl, mut asked: mpsc::Receiver<()>, unsynced: Arc<AtomicBool>) {
    let mut open = None;
    while asked.recv().await.is_some() {
        if let Err(error) = once(&url, &mut open, &unsynced).await {
            // Nothing is lost: the writer moves the log itself when it is long.
            tracing::warn!(%error, "the log could not be moved into the database");
            open = None;
        }
    }
    if let Some(connection) = open {
        drop(Connection::close(connection).await);
    }
}

async fn once(
    url: &DatabaseUrl,
    open: &mut Option<Connection>,
    unsynced: &AtomicBool,
) -> Result<(), DbError> {
    let connection = match open {
        Some(connection) => connection,
        None => open.insert(Connection::open(url, Purpose::Write).await?),
    };
    connection
        .fetch_all("PRAGMA wal_checkpoint(PASSIVE)", params![])
        .await
        .map(drop)?;
    let DatabaseUrl::Sqlite(path) = url else {
        return Ok(());
    };
    let path = path.clone();
    let synced = tokio::task::spawn_blocking(move || sync(&path)).await;
    let failed = match synced {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    // A failed sync is never tried again: nobody knows what reached the disk.
    tracing::error!(error = failed, "the database could not be synced");
    unsynced.store(true, Ordering::Release);
    Ok(())
}

fn sync(path: &Path) -> io::Result<()> {
    kept_open(path)?.sync_data()
}

/// A file of the database that is never closed: as one is closed, the system takes away all locks
/// that this process has on the file, SQLite's own among them.
fn kept_open(path: &Path) -> io::Result<Arc<File>> {
    static OPEN: Mutex<BTreeMap<PathBuf, Arc<File>>> = Mutex::new(BTreeMap::new());
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(file) = open.get(path) {
        return Ok(Arc::clone(file));
    }
    let file = Arc::new(File::open(path)?);
    open.insert(path.to_owned(), Arc::clone(&file));
    Ok(file)
}
