//! The naive way, on the same database and as durable: a transaction per entry that locks the
//! account's row, inserts and updates, and commits. Everybody waits for the hot row.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use db::DatabaseUrl;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};

use crate::seen::{self, Seen};

/// More connections do not make a row come free sooner.
const CONNECTIONS: u32 = 64;
const PATIENCE: Duration = Duration::from_secs(120);
const TABLES: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS naive_accounts (id BIGINT PRIMARY KEY, balance BIGINT NOT NULL, version BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS naive_entries (id TEXT PRIMARY KEY, posted_at BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS naive_postings (entry_id TEXT NOT NULL, leg BIGINT NOT NULL, account BIGINT NOT NULL, amount BIGINT NOT NULL, version BIGINT NOT NULL, balance_after BIGINT NOT NULL, PRIMARY KEY (entry_id, leg))",
    "INSERT INTO naive_accounts VALUES (0, 0, 0), (1, 0, 0) ON CONFLICT DO NOTHING",
];
const ENTRY: &str = "INSERT INTO naive_entries VALUES ($1, $2)";
const UPDATE: &str = "UPDATE naive_accounts SET balance = balance + $1, version = version + 1 WHERE id = $2 RETURNING version, balance";
const POSTING: &str = "INSERT INTO naive_postings VALUES ($1, $2, $3, $4, $5, $6)";

#[derive(Clone)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

pub(crate) async fn measure(url: &str, callers: usize, entries: usize) -> Result<()> {
    let pool = match url.parse()? {
        DatabaseUrl::Sqlite(path) => Pool::Sqlite(
            SqlitePoolOptions::new()
                .max_connections(CONNECTIONS)
                .acquire_timeout(PATIENCE)
                .connect_with(
                    SqliteConnectOptions::new()
                        .filename(path)
                        .synchronous(SqliteSynchronous::Full)
                        .busy_timeout(PATIENCE),
                )
                .await?,
        ),
        DatabaseUrl::Postgres(url) => Pool::Postgres(
            PgPoolOptions::new()
                .max_connections(CONNECTIONS)
                .acquire_timeout(PATIENCE)
                .connect_with(
                    url.parse::<PgConnectOptions>()?
                        .options([("synchronous_commit", "on")]),
                )
                .await?,
        ),
    };
    for table in TABLES {
        let _rows = match &pool {
            Pool::Sqlite(pool) => sqlx::query(table).execute(pool).await?.rows_affected(),
            Pool::Postgres(pool) => sqlx::query(table).execute(pool).await?.rows_affected(),
        };
    }
    let first = u64::from_be_bytes(ambient::fill()?);
    let each = entries.div_ceil(callers);
    let begun = seen::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (pool, name) = (pool.clone(), Arc::<str>::from(format!("{first}-{caller}")));
            tokio::spawn(async move {
                let mut waits = Vec::with_capacity(each);
                for number in 0..each {
                    let asked = seen::now();
                    pool.post(format!("{name}-{number}")).await?;
                    waits.push(asked.elapsed());
                }
                anyhow::Ok(waits)
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await??);
    }
    let took = begun.elapsed();
    let commits = u64::try_from(waits.len())?;
    println!("{}", Seen::new(waits, commits, took));
    Ok(())
}

/// The same statements for both; the hot account is locked by its UPDATE.
macro_rules! statements {
    ($tx:expr, $id:expr) => {{
        sqlx::query(ENTRY)
            .bind($id)
            .bind(0_i64)
            .execute(&mut *$tx)
            .await?;
        for (leg, account, amount) in [(0_i64, 0_i64, -1_i64), (1, 1, 1)] {
            let after: Option<(i64, i64)> = sqlx::query_as(UPDATE)
                .bind(amount)
                .bind(account)
                .fetch_optional(&mut *$tx)
                .await?;
            let Some((version, balance)) = after else {
                bail!("account {account} is gone");
            };
            sqlx::query(POSTING)
                .bind($id)
                .bind(leg)
                .bind(account)
                .bind(amount)
                .bind(version)
                .bind(balance)
                .execute(&mut *$tx)
                .await?;
        }
    }};
}

impl Pool {
    #[allow(clippy::disallowed_methods)] // Bare transactions are what is measured here.
    async fn post(&self, id: String) -> Result<()> {
        match self {
            Self::Sqlite(pool) => {
                let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
                statements!(tx, &id);
                tx.commit().await?;
            }
            Self::Postgres(pool) => {
                let mut tx = pool.begin().await?;
                statements!(tx, &id);
                tx.commit().await?;
            }
        }
        Ok(())
    }
}
