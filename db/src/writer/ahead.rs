//! A batch is made ready while the one before it is written.

use std::sync::atomic::Ordering;

use tokio::task::JoinError;

use super::flight::{Flight, Landed};
use super::{Jobs, Writer, run_all};
use crate::area::{Areas, Step};
use crate::checkpoint::Mover;
use crate::connection::{Connection, Purpose};
use crate::job::Fate;
use crate::{DatabaseUrl, DbError, Tx};

/// After somebody else has written. A batch that is decided in vain costs as much as two.
const CAREFUL: u32 = 32;

/// What lets a batch be made ready while the one before it is written.
pub(crate) struct Ahead {
    /// What the rooms know, between two batches.
    pub(super) areas: Areas,
    /// The state of the database of which they know it; see `Connection::begin`.
    pub(super) known: Option<i64>,
    /// How often all of it was forgotten: what was made ready before is worth nothing then.
    forgotten: u64,
    /// So many batches are begun before they are decided, because somebody else is writing too.
    careful: u32,
    pub(super) reader: Option<Connection>,
    pub(super) flight: Option<Flight>,
    /// How many callers were answered together the last time.
    pub(super) answered: usize,
    pub(super) mover: Mover,
}

impl Ahead {
    pub(crate) fn new(url: &DatabaseUrl) -> Self {
        Self {
            areas: Areas::default(),
            known: None,
            forgotten: 0,
            careful: 0,
            reader: None,
            flight: None,
            answered: 0,
            mover: Mover::new(url.clone()),
        }
    }

    /// A batch was committed, and the areas know all that is true by now.
    pub(super) fn know(&mut self, version: i64) {
        if self.careful > 0 {
            self.careful -= 1;
        } else {
            self.known = Some(version);
        }
    }

    pub(super) fn forget(&mut self) {
        self.areas = Areas::default();
        self.known = None;
        self.forgotten += 1;
    }
}

/// A batch that is decided and not written.
struct Ready {
    steps: Vec<Step>,
    forgotten: u64,
}

impl Writer {
    /// Writes and answers a batch, or sends it on its way. `false`: the writer must not go on.
    pub(super) async fn write(&mut self, mut jobs: Jobs) -> bool {
        let ready = self.prepare(&mut jobs).await;
        let (alive, done) = match &mut self.ahead.flight {
            Some(flight) => {
                let landed = (&mut flight.landing).await;
                self.landed(landed).await
            }
            None => (true, Vec::new()),
        };
        if !alive {
            self.answer(jobs, &Fate::Closed);
            return false;
        }
        let ready = ready.filter(|ready| ready.forgotten == self.ahead.forgotten);
        let left = match (ready, self.ahead.known, self.tx.take()) {
            (Some(Ready { steps, .. }), Some(version), Some(Tx { connection, .. })) => {
                let flight = Flight::begin(jobs, connection, steps, version, self.patience);
                self.ahead.flight = Some(flight);
                Vec::new()
            }
            (_, _, tx) => {
                self.tx = tx;
                jobs
            }
        };
        // Only now, while the next batch is on its way.
        self.answer(done, &Fate::Settled);
        left.is_empty() || self.write_now(left).await
    }

    /// Decides a batch on what is known and on what a reader sees. `None`: it must be begun first.
    async fn prepare(&mut self, jobs: &mut Jobs) -> Option<Ready> {
        self.ahead.known?;
        if !jobs.iter().all(|job| job.is_direct()) {
            return None;
        }
        let reader = match self.ahead.reader.take() {
            Some(reader) => reader,
            None => Connection::open(&self.url, Purpose::Read).await.ok()?,
        };
        let mut tx = self.dated(Tx::new(reader), true);
        match tokio::time::timeout(self.patience, run_all(&mut tx, jobs)).await {
            Ok(Ok(steps)) => {
                self.ahead.areas = tx.areas;
                self.ahead.reader = Some(tx.connection);
                let forgotten = self.ahead.forgotten;
                Some(Ready { steps, forgotten })
            }
            _ => {
                self.ahead.forget();
                None
            }
        }
    }

    /// Those whose batch is on disk are to be answered by the caller.
    pub(super) async fn landed(&mut self, landed: Result<Landed, JoinError>) -> (bool, Jobs) {
        let Some(Flight { jobs, .. }) = self.ahead.flight.take() else {
            return (true, Vec::new());
        };
        let error = match landed {
            Ok(Landed::Committed(connection)) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
                self.ahead.mover.wrote(jobs.len() * 2);
                self.tx = Some(Tx::new(connection));
                return (true, jobs);
            }
            Ok(Landed::Not(connection)) => {
                self.ahead.forget();
                self.ahead.careful = CAREFUL;
                self.tx = connection.map(Tx::new);
                return (self.write_now(jobs).await, Vec::new());
            }
            Ok(Landed::Unknown(error)) => error,
            // Its task is gone, and with it what became of the commit.
            Err(_) => DbError::Unavailable(None),
        };
        self.ahead.forget();
        let fate = Fate::Unknown(error);
        let alive = self.survives(&fate);
        self.answer(jobs, &fate);
        (alive, Vec::new())
    }
}
