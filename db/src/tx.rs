//! The transaction as a job sees it: its statements, its one instant, and nothing that could end it.

use ambient::Timestamp;

use crate::area::{Areas, Step, Whose};
use crate::connection::Connection;
use crate::{Area, DbError, Dialect, Row, Value};

/// Jobs never begin, commit or roll back: the writer does, around them.
#[derive(Debug)]
pub struct Tx {
    pub(crate) connection: Connection,
    now: Timestamp,
    savepoint: Savepoint,
    /// The first statement of the running job that failed. PostgreSQL lets nothing follow it, so
    /// the job is undone on both databases, even if it chose to overlook the error.
    failed: Option<DbError>,
    /// A statement outside of any savepoint failed: the transaction is lost.
    broken: Option<DbError>,
    pub(crate) areas: Areas,
    /// A job has executed a statement of its own: what the areas know may be out of date after it.
    statements: bool,
}

/// A job that executes no statement of its own needs no savepoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Savepoint {
    /// There is no job, or it may not be undone alone.
    None,
    AtFirstStatement,
    Open,
}

impl Tx {
    pub(crate) fn new(connection: Connection) -> Self {
        Self {
            connection,
            now: Timestamp::from_micros(0),
            savepoint: Savepoint::None,
            failed: None,
            broken: None,
            areas: Areas::default(),
            statements: false,
        }
    }

    /// How many rows were changed.
    pub async fn execute(&mut self, sql: &str, params: Vec<Value>) -> Result<u64, DbError> {
        self.before_a_statement().await?;
        let answer = self.connection.execute(sql, params).await;
        self.watched(answer)
    }

    pub async fn fetch_all(&mut self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>, DbError> {
        self.before_a_statement().await?;
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

    /// A room's area of this transaction.
    pub fn area<A: Area + Default>(&mut self) -> &mut A {
        let (now, dialect) = (self.now, self.dialect());
        self.areas.of(now, dialect)
    }

    /// Fetches what was declared in the areas and is not known yet.
    pub async fn settle(&mut self) -> Result<(), DbError> {
        let answer = self.fetch_wanted().await;
        if let Err(error) = &answer {
            // Perhaps outside of the savepoint: then it cannot be undone with the job alone.
            self.broken.get_or_insert_with(|| error.clone());
        }
        answer
    }

    async fn fetch_wanted(&mut self) -> Result<(), DbError> {
        let mut place = 0;
        while let Some(area) = self.areas.at(place) {
            match area.wants()? {
                Some(query) => {
                    let rows = self.connection.fetch_all(&query.sql, query.params).await?;
                    if let Some(area) = self.areas.at(place) {
                        area.learn(&rows)?;
                    }
                }
                None => place += 1,
            }
        }
        Ok(())
    }

    /// What the areas changed, to be written in this order.
    pub(crate) fn changes(&mut self) -> Result<Vec<Step>, DbError> {
        let mut steps = Vec::new();
        for area in self.areas.each() {
            steps.extend(area.flush()?);
        }
        Ok(steps)
    }

    /// Writes them. An error means that the transaction is lost.
    pub(crate) async fn flush(&mut self, steps: Vec<Step>) -> Result<(), DbError> {
        for step in steps {
            self.connection.step(step).await?;
        }
        Ok(())
    }

    /// Whether all that happened went through the areas, so that they know what is true now.
    pub(crate) const fn was_in_the_areas(&self) -> bool {
        !self.statements
    }

    /// `follows`: what the areas know is true in this transaction too.
    pub(crate) fn begin_at(&mut self, now: Timestamp, follows: bool) {
        self.statements = false;
        self.now = now;
        self.savepoint = Savepoint::None;
        self.failed = None;
        self.broken = None;
        let dialect = self.dialect();
        self.areas.each().for_each(|area| match follows {
            true => area.follow(now, dialect),
            false => area.begin(now, dialect),
        });
    }

    pub(crate) fn keep_what_was_fetched(&mut self) {
        self.areas.each().for_each(|area| area.keep());
    }

    pub(crate) const fn begin_job(&mut self) {
        self.savepoint = Savepoint::AtFirstStatement;
    }

    /// Ends the running job; its changes stay, in the areas too.
    pub(crate) async fn keep_job(&mut self) -> Result<(), DbError> {
        self.areas.each().for_each(|area| area.keep());
        self.close_savepoint("RELEASE SAVEPOINT job").await
    }

    /// Ends the running job as if it had never begun.
    pub(crate) async fn undo_job(&mut self) -> Result<(), DbError> {
        self.areas.each().for_each(|area| area.undo());
        self.close_savepoint("ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job")
            .await
    }

    async fn close_savepoint(&mut self, how: &str) -> Result<(), DbError> {
        let before = std::mem::replace(&mut self.savepoint, Savepoint::None);
        if before == Savepoint::Open {
            self.connection.script(how).await?;
        }
        Ok(())
    }

    /// The statement must see what the areas hold back, and be undone with its job alone.
    async fn before_a_statement(&mut self) -> Result<(), DbError> {
        self.statements = true;
        if self.savepoint == Savepoint::AtFirstStatement
            && let Err(error) = self.open_savepoint().await
        {
            self.broken.get_or_insert_with(|| error.clone());
            return Err(error);
        }
        let answer = self.write_overdue(Whose::All).await;
        self.watched(answer)
    }

    async fn open_savepoint(&mut self) -> Result<(), DbError> {
        self.write_overdue(Whose::Kept).await?;
        self.connection.script("SAVEPOINT job").await?;
        self.savepoint = Savepoint::Open;
        Ok(())
    }

    async fn write_overdue(&mut self, whose: Whose) -> Result<(), DbError> {
        let mut steps = Vec::new();
        for area in self.areas.each() {
            steps.extend(area.overdue(whose)?);
        }
        self.flush(steps).await
    }

    pub(crate) const fn take_failure(&mut self) -> Option<DbError> {
        self.failed.take()
    }

    pub(crate) const fn take_break(&mut self) -> Option<DbError> {
        self.broken.take()
    }

    fn watched<T>(&mut self, answer: Result<T, DbError>) -> Result<T, DbError> {
        if let Err(error) = &answer {
            self.failed.get_or_insert_with(|| error.clone());
        }
        answer
    }
}
