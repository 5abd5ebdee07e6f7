//! A waiting write with its caller: what to run, what it said, and how it is answered.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use crate::{Area, DbError, Tx, WriteError};

/// A job that executes no statement: all it needs and all it changes is in an area.
pub trait Direct: Send + 'static {
    type Area: Area + Default;
    type Done: Send + 'static;
    type Refused: Send + 'static + From<DbError>;

    /// Says what it will need, so that it is fetched together with the needs of the whole batch.
    fn declare(&self, area: &mut Self::Area);

    /// Changes the area, or refuses. After a lost transaction it runs once more, on a new one.
    fn run(&self, area: &mut Self::Area) -> Result<Self::Done, Self::Refused>;
}

/// What a job has said of its needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    All,
    /// Once this is fetched it will know what else it needs.
    More,
}

pub(crate) type Foretell = Box<dyn Fn(&mut Tx) -> Declared + Send>;

/// A job without its types, so that jobs of all kinds can wait in one queue.
pub(crate) trait Job: Send {
    /// Whether it has no statements of its own.
    fn is_direct(&self) -> bool {
        false
    }

    /// Says to the areas what it will need, as far as that is known before it runs.
    fn declare(&self, _tx: &mut Tx) -> Declared {
        Declared::All
    }

    /// Runs it from the start and keeps what it said.
    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> Run<'t>;

    /// Replaces what it said: the database had the last word.
    fn refuse(&mut self, why: DbError);

    fn answer(self: Box<Self>, fate: &Fate);
}

/// `true`: the job's changes are wanted.
pub(crate) enum Run<'t> {
    Done(bool),
    Running(BoxFuture<'t, bool>),
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
    foretells: Option<Foretell>,
    said: Option<Result<T, E>>,
    caller: oneshot::Sender<Result<T, WriteError<E>>>,
}

impl<T, E, J> Waiting<T, E, J> {
    pub(crate) const fn new(
        work: J,
        foretells: Option<Foretell>,
        caller: oneshot::Sender<Result<T, WriteError<E>>>,
    ) -> Self {
        Self {
            work,
            foretells,
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
    fn declare(&self, tx: &mut Tx) -> Declared {
        let declare = self.foretells.as_ref();
        declare.map_or(Declared::All, |declare| declare(tx))
    }

    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> Run<'t> {
        // The original stays behind: after a deadlock the job runs once more.
        let work = self.work.clone();
        Run::Running(Box::pin(async move {
            let running = AssertUnwindSafe(async move { work(tx).await }).catch_unwind();
            let said = running
                .await
                .unwrap_or_else(|_| Err(DbError::Panicked.into()));
            self.said.insert(said).is_ok()
        }))
    }

    fn refuse(&mut self, why: DbError) {
        self.said = Some(Err(why.into()));
    }

    fn answer(self: Box<Self>, fate: &Fate) {
        tell(self.caller, self.said, fate);
    }
}

/// A [`Direct`] job with its caller.
pub(crate) struct WaitingDirect<J: Direct> {
    work: J,
    said: Option<Result<J::Done, J::Refused>>,
    caller: Caller<J::Done, J::Refused>,
}

impl<J: Direct> WaitingDirect<J> {
    pub(crate) const fn new(work: J, caller: Caller<J::Done, J::Refused>) -> Self {
        Self {
            work,
            said: None,
            caller,
        }
    }
}

impl<J: Direct> Job for WaitingDirect<J> {
    fn is_direct(&self) -> bool {
        true
    }

    fn declare(&self, tx: &mut Tx) -> Declared {
        self.work.declare(tx.area());
        Declared::All
    }

    fn run<'t>(&'t mut self, tx: &'t mut Tx) -> Run<'t> {
        let running = AssertUnwindSafe(|| self.work.run(tx.area()));
        // What a panic left half done in the area is undone with the job.
        let said = std::panic::catch_unwind(running);
        let said = said.unwrap_or_else(|_| Err(DbError::Panicked.into()));
        Run::Done(self.said.insert(said).is_ok())
    }

    fn refuse(&mut self, why: DbError) {
        self.said = Some(Err(why.into()));
    }

    fn answer(self: Box<Self>, fate: &Fate) {
        tell(self.caller, self.said, fate);
    }
}

type Caller<T, E> = oneshot::Sender<Result<T, WriteError<E>>>;

fn tell<T, E>(caller: Caller<T, E>, said: Option<Result<T, E>>, fate: &Fate) {
    let answer = match (fate, said) {
        (Fate::Settled, Some(Ok(done))) => Ok(done),
        (Fate::Settled, Some(Err(why))) => Err(WriteError::Refused(why)),
        (Fate::Unknown(why), _) => Err(WriteError::Unknown(why.clone())),
        (Fate::Settled, None) | (Fate::Closed, _) => Err(WriteError::Closed),
    };
    // A caller that went away changes nothing: what was done stays done.
    drop(caller.send(answer));
}
