//! Where runs live when nobody looks: a narrow trait, one SQLite implementation, one writer.
//!
//! Nothing here knows what an event means. Every change goes through [`writer::WriteQueue`]:
//! whatever waits is committed in one transaction with one sync, and only then acknowledged.

pub(crate) mod lock;
pub(crate) mod sqlite;
pub(crate) mod writer;

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
    Namespace(NamespaceRow),
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
    pub(crate) memo: Vec<u8>,
    pub(crate) search_attributes: Vec<u8>,
    /// The same search attributes as one JSON object, as they are searched.
    pub(crate) search_values: String,
    pub(crate) agenda: Agenda,
}

/// What an open run needs from the engine: all that is read of it at boot.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Agenda {
    /// The next moment something is due without anybody asking.
    #[prost(int64, optional, tag = "1")]
    pub(crate) wake_at: Option<i64>,
    /// Something waits in a task queue (or is buffered): the run must be looked at once.
    #[prost(bool, tag = "2")]
    pub(crate) ready: bool,
    /// How many records the run has; 0 where an older program did not count.
    #[prost(int64, tag = "3")]
    pub(crate) records: i64,
}

impl Agenda {
    pub(crate) fn is_empty(&self) -> bool {
        self.wake_at.is_none() && !self.ready
    }
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
    #[error("the store is damaged: {0}")]
    Corrupt(String),
}

/// The only way in. `commit` returns when everything is on disk; after an error nothing may be
/// committed any more.
pub(crate) trait Committer: Send + 'static {
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError>;
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
    fn by_row(&self, row: i64) -> Result<Option<Head>, StoreError>;
    /// The bodies of a run's records, oldest first, verified.
    fn records(&self, row: i64) -> Result<Vec<Bytes>, StoreError>;
    /// Every open run that has anything on its agenda.
    fn agendas(&self, visit: &mut dyn FnMut(i64, Agenda)) -> Result<(), StoreError>;
    fn list(
        &self,
        namespace: i64,
        filter: &Filter,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<Vec<Head>, StoreError>;
    /// How many match, by status.
    fn count(&self, namespace: i64, filter: &Filter) -> Result<Vec<(i32, i64)>, StoreError>;
}
