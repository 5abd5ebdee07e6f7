//! Connections for reading, apart from the writer: a slow query never delays a commit.

use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{PgPool, SqlitePool};

use crate::connection::{Purpose, fetch_postgres, fetch_sqlite, postgres_options, sqlite_options};
use crate::{DatabaseUrl, DbError, Row, Value};

/// Past this wait the caller hears that the database does not answer, instead of waiting for ever.
const ACQUIRE_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub(crate) enum Readers {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Readers {
    pub(crate) fn open(url: &DatabaseUrl, count: u32) -> Result<Self, DbError> {
        Ok(match url {
            DatabaseUrl::Sqlite(path) => Self::Sqlite(
                SqlitePoolOptions::new()
                    .max_connections(count)
                    .acquire_timeout(ACQUIRE_PATIENCE)
                    .connect_lazy_with(sqlite_options(path, Purpose::Read)),
            ),
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
            Self::Sqlite(pool) => fetch_sqlite(pool, sql, params).await,
            Self::Postgres(pool) => fetch_postgres(pool, sql, params).await,
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}
