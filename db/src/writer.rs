//! The group-commit writer: the one task that changes the business database.
//!
//! It takes everything that waits, runs it in one physical transaction, each job undone by itself
//! if it fails, commits, and only then answers. Other processes may do the same on the same
//! PostgreSQL database, so jobs lock the rows they decide on; nothing rests on being alone.
//!
//! As long as nobody else writes, what the areas know stays true from one batch to the next. So a
//! batch of jobs without statements of their own is decided before it is begun, while the one
//! before it is written (`flight`); if somebody else has written after all, it is decided again in
//! the ordinary way, and so are the next ones.
//!
//! What may go wrong, and what follows:
//! - a job refuses, fails or panics: it is rolled back to its savepoint, and what it changed in the
//!   areas is undone; the others stay;
//! - the transaction is lost before its commit (deadlock, connection gone): nothing was executed;
//!   every job runs once more, each in a transaction of its own;
//! - the commit fails or is never answered: nobody knows, so every caller is told exactly that,
//!   and the connection is given up. On SQLite that means a failed sync, after which the file's
//!   true content is unknown to this process: the writer stops for good.

mod ahead;
mod flight;
mod intake;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ambient::{SharedClock, Timestamp};
use tokio::sync::{mpsc, oneshot};

use crate::area::Step;
use crate::connection::{Connection, Purpose};
use crate::counting::Counting;
use crate::job::{Declared, Fate, Job, Run};
use crate::{DatabaseUrl, DbError, Dialect, Tx};

pub(crate) use ahead::Ahead;
use flight::commit;
use intake::Next;

pub(crate) enum Message {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// So often a job may learn from what was fetched for it what else it needs. What it needs beyond
/// that is fetched as it runs.
const ROUNDS: usize = 4;

type Jobs = Vec<Box<dyn Job>>;

pub(crate) struct Writer {
    pub(crate) url: DatabaseUrl,
    pub(crate) clock: SharedClock,
    pub(crate) queue: mpsc::Receiver<Message>,
    /// The most jobs in one physical transaction.
    pub(crate) batch: usize,
    /// How long a batch may take before its connection is given up. Measured by the runtime's
    /// timer, not by the business clock: a clock that jumps must not put a commit in doubt.
    pub(crate) patience: Duration,
    pub(crate) commits: Arc<AtomicU64>,
    pub(crate) tx: Option<Tx>,
    pub(crate) last_instant: Timestamp,
    /// Goes on for as long as the writer does.
    pub(crate) _counting: Option<Counting>,
    pub(crate) ahead: Ahead,
}

/// What became of a batch before its commit, or at it.
enum Batch {
    Committed,
    /// The database cannot be reached or is locked by another process. Nothing was executed, and
    /// trying job by job would only make every caller wait as long again.
    NotBegun(DbError),
    /// The transaction is gone. Nothing was executed.
    Lost(DbError),
    Unknown(DbError),
}

impl Writer {
    pub(crate) async fn run(mut self) {
        let mut closers = Vec::new();
        loop {
            let alive = match self.next(&mut closers).await {
                Next::Jobs(jobs) if jobs.is_empty() => true,
                Next::Jobs(jobs) => self.write(jobs).await,
                Next::Landed(landed) => {
                    let (alive, done) = self.landed(landed).await;
                    self.answer(done, &Fate::Settled);
                    alive
                }
                Next::End => break,
            };
            if self.ahead.mover.has_failed() {
                tracing::error!(
                    "a sync failed; the writer stops, start the program again: what was committed is in the log"
                );
            }
            if !alive || self.ahead.mover.has_failed() {
                self.stop(&mut closers).await;
                break;
            }
        }
        self.ahead.mover.stop().await;
        let reader = self.ahead.reader.take();
        let writer = self.tx.take().map(|tx| tx.connection);
        for connection in reader.into_iter().chain(writer) {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "the writer's connection did not close cleanly; commits were already on disk");
            }
        }
        for closer in closers {
            // Whoever stopped waiting for the end needs no answer.
            let _gone = closer.send(());
        }
    }

    fn answer(&mut self, jobs: Jobs, fate: &Fate) {
        if !jobs.is_empty() {
            self.ahead.answered = jobs.len();
        }
        jobs.into_iter().for_each(|job| job.answer(fate));
    }

    async fn write_now(&mut self, mut jobs: Jobs) -> bool {
        let fate = match self.together(&mut jobs).await {
            Batch::Committed => Fate::Settled,
            Batch::Unknown(error) => Fate::Unknown(error),
            Batch::NotBegun(error) => {
                tracing::warn!(%error, jobs = jobs.len(), "a batch could not begin; nothing was executed");
                jobs.iter_mut().for_each(|job| job.refuse(error.clone()));
                Fate::Settled
            }
            Batch::Lost(error) => {
                tracing::warn!(%error, jobs = jobs.len(), "a batch was lost before its commit; each job runs once more, alone");
                return self.one_by_one(jobs).await;
            }
        };
        let alive = self.survives(&fate);
        self.answer(jobs, &fate);
        alive
    }

    async fn one_by_one(&mut self, jobs: Vec<Box<dyn Job>>) -> bool {
        let mut alive = true;
        let mut unreachable: Option<DbError> = None;
        for mut job in jobs {
            let batch = match &unreachable {
                _ if !alive => {
                    job.answer(&Fate::Closed);
                    continue;
                }
                Some(error) => Batch::NotBegun(error.clone()),
                None => self.together(std::slice::from_mut(&mut job)).await,
            };
            let fate = match batch {
                Batch::Committed => Fate::Settled,
                Batch::Unknown(error) => Fate::Unknown(error),
                Batch::Lost(error) => {
                    job.refuse(error);
                    Fate::Settled
                }
                Batch::NotBegun(error) => {
                    job.refuse(error.clone());
                    unreachable = Some(error);
                    Fate::Settled
                }
            };
            alive = self.survives(&fate);
            job.answer(&fate);
        }
        alive
    }

    fn survives(&self, fate: &Fate) -> bool {
        let fatal = matches!(fate, Fate::Unknown(_)) && self.url.dialect() == Dialect::Sqlite;
        if fatal {
            tracing::error!("a commit failed on SQLite; the writer stops, start the program again");
        }
        !fatal
    }

    /// One physical transaction around all these jobs.
    async fn together(&mut self, jobs: &mut [Box<dyn Job>]) -> Batch {
        let begun = match tokio::time::timeout(self.patience, self.begin()).await {
            Ok(Ok(begun)) => begun,
            Ok(Err(error)) => return Batch::NotBegun(error),
            Err(_) => return Batch::NotBegun(DbError::Unavailable(None)),
        };
        let (mut tx, version) = begun;
        // Until it is committed, nothing is known of what will be true.
        self.ahead.forget();
        let running = async {
            let steps = run_all(&mut tx, jobs).await?;
            tx.flush(steps).await
        };
        match tokio::time::timeout(self.patience, running).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Batch::Lost(error),
            Err(_) => return Batch::Lost(DbError::Unavailable(None)),
        }
        // Where `tx` is not put back below, its connection is dropped, and with it the transaction.
        match commit(&mut tx.connection, self.patience).await {
            Ok(()) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
                self.ahead.mover.wrote(jobs.len() * 8);
                self.ahead.areas = std::mem::take(&mut tx.areas);
                if tx.was_in_the_areas() {
                    self.ahead.know(version);
                }
                self.tx = Some(tx);
                Batch::Committed
            }
            Err(error) => Batch::Unknown(error),
        }
    }

    /// A connection that stood idle may have died unnoticed, so a failed begin is tried again on a
    /// new one.
    async fn begin(&mut self) -> Result<(Tx, i64), DbError> {
        if let Some(mut tx) = self.tx.take() {
            match tx.connection.begin().await {
                Ok(version) => {
                    // On PostgreSQL it locks what it decides on, and sees what is true by then.
                    let follows =
                        tx.dialect() == Dialect::Sqlite && self.ahead.known == Some(version);
                    return Ok((self.dated(tx, follows), version));
                }
                Err(DbError::Conflict(busy)) => return Err(DbError::Conflict(busy)),
                Err(error) => {
                    tracing::warn!(%error, "the writer's connection was lost; opening another")
                }
            }
        }
        let mut tx = Tx::new(Connection::open(&self.url, Purpose::Write).await?);
        let version = tx.connection.begin().await?;
        Ok((self.dated(tx, false), version))
    }

    /// A transaction begins, with the areas of the one before.
    fn dated(&mut self, mut tx: Tx, follows: bool) -> Tx {
        self.last_instant = self.last_instant.max(self.clock.now());
        tx.areas = std::mem::take(&mut self.ahead.areas);
        tx.begin_at(self.last_instant, follows);
        tx
    }
}

/// What all jobs need is fetched, and each is kept or undone by itself; says what they changed in
/// the areas. An error means that the transaction itself is lost.
async fn run_all(tx: &mut Tx, jobs: &mut [Box<dyn Job>]) -> Result<Vec<Step>, DbError> {
    let mut asking: Vec<_> = (0..jobs.len()).collect();
    for _ in 0..ROUNDS {
        asking.retain(|place| jobs[*place].declare(tx) == Declared::More);
        tx.settle().await?;
        if asking.is_empty() {
            break;
        }
    }
    // What was fetched for all of them stays known when the first of them is undone.
    tx.keep_what_was_fetched();
    for job in jobs {
        tx.begin_job();
        let wanted = match job.run(tx) {
            Run::Done(wanted) => wanted,
            Run::Running(running) => running.await,
        };
        if let Some(error) = tx.take_break() {
            return Err(error);
        }
        let failure = tx.take_failure();
        if let Some(error) = failure
            .as_ref()
            .filter(|error| error.ends_the_transaction())
        {
            return Err(error.clone());
        }
        match failure {
            None if wanted => tx.keep_job().await?,
            None => tx.undo_job().await?,
            Some(error) => {
                // A job that already refused keeps its own words; one that overlooked the error
                // must not be told that its changes are kept.
                if wanted {
                    job.refuse(error);
                }
                tx.undo_job().await?;
            }
        }
    }
    tx.changes()
}
