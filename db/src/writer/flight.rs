//! A batch on its way to the disk while the next one is made ready.
//!
//! Only batches fly whose jobs have no statements of their own: all that they decided on was known
//! beforehand, so it is enough to find that nobody else has changed it since. SQLite says so of the
//! whole database; on PostgreSQL the areas' first steps look.

use std::time::Duration;

use tokio::task::JoinHandle;

use crate::area::Step;
use crate::connection::Connection;
use crate::job::Job;
use crate::{DbError, Dialect};

pub(super) struct Flight {
    pub(super) jobs: Vec<Box<dyn Job>>,
    pub(super) landing: JoinHandle<Landed>,
}

/// How it ended.
pub(super) enum Landed {
    Committed(Connection),
    /// Nothing was executed: another process has written, or a statement failed. A connection that
    /// may still be in the transaction is not given back.
    Not(Option<Connection>),
    Unknown(DbError),
}

impl Flight {
    pub(super) fn begin(
        jobs: Vec<Box<dyn Job>>,
        connection: Connection,
        steps: Vec<Step>,
        version: i64,
        patience: Duration,
    ) -> Self {
        Self {
            jobs,
            landing: tokio::spawn(fly(connection, steps, version, patience)),
        }
    }
}

async fn fly(
    mut connection: Connection,
    steps: Vec<Step>,
    version: i64,
    patience: Duration,
) -> Landed {
    match tokio::time::timeout(patience, write(&mut connection, steps, version)).await {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => return Landed::Not(Some(connection)),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a batch was lost before its commit; it runs once more");
            return Landed::Not(None);
        }
        Err(_) => return Landed::Not(None),
    }
    match commit(&mut connection, patience).await {
        Ok(()) => Landed::Committed(connection),
        Err(error) => Landed::Unknown(error),
    }
}

pub(super) async fn commit(connection: &mut Connection, patience: Duration) -> Result<(), DbError> {
    let dialect = connection.dialect();
    let committing = connection.script("COMMIT");
    match dialect {
        // A local disk answers or fails; giving up on it early would make doubt out of slowness.
        Dialect::Sqlite => committing.await,
        Dialect::Postgres => tokio::time::timeout(patience, committing)
            .await
            .unwrap_or(Err(DbError::Unavailable(None))),
    }
}

/// `false`: another process has written since the version that was known, and nothing was begun.
async fn write(
    connection: &mut Connection,
    steps: Vec<Step>,
    version: i64,
) -> Result<bool, DbError> {
    if connection.begin().await? != version {
        connection.script("ROLLBACK").await?;
        return Ok(false);
    }
    for step in steps {
        connection.step(step).await?;
    }
    Ok(true)
}
