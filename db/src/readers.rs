//! Connections for reading, apart from the writer: a slow query never delays a commit.

//!
//! SQLite's are kept here and not in the driver's pool, which asks each connection whether it is
//! alive before and after every query: two more visits to the connection's thread than the query
//! itself needs. A file does not go away like a server does.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::{ConnectOptions, Connection as _, PgPool, SqliteConnection};
use tokio::sync::Semaphore;

use crate::connection::{Purpose, fetch_postgres, fetch_sqlite, postgres_options, sqlite_options};
use crate::{DatabaseUrl, DbError, Row, Value};

/// Past this wait the caller hears that the database does not answer, instead of waiting for ever.
const ACQUIRE_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub(crate) enum Readers {
    Sqlite(Arc<Shelf>),
    Postgres(PgPool),
}

/// Connections to a file, opened when they are first needed.
#[derive(Debug)]
pub(crate) struct Shelf {
    path: PathBuf,
    count: u32,
    /// One for each connection that may be in use.
    turns: Semaphore,
    idle: Mutex<Vec<SqliteConnection>>,
}

impl Readers {
    pub(crate) fn open(url: &DatabaseUrl, count: u32) -> Result<Self, DbError> {
        Ok(match url {
            DatabaseUrl::Sqlite(path) => Self::Sqlite(Arc::new(Shelf {
                path: path.clone(),
                count,
                turns: Semaphore::new(count as usize),
                idle: Mutex::default(),
            })),
            DatabaseUrl::Postgres(url) => Self::Postgres(
                PgPoolOptions::new()
                    .max_connections(count)
                    .acquire_timeout(ACQUIRE_PATIENCE)
                    .connect_lazy_with(postgres_options(url, Purpose::Read)?),
            ),
        })
    }

    pub(crate) async fn fetch_all(
        &self,
        sql: &str,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, DbError> {
        match self {
            Self::Sqlite(shelf) => shelf.fetch_all(sql, params).await,
            Self::Postgres(pool) => fetch_postgres(pool, sql, params).await,
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(shelf) => shelf.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Shelf {
    async fn fetch_all(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let unavailable = || DbError::Unavailable(None);
        let turn = match self.turns.try_acquire() {
            Ok(turn) => turn,
            Err(_) => tokio::time::timeout(ACQUIRE_PATIENCE, self.turns.acquire())
                .await
                .map_err(|_| unavailable())?
                .map_err(|_| unavailable())?,
        };
        let idle = self.take();
        let mut connection = match idle {
            Some(connection) => connection,
            None => sqlite_options(&self.path, Purpose::Read).connect().await?,
        };
        // It comes back only from here: half-way through a query, or after an error, it is closed.
        let rows = fetch_sqlite(&mut connection, sql, params).await?;
        self.idle().push(connection);
        drop(turn);
        Ok(rows)
    }

    fn take(&self) -> Option<SqliteConnection> {
        self.idle().pop()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SqliteConnection>> {
        // Nothing that holds it can leave the list half changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for queries that are under way.
    async fn close(&self) {
        let all = self.turns.acquire_many(self.count).await;
        self.turns.close();
        drop(all);
        while let Some(connection) = self.take() {
            // Nothing was written, so there is nothing that could fail to arrive.
            drop(connection.close().await);
        }
    }
}
