//! Every version flag of the workflows, by name, with its reason.
//!
//! A workflow is run again from its history at any time, and must then decide what it decided
//! before. So a change of what it decides holds only for runs that come to the place for the first
//! time; a run whose history passed it earlier goes on in the old way. A flag is never renamed and
//! never used for a second change: its name stands in histories.
//!
//! The first question of a run for a flag costs two events (a marker, and its name among the run's
//! search attributes). Ask where the change matters, not at the start.

use crate::mover::Mover;
use crate::transfer::Ctx;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patch {
    /// Calls to a bank go to a task queue of their rail, so that one rail can be paused, limited
    /// and worked on by itself. Before it they went to the queue of the workflows.
    RailQueues,
}

impl Patch {
    const fn id(self) -> &'static str {
        match self {
            Self::RailQueues => "rail-queues",
        }
    }

    /// Whether the change holds for this run.
    pub(crate) fn holds<W: Mover>(self, ctx: &Ctx<W>) -> bool {
        ctx.patched(self.id())
    }
}
