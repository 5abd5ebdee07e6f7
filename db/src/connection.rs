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

use crate::checkpoint::LONGEST_LOG;
use crate::{DatabaseUrl, DbError, Dialect, Row, Rows, Step, Value};

/// How long to wait for another process that holds SQLite's write lock or a row of PostgreSQL's.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// 64 MiB of pages stay with SQLite's one writer; with the default of 2 it reads the inner pages of
/// its indexes from the file again and again.
const WRITER_CACHE: &str = "-65536";
/// Readers keep less: there are more of them, and the system keeps the pages of the file too.
const READER_CACHE: &str = "-16384";
/// Rows that a reader's thread may be ahead of us: the default of 50 wakes us 200 times for 10,000.
const READER_ROWS: usize = 1_024;
/// How long to wait for a server to answer the first time.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// More than the writer ever has: preparing one anew costs more than running it.
const PREPARED: usize = 512;

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

    /// Begins to write. On SQLite says a number that is the same as the last time if nobody has
    /// written on another connection meanwhile, in this process or another. PostgreSQL has none:
    /// there each transaction finds out by itself.
    pub(crate) async fn begin(&mut self) -> Result<i64, DbError> {
        let begin = self.dialect().begin();
        if self.dialect() == Dialect::Postgres {
            return self.script(begin).await.map(|()| 0);
        }
        let both = format!("{begin}; PRAGMA data_version");
        let rows = self.fetch_all(&both, Vec::new()).await?;
        let version = rows.first().map(|row| row.int("data_version"));
        version.unwrap_or_else(|| Err(DbError::column("data_version", "a number", "nothing")))
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

    /// Fails if another number of rows was changed than had to be.
    pub(crate) async fn step(&mut self, step: Step) -> Result<(), DbError> {
        let (changed, wanted) = match step {
            Step::One(statement) => (
                self.execute(&statement.sql, statement.params).await?,
                statement.rows,
            ),
            Step::Many(rows) => {
                let wanted = u64::try_from(rows.count()).ok();
                (self.execute_rows(rows).await?, wanted)
            }
        };
        if wanted.is_some_and(|wanted| wanted != changed) {
            return Err(DbError::Conflict(None));
        }
        Ok(())
    }

    async fn execute_rows(&mut self, rows: Rows) -> Result<u64, DbError> {
        Ok(match self {
            Self::Sqlite(connection) => {
                let mut changed = 0;
                for statement in rows.for_sqlite() {
                    let (text, arguments, _) = statement?;
                    let query = sqlx::query_with(AssertSqlSafe(text), arguments);
                    changed += query.execute(&mut *connection).await?.rows_affected();
                }
                changed
            }
            Self::Postgres(connection) => {
                let (text, arguments) = rows.for_postgres()?;
                sqlx::query_with(AssertSqlSafe(text), arguments)
                    .execute(connection)
                    .await?
                    .rows_affected()
            }
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
        .statement_cache_capacity(PREPARED)
        .disable_statement_logging();
    match purpose {
        Purpose::Write => options
            .pragma("cache_size", WRITER_CACHE)
            .pragma("wal_autocheckpoint", LONGEST_LOG),
        Purpose::Read => options
            .pragma("query_only", "ON")
            .pragma("cache_size", READER_CACHE)
            .row_buffer_size(READER_ROWS),
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

/// The texts as a JSON array, which is how SQLite takes a list.
fn json(texts: &[String]) -> String {
    use std::fmt::Write as _;
    let mut json =
        String::with_capacity(2 + texts.iter().map(|text| text.len() + 3).sum::<usize>());
    json.push('[');
    for (place, text) in texts.iter().enumerate() {
        json.push_str(if place == 0 { "\"" } else { ",\"" });
        for letter in text.chars() {
            match letter {
                '"' => json.push_str("\\\""),
                '\\' => json.push_str("\\\\"),
                // Writing to a String cannot fail.
                control @ '\0'..='\x1f' => drop(write!(json, "\\u{:04x}", u32::from(control))),
                other => json.push(other),
            }
        }
        json.push('"');
    }
    json.push(']');
    json
}

type SqliteQuery = sqlx::query::Query<'static, Sqlite, SqliteArguments>;
type PostgresQuery = sqlx::query::Query<'static, Postgres, PgArguments>;

fn sqlite_query(sql: &str, params: Vec<Value>) -> SqliteQuery {
    let query = sqlx::query(AssertSqlSafe(sql));
    params.into_iter().fold(query, |query, value| match value {
        Value::Null => query.bind(None::<i64>),
        Value::Int(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
        Value::List(texts) => query.bind(json(&texts)),
    })
}

fn postgres_query(sql: &str, params: Vec<Value>) -> PostgresQuery {
    let query = sqlx::query(AssertSqlSafe(sql));
    params.into_iter().fold(query, |query, value| match value {
        Value::Null => query.bind(Untyped),
        Value::Int(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Bytes(bytes) => query.bind(bytes),
        Value::List(texts) => query.bind(texts),
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
    fn a_list_is_json_whatever_its_texts_hold() {
        let texts = ["a", "", "\"\\\u{1}\n", "é€"].map(str::to_owned);
        assert_eq!(json(&texts), r#"["a","","\"\\\u0001\u000a","é€"]"#);
        assert_eq!(json(&[]), "[]");
    }

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
