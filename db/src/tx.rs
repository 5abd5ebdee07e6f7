//! The transaction as a job sees it: its statements, its one instant, and nothing that could end it.

use ambient::Timestamp;

use crate::connection::Connection;
use crate::{DbError, Dialect, Row, Value};

/// Jobs never begin, commit or roll back: the writer does, around them.
#[derive(Debug)]
pub struct Tx {
    pub(crate) connection: Connection,
    now: Timestamp,
    /// The first statement of the running job that failed. PostgreSQL lets nothing follow it, so
    /// the job is undone on both databases, even if it chose to overlook the error.
    failed: Option<DbError>,
}

impl Tx {
    pub(crate) const fn new(connection: Connection) -> Self {
        Self {
            connection,
            now: Timestamp::from_micros(0),
            failed: None,
        }
    }

    /// How many rows were changed.
    pub async fn execute(&mut self, sql: &str, params: Vec<Value>) -> Result<u64, DbError> {
        let answer = self.connection.execute(sql, params).await;
        self.watched(answer)
    }

    pub async fn fetch_all(&mut self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        let answer = self.connection.fetch_all(sql, params).await;
        self.watched(answer)
    }

    /// The first row, for a statement that gives at most one.
    pub async fn fetch_optional(
        &mut self,
        sql: &str,
        params: Vec<Value>,
    ) -> Result<Option<Row>, DbError> {
        Ok(self.fetch_all(sql, params).await?.into_iter().next())
    }

    /// The instant of the physical transaction: the same for every job in it, and never before
    /// that of an earlier transaction of this process, even when the clock steps back.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    pub const fn dialect(&self) -> Dialect {
        self.connection.dialect()
    }

    pub(crate) fn begin_at(&mut self, now: Timestamp) {
        self.now = now;
        self.failed = None;
    }

    pub(crate) const fn take_failure(&mut self) -> Option<DbError> {
        self.failed.take()
    }

    fn watched<T>(&mut self, answer: Result<T, DbError>) -> Result<T, DbError> {
        if let Err(error) = &answer {
            self.failed.get_or_insert_with(|| error.clone());
        }
        answer
    }
}
