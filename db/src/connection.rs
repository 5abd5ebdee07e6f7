//! One connection to either database, and the translation of values and rows on its way.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow, PgTypeInfo, types::Oid};
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection as _, Executor, PgConnection, Postgres,
    Sqlite, SqliteConnection, TypeInfo, ValueRef,
};

use crate::anonymous::anonymous;
use crate::{DatabaseUrl, DbError, Dialect, Row, Value};

/// How long to wait for another process that holds SQLite's write lock or a row of PostgreSQL's.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// 64 MiB of pages stay with SQLite's one writer; with the default of 2 it reads the inner pages of
/// its indexes from the file again and again.
const WRITER_CACHE: &str = "-65536";
/// How long to wait for a server to answer the first time.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// What a connection is for; the database itself then refuses everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Write,
    Read,
}

impl Connection {
    pub(crate) async fn open(url: &DatabaseUrl, purpose: Purpose) -> Result<Self, DbError> {
        let opening = async {
            Ok::<_, sqlx::Error>(match url {
                DatabaseUrl::Sqlite(path) => {
                    Self::Sqlite(sqlite_options(path, purpose).connect().await?)
                }
                DatabaseUrl::Postgres(url) => {
                    Self::Postgres(postgres_options(url, purpose)?.connect().await?)
                }
            })
        };
        match tokio::time::timeout(CONNECT_PATIENCE, opening).await {
            Ok(opened) => Ok(opened?),
            Err(_) => Err(DbError::Unavailable(None)),
        }
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    pub(crate) async fn execute(&mut self, sql: &str, params: Vec<Value>) -> Result<u64, DbError> {
        check_parameters(sql, params.len())?;
        Ok(match self {
            Self::Sqlite(connection) => sqlite_query(sql, params)
                .execute(connection)
                .await?
                .rows_affected(),
            Self::Postgres(connection) => postgres_query(sql, params)
                .execute(connection)
                .await?
                .rows_affected(),
        })
    }

    pub(crate) async fn fetch_all(
        &mut self,
        sql: &str,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, DbError> {
        match self {
            Self::Sqlite(connection) => fetch_sqlite(connection, sql, params).await,
            Self::Postgres(connection) => fetch_postgres(connection, sql, params).await,
        }
    }

    /// Any number of statements without parameters, for transactions and migrations.
    pub(crate) async fn script(&mut self, sql: &str) -> Result<(), DbError> {
        let script = sqlx::raw_sql(AssertSqlSafe(sql));
        match self {
            Self::Sqlite(connection) => script.execute(connection).await.map(drop)?,
            Self::Postgres(connection) => script.execute(connection).await.map(drop)?,
        }
        Ok(())
    }

    pub(crate) async fn close(self) -> Result<(), DbError> {
        match self {
            Self::Sqlite(connection) => connection.close().await?,
            Self::Postgres(connection) => connection.close().await?,
        }
        Ok(())
    }
}

/// WAL is switched on by the opener, after it knows that the file is one of ours.
pub(crate) fn sqlite_options(path: &Path, purpose: Purpose) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(purpose == Purpose::Write)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(LOCK_PATIENCE)
        .disable_statement_logging();
    match purpose {
        Purpose::Write => options.pragma("cache_size", WRITER_CACHE),
        Purpose::Read => options.pragma("query_only", "ON"),
    }
}

pub(crate) fn postgres_options(
    url: &str,
    purpose: Purpose,
) -> Result<PgConnectOptions, sqlx::Error> {
    let options = url
        .parse::<PgConnectOptions>()?
        .application_name("remit")
        .disable_statement_logging()
        .options([
            // A server set to answer before the disk has it would break the first promise we make.
            ("synchronous_commit", "on"),
            ("statement_timeout", "30s"),
            ("lock_timeout", "5s"),
        ]);
    Ok(match purpose {
        Purpose::Write => options,
        Purpose::Read => options.options([("default_transaction_read_only", "on")]),
    })
}

pub(crate) async fn fetch_sqlite<'c>(
    executor: impl Executor<'c, Database = Sqlite>,
    sql: &str,
    params: Vec<Value>,
) -> Result<Vec<Row>, DbError> {
    check_parameters(sql, params.len())?;
    let rows = sqlite_query(sql, params).fetch_all(executor).await?;
    translate(&rows, sqlite_value)
}

pub(crate) async fn fetch_postgres<'c>(
    executor: impl Executor<'c, Database = Postgres>,
    sql: &str,
    params: Vec<Value>,
) -> Result<Vec<Row>, DbError> {
    check_parameters(sql, params.len())?;
    let rows = postgres_query(sql, params).fetch_all(executor).await?;
    translate(&rows, postgres_value)
}

/// SQLite reads a parameter that was never given as NULL, silently; so they are counted here.
fn check_parameters(sql: &str, given: usize) -> Result<(), DbError> {
    let wanted = sql
        .split('$')
        .skip(1)
        .filter_map(|rest| {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            rest[..digits].parse::<usize>().ok()
        })
        .max()
        .unwrap_or(0);
    if wanted == given {
        Ok(())
    } else {
        Err(DbError::Parameters { wanted, given })
    }
}

type SqliteQuery = sqlx::query::Query<'static, Sqlite, SqliteArguments>;
type PostgresQuery = sqlx::query::Query<'static, Postgres, PgArguments>;

fn sqlite_query(sql: &str, params: Vec<Value>) -> SqliteQuery {
    let (sql, params) = anonymous(sql, params);
    let query = sqlx::query(AssertSqlSafe(sql));
    params.into_iter().fold(query, |query, value| match value {
        Value::Null => query.bind(None::<i64>),
        Value::Int(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

fn postgres_query(sql: &str, params: Vec<Value>) -> PostgresQuery {
    let query = sqlx::query(AssertSqlSafe(sql));
    params.into_iter().fold(query, |query, value| match value {
        Value::Null => query.bind(Untyped),
        Value::Int(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

/// A NULL whose type the server takes from the place where it stands. A typed one would be refused
/// by every column of another type.
struct Untyped;

impl sqlx::Type<Postgres> for Untyped {
    fn type_info() -> PgTypeInfo {
        // The pseudo-type "unknown".
        PgTypeInfo::with_oid(Oid(705))
    }
}

impl sqlx::Encode<'_, Postgres> for Untyped {
    fn encode_by_ref(
        &self,
        _: &mut sqlx::postgres::PgArgumentBuffer,
    ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
        Ok(sqlx::encode::IsNull::Yes)
    }
}

fn translate<R: sqlx::Row>(
    rows: &[R],
    value: impl Fn(&R, usize) -> Result<Value, DbError>,
) -> Result<Vec<Row>, DbError> {
    let Some(first) = rows.first() else {
        return Ok(Vec::new());
    };
    let names: Arc<[String]> = first
        .columns()
        .iter()
        .map(|column| column.name().to_owned())
        .collect();
    rows.iter()
        .map(|row| {
            let values = (0..names.len())
                .map(|place| value(row, place))
                .collect::<Result<_, _>>()?;
            Ok(Row::new(Arc::clone(&names), values))
        })
        .collect()
}

fn sqlite_value(row: &SqliteRow, place: usize) -> Result<Value, DbError> {
    use sqlx::Row as _;
    let raw = row.try_get_raw(place)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    Ok(match raw.type_info().name() {
        "INTEGER" => Value::Int(row.try_get(place)?),
        "TEXT" => Value::Text(row.try_get(place)?),
        "BLOB" => Value::Bytes(row.try_get(place)?),
        _ => return Err(unsupported(row.column(place).name())),
    })
}

fn postgres_value(row: &PgRow, place: usize) -> Result<Value, DbError> {
    use sqlx::Row as _;
    let raw = row.try_get_raw(place)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    Ok(match raw.type_info().name() {
        "INT8" => Value::Int(row.try_get(place)?),
        "INT4" => Value::Int(i64::from(row.try_get::<i32, _>(place)?)),
        // What a comparison gives; SQLite answers 0 and 1.
        "BOOL" => Value::Int(i64::from(row.try_get::<bool, _>(place)?)),
        "TEXT" | "VARCHAR" | "NAME" => Value::Text(row.try_get(place)?),
        "BYTEA" => Value::Bytes(row.try_get(place)?),
        _ => return Err(unsupported(row.column(place).name())),
    })
}

fn unsupported(column: &str) -> DbError {
    DbError::column(
        column,
        "an integer, text or bytes",
        "a type that the two databases do not share",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_parameters_by_the_highest_number() {
        for (sql, given, fits) in [
            ("SELECT 1", 0, true),
            ("SELECT $1", 0, false),
            ("SELECT $1, $1, $2", 2, true),
            ("SELECT $10", 10, true),
            ("SELECT $1", 2, false),
        ] {
            assert_eq!(check_parameters(sql, given).is_ok(), fits, "{sql}");
        }
    }
}
