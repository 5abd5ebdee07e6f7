//! Where runs live when nobody looks: a narrow trait, one SQLite implementation, one writer.
//!
//! Nothing here knows what an event means. Every change goes through [`writer::WriteQueue`]:
//! whatever waits is committed in one transaction with one sync, and only then acknowledged.

#[cfg(test)]
mod conformance;
pub(crate) mod lock;
pub(crate) mod sqlite;
pub(crate) mod writer;

use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use crate::visibility::Filter;

/// What a commit may contain.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// The run's row as it is now; written once per commit, however often it changed.
    Head(Box<Head>),
    /// One atomic step of a run: never changed once written.
    Record {
        row: i64,
        number: i64,
        body: Bytes,
    },
    /// A step after which the run is as if the one of the same number had never been: it takes its
    /// place.
    Instead {
        row: i64,
        number: i64,
        body: Bytes,
    },
    Namespace(NamespaceRow),
    Schedule(Box<ScheduleRow>),
    ScheduleGone(i64),
}

/// What can be known of a run without reading its history.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Head {
    pub(crate) row: i64,
    pub(crate) namespace: i64,
    pub(crate) workflow_id: String,
    pub(crate) run_id: String,
    pub(crate) first_run_id: String,
    pub(crate) started_by: String,
    pub(crate) workflow_type: String,
    pub(crate) task_queue: String,
    pub(crate) status: i32,
    pub(crate) started_at: i64,
    pub(crate) execution_at: i64,
    pub(crate) closed_at: Option<i64>,
    pub(crate) history_length: i64,
    pub(crate) history_bytes: i64,
    /// Encoded protocol messages, as they are answered.
    pub(crate) memo: Bytes,
    pub(crate) search_attributes: Bytes,
    /// The same search attributes as one JSON object, as they are searched.
    pub(crate) search_values: Arc<str>,
    pub(crate) agenda: Agenda,
}

/// What an open run needs from the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Agenda {
    /// The next moment something is due without anybody asking.
    pub(crate) wake_at: Option<i64>,
    /// Something waits in a task queue (or is buffered): the run must be looked at once.
    pub(crate) ready: bool,
    /// How many records the run has; 0 where an older program did not count.
    pub(crate) records: i64,
}

/// When an open run must be looked at after a restart: all that is read of it at boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    AtOnce,
    At(i64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamespaceRow {
    pub(crate) id: i64,
    pub(crate) uuid: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) owner: String,
    pub(crate) retention_seconds: i64,
}

/// A schedule: what is searched and what the boot reads beside its encoded state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ScheduleRow {
    pub(crate) row: i64,
    pub(crate) namespace: i64,
    pub(crate) schedule_id: String,
    pub(crate) created_at: i64,
    /// The next moment something is due without anybody asking.
    pub(crate) wake_at: Option<i64>,
    /// It waits for a run, or was about to start one: looked at once after a restart.
    pub(crate) busy: bool,
    /// What it is searched by, as one JSON object.
    pub(crate) search_values: String,
    pub(crate) body: Bytes,
}

/// A position in a listing: open runs first, then the latest closed, newest start first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListPosition {
    pub(crate) closed_at: i64,
    pub(crate) started_at: i64,
    pub(crate) row: i64,
}

/// Closing times of open runs, for ordering only.
pub(crate) const NOT_CLOSED: i64 = i64::MAX;

#[derive(Debug, Error)]
pub(crate) enum StoreError {
    #[error("the store's database failed")]
    Sqlite(#[from] rusqlite::Error),
    /// Nothing of the commit happened, and it may be tried again.
    #[error("the store's disk is full")]
    Full(#[source] rusqlite::Error),
    #[error("the store is damaged: {0}")]
    Corrupt(String),
}

/// The only way in.
pub(crate) trait Committer: Send + 'static {
    /// Returns when everything is on disk. After [`StoreError::Full`] nothing happened, and the
    /// same changes may be tried again; after any other error nobody knows what is on disk, and
    /// nothing may be committed any more.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError>;

    /// Housekeeping that nobody waits for, after a commit was acknowledged. An error means what
    /// it means of a commit.
    fn tidy(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Change {
    /// About what it takes in memory while it waits.
    pub(crate) fn weight(&self) -> usize {
        const OVERHEAD: usize = 512;
        OVERHEAD
            + match self {
                Self::Record { body, .. } | Self::Instead { body, .. } => body.len(),
                Self::Head(head) => {
                    head.memo.len() + head.search_attributes.len() + head.search_values.len()
                }
                Self::Namespace(row) => row.description.len(),
                Self::Schedule(row) => row.body.len() + row.search_values.len(),
                Self::ScheduleGone(_) => 0,
            }
    }
}

/// The ways out. Blocking: callers hop to a thread that may block.
pub(crate) trait Reader: Send + Sync + std::fmt::Debug + 'static {
    /// The newest run of a workflow id.
    fn latest(&self, namespace: i64, workflow_id: &str) -> Result<Option<Head>, StoreError>;
    fn run(
        &self,
        namespace: i64,
        workflow_id: &str,
        run_id: &str,
    ) -> Result<Option<Head>, StoreError>;
    /// The id of the run that a request started under a workflow id.
    fn started_by(
        &self,
        namespace: i64,
        workflow_id: &str,
        request_id: &str,
    ) -> Result<Option<String>, StoreError>;
    fn by_row(&self, row: i64) -> Result<Option<Head>, StoreError>;
    /// The bodies of a run's records, oldest first, verified.
    fn records(&self, row: i64) -> Result<Vec<Bytes>, StoreError> {
        self.stretch(row, 0, usize::MAX)
    }
    /// Those from a number on, as many as come to so many bytes; at least one where there is one.
    fn stretch(&self, row: i64, from: i64, bytes: usize) -> Result<Vec<Bytes>, StoreError>;
    /// Every open run that has anything on its agenda, in the order of rows.
    fn agendas(&self, visit: &mut dyn FnMut(i64, Due)) -> Result<(), StoreError>;
    fn list(
        &self,
        namespace: i64,
        filter: &Filter,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<Vec<Head>, StoreError>;
    /// How many match, by status.
    fn count(&self, namespace: i64, filter: &Filter) -> Result<Vec<(i32, i64)>, StoreError>;
    fn schedule(
        &self,
        namespace: i64,
        schedule_id: &str,
    ) -> Result<Option<ScheduleRow>, StoreError>;
    /// The namespace and the id of a schedule's row.
    fn schedule_key(&self, row: i64) -> Result<Option<(i64, String)>, StoreError>;
    /// Every schedule with something to do: when, or (`None`) at once.
    fn due_schedules(&self, visit: &mut dyn FnMut(i64, Option<i64>)) -> Result<(), StoreError>;
    fn schedules(
        &self,
        namespace: i64,
        filter: &Filter,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<Vec<ScheduleRow>, StoreError>;
    fn count_schedules(&self, namespace: i64, filter: &Filter) -> Result<i64, StoreError>;
}
