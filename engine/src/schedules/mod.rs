//! Schedules: what starts workflows by the calendar, on request, and not beside each other.
//!
//! [`spec`] says when, [`state`] is what is durable, [`life`], [`overlap`] and [`outcome`] decide
//! (pure, like the engine's core), [`view`] shows. [`shell`] locks, reads, writes and starts; it
//! is woken by alarms of its own and by the ends of the runs that a schedule watches.
//!
//! A schedule is a row of its own kind, not a workflow. It is not kept in memory: it is read when
//! something happens to it, and written whole.

pub(crate) mod desk;
mod ends;
pub(crate) mod life;
mod outcome;
mod overlap;
pub(crate) mod shell;
pub(crate) mod spec;
pub(crate) mod state;
mod view;
