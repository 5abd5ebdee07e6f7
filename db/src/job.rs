//! A waiting write with its caller: what to run, what it said, and how it is answered.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::{DbError, Tx, WriteError};

/// A job without its types, so that jobs of all kinds can wait in one queue.
pub(crate) trait Job: Send {
    /// Runs it from the start and keeps what it said. `true`: its changes are wanted.
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool>;

    /// Replaces what it said: the database had the last word.
    fn refuse(&mut self, why: DbError);

    fn answer(self: Box<Self>, fate: &Fate);
}

/// What became of the physical transaction that carried a job.
#[derive(Debug)]
pub(crate) enum Fate {
    /// What the job said holds: it is on disk, or was rolled back alone.
    Settled,
    Unknown(DbError),
    Closed,
}

pub(crate) struct Waiting<T, E, J> {
    work: J,
    said: Option<Result<T, E>>,
    caller: oneshot::Sender<Result<T, WriteError<E>>>,
}

impl<T, E, J> Waiting<T, E, J> {
    pub(crate) const fn new(work: J, caller: oneshot::Sender<Result<T, WriteError<E>>>) -> Self {
        Self {
            work,
            said: None,
            caller,
        }
    }
}

impl<T, E, J> Job for Waiting<T, E, J>
where
    T: Send,
    E: Send + From<DbError>,
    J: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Clone + Send,
{
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool> {
        // The original stays behind: after a deadlock the job runs once more.
        let work = self.work.clone();
        Box::pin(async move {
            let running = AssertUnwindSafe(async move { work(tx).await }).catch_unwind();
            let said = running
                .await
                .unwrap_or_else(|_| Err(DbError::Panicked.into()));
            self.said.insert(said).is_ok()
        })
    }

    fn refuse(&mut self, why: DbError) {
        self.said = Some(Err(why.into()));
    }

    fn answer(self: Box<Self>, fate: &Fate) {
        let answer = match (fate, self.said) {
            (Fate::Settled, Some(Ok(done))) => Ok(done),
            (Fate::Settled, Some(Err(why))) => Err(WriteError::Refused(why)),
            (Fate::Unknown(why), _) => Err(WriteError::Unknown(why.clone())),
            (Fate::Settled, None) | (Fate::Closed, _) => Err(WriteError::Closed),
        };
        // A caller that went away changes nothing: what was done stays done.
        drop(self.caller.send(answer));
    }
}
