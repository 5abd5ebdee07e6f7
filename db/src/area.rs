//! An area: what a room knows and has changed in memory within one physical transaction.
//!
//! SQL for each job would be the slowest part of a small write. A room that writes much keeps an
//! area instead: what the jobs of a batch need is fetched together, they change it in memory, each
//! seeing what those before it did, and just before the commit it becomes a few large statements.
//! Nothing in an area is ever answered to a caller before its commit.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use ambient::Timestamp;

use crate::{DbError, Dialect, Row, Rows, Value};

/// A statement that an area wants to be executed.
#[derive(Clone, Debug)]
pub struct Statement {
    pub sql: Arc<str>,
    pub params: Vec<Value>,
    /// How many rows it must change. Another number means that another process was faster.
    pub rows: Option<u64>,
}

/// One step of writing what an area changed.
#[derive(Clone, Debug)]
pub enum Step {
    One(Statement),
    /// Every row must change exactly one, or find it as it says.
    Many(Rows),
}

/// Implemented by the room; called by the writer, in this order.
pub trait Area: Any + Debug + Send + Sync {
    /// A transaction begins: nothing is known of the database yet, and nothing changed.
    fn begin(&mut self, now: Timestamp, dialect: Dialect);

    /// Like [`Self::begin`], but what was known is still true: the transaction before is committed
    /// or will be, or else this one is not written either, and nobody else has written since. On
    /// PostgreSQL somebody may have, so nothing is locked yet, and [`Self::flush`] begins with
    /// steps that lock what was decided on and fail if it is no longer so.
    fn follow(&mut self, now: Timestamp, dialect: Dialect) {
        self.begin(now, dialect);
    }

    /// The next query for what was declared and is not known, if there is one.
    fn wants(&mut self) -> Result<Option<Statement>, DbError>;

    /// The answer to that query.
    fn learn(&mut self, rows: &[Row]) -> Result<(), DbError>;

    /// The running job ended, and its changes stay.
    fn keep(&mut self);

    /// The running job was undone: everything is as it was at the last [`Self::keep`]. What was
    /// learned since is forgotten, because the job may have read its own changes.
    fn undo(&mut self);

    /// A job is about to execute a statement of its own: what must be written before, so that the
    /// statement finds what the area says. `Kept`: what the jobs before it changed, written
    /// outside of its savepoint. `All`: what it changed itself as well, undone with it by the database.
    /// An area that nobody reads around needs none of this.
    fn overdue(&mut self, _whose: Whose) -> Result<Vec<Step>, DbError> {
        Ok(Vec::new())
    }

    /// What was changed, to be executed in this order just before the commit.
    fn flush(&mut self) -> Result<Vec<Step>, DbError>;
}

/// Whose changes an area is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Kept,
    All,
}

/// The areas of one transaction, at most one of each type.
#[derive(Debug, Default)]
pub(crate) struct Areas {
    all: Vec<Box<dyn Area>>,
}

impl Areas {
    pub(crate) fn of<A: Area + Default>(&mut self, now: Timestamp, dialect: Dialect) -> &mut A {
        let place = self.all.iter().position(|area| {
            let any: &dyn Any = area.as_ref();
            any.is::<A>()
        });
        let place = place.unwrap_or_else(|| {
            let mut fresh = A::default();
            fresh.begin(now, dialect);
            self.all.push(Box::new(fresh));
            self.all.len() - 1
        });
        let any: &mut dyn Any = self.all[place].as_mut();
        match any.downcast_mut() {
            Some(area) => area,
            None => unreachable!("its type was just looked at"),
        }
    }

    pub(crate) fn each(&mut self) -> impl Iterator<Item = &mut Box<dyn Area>> {
        self.all.iter_mut()
    }

    pub(crate) fn at(&mut self, place: usize) -> Option<&mut Box<dyn Area>> {
        self.all.get_mut(place)
    }
}
