//! The handle that every business room holds: reads, writes, and the orderly end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ambient::{SharedClock, Timestamp};
use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::connection::{Connection, Purpose};
use crate::counting::Counting;
use crate::job::{Declared, Direct, Foretell, Job, Waiting, WaitingDirect};
use crate::migrate::Migration;
use crate::readers::Readers;
use crate::writer::{Ahead, Message, Writer};
use crate::{DatabaseUrl, DbError, Dialect, OpenError, Row, Tx, Value, WriteError, migrate};

/// Every bound of the storage in one place.
#[derive(Clone, Debug)]
pub struct Options {
    pub clock: SharedClock,
    /// Connections for reading.
    pub readers: u32,
    /// Writes that may wait; one more is answered [`WriteError::Overloaded`].
    pub queue: usize,
    /// The most writes in one physical transaction.
    pub batch: usize,
    /// How long one physical transaction may take before its connection is given up.
    pub patience: Duration,
    /// What the schema is brought up to. Fewer than all of them make a database of an older
    /// release, for tests that start from one.
    pub migrations: &'static [Migration],
}

impl Options {
    pub const fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            readers: 4,
            queue: 4_096,
            batch: 512,
            patience: Duration::from_secs(30),
            migrations: migrate::all(),
        }
    }
}

/// Clones share the same connections and the same writer.
#[derive(Clone, Debug)]
pub struct Db {
    url: DatabaseUrl,
    readers: Readers,
    queue: mpsc::Sender<Message>,
    commits: Arc<AtomicU64>,
    /// Each snapshot has a connection of its own; only a few may be open at a time.
    snapshots: Arc<Semaphore>,
}

const SNAPSHOTS: usize = 2;

impl Db {
    /// Opens the database, brings its schema up to date and starts the writer.
    pub async fn open(url: &DatabaseUrl, options: Options) -> Result<Self, OpenError> {
        let connection = migrate::prepare(url, options.clock.now(), options.migrations).await?;
        Self::with(url, options, connection)
    }

    /// Opens what is there for reading and writing, beside the program that it belongs to: nothing
    /// is created or migrated. For a command that writes a few rows; each waits for its turn.
    pub async fn join(url: &DatabaseUrl, options: Options) -> Result<Self, OpenError> {
        migrate::look(url, options.migrations).await?;
        let connection = Connection::open(url, Purpose::Write)
            .await
            .map_err(|source| OpenError::Unreachable {
                url: url.to_string(),
                source,
            })?;
        Self::with(url, options, connection)
    }

    fn with(
        url: &DatabaseUrl,
        options: Options,
        connection: Connection,
    ) -> Result<Self, OpenError> {
        let readers =
            Readers::open(url, options.readers).map_err(|source| OpenError::Unreachable {
                url: url.to_string(),
                source,
            })?;
        let (sender, queue) = mpsc::channel(options.queue);
        let commits = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            url: url.clone(),
            clock: options.clock,
            queue,
            batch: options.batch,
            patience: options.patience,
            commits: Arc::clone(&commits),
            tx: Some(Tx::new(connection)),
            last_instant: Timestamp::from_micros(0),
            _counting: Counting::begin(url, &commits),
            ahead: Ahead::new(url),
        };
        tokio::spawn(writer.run());
        Ok(Self {
            url: url.clone(),
            readers,
            queue: sender,
            commits,
            snapshots: Arc::new(Semaphore::new(SNAPSHOTS)),
        })
    }

    /// Opens what is there for reading alone, beside whoever writes: nothing is created, locked or
    /// migrated, and every write is answered [`WriteError::Closed`].
    pub async fn look(url: &DatabaseUrl) -> Result<Self, OpenError> {
        migrate::look(url, migrate::all()).await?;
        let readers = Readers::open(url, 1).map_err(|source| OpenError::Unreachable {
            url: url.to_string(),
            source,
        })?;
        // Nobody takes what is sent here.
        let (queue, _) = mpsc::channel(1);
        Ok(Self {
            url: url.clone(),
            readers,
            queue,
            commits: Arc::default(),
            snapshots: Arc::new(Semaphore::new(SNAPSHOTS)),
        })
    }

    pub const fn dialect(&self) -> Dialect {
        self.url.dialect()
    }

    /// Reads outside any transaction; sees everything that was answered before.
    pub async fn fetch_all(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        self.readers.fetch_all(sql, params).await
    }

    /// The first row, for a query that gives at most one.
    pub async fn fetch_optional(
        &self,
        sql: &str,
        params: Vec<Value>,
    ) -> Result<Option<Row>, DbError> {
        Ok(self.fetch_all(sql, params).await?.into_iter().next())
    }

    /// Runs a job in the writer and answers after the commit that carries it.
    ///
    /// The job runs in the writer's task: dropping this future after its first poll takes nothing
    /// back. A job must be `Clone`, because after a deadlock it runs once more from the start; so
    /// it does nothing but talk to its [`Tx`].
    pub async fn write<T, E, J>(&self, job: J) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static + From<DbError>,
        J: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Clone + Send + 'static,
    {
        self.send(job, None).await
    }

    /// Like [`Self::write`], for a job that can say beforehand what it needs of the areas: that is
    /// then fetched, and locked, together with what all others in its transaction need. `declare` is
    /// called again while it answers [`Declared::More`], once what it has asked for is there.
    pub async fn write_declared<T, E, D, J>(&self, declare: D, job: J) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static + From<DbError>,
        D: Fn(&mut Tx) -> Declared + Send + 'static,
        J: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Clone + Send + 'static,
    {
        self.send(job, Some(Box::new(declare))).await
    }

    async fn send<T, E, J>(&self, job: J, declare: Option<Foretell>) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: Send + 'static + From<DbError>,
        J: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Clone + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        self.enqueue(Box::new(Waiting::new(job, declare, caller)))?;
        // The writer answers every job it took; silence means that its whole task is gone.
        answer
            .await
            .unwrap_or(Err(WriteError::Unknown(DbError::Unavailable(None))))
    }

    /// Like [`Self::write`], for a job that has no statements of its own: far quicker.
    pub async fn direct<J: Direct>(&self, job: J) -> Result<J::Done, WriteError<J::Refused>> {
        let (caller, answer) = oneshot::channel();
        self.enqueue(Box::new(WaitingDirect::new(job, caller)))?;
        answer
            .await
            .unwrap_or(Err(WriteError::Unknown(DbError::Unavailable(None))))
    }

    fn enqueue<E>(&self, job: Box<dyn Job>) -> Result<(), WriteError<E>> {
        self.queue
            .try_send(Message::Job(job))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => WriteError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => WriteError::Closed,
            })
    }

    /// Runs several queries on one unchanging state of the database. They cannot write.
    pub async fn snapshot<T, E, J>(&self, job: J) -> Result<T, E>
    where
        T: Send + 'static,
        E: Send + 'static + From<DbError>,
        J: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        let _turn = self
            .snapshots
            .acquire()
            .await
            .map_err(|_| DbError::Unavailable(None))?;
        // The connection lives and dies with this call: dropped half-way, it is closed, not reused.
        let mut tx = Tx::new(Connection::open(&self.url, Purpose::Read).await?);
        tx.connection
            .script(self.dialect().begin_snapshot())
            .await?;
        let answer = job(&mut tx).await;
        tx.connection.close().await?;
        answer
    }

    /// How many physical transactions were committed, for metrics and tests.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Resolves when the writer has stopped, in order or after a failed commit.
    pub async fn stopped(&self) {
        self.queue.closed().await;
    }

    /// Writes what already waits, then closes every connection. Later writes are refused.
    pub async fn close(self) {
        let (closer, closed) = oneshot::channel();
        if self.queue.send(Message::Close(closer)).await.is_ok() {
            // An error means the writer was already stopping; either way it is gone afterwards.
            drop(closed.await);
        }
        self.readers.close().await;
    }
}
