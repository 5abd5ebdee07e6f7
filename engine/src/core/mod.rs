//! The pure core: one workflow run, the commands that may change it, and nothing else.
//!
//! A command either is refused, or becomes one atomic [`record::Record`] (events and bookkeeping
//! notes) plus [`Action`]s for the shell. The run's durable state is the fold of its records;
//! everything else in [`run::Run`] is volatile by design: a started workflow task, a started
//! activity whose attempts are unbounded, stickiness. Losing it in a crash re-dispatches work.
//!
//! Never here: a clock, randomness, I/O, locks, iteration over hash maps.

pub(crate) mod activity;
pub(crate) mod attributes;
pub(crate) mod bounds;
pub(crate) mod commands;
pub(crate) mod failure;
pub(crate) mod family;
pub(crate) mod fold;
pub(crate) mod priority;
pub(crate) mod record;
pub(crate) mod refusal;
pub(crate) mod retry;
pub(crate) mod run;
pub(crate) mod speculation;
pub(crate) mod step;
pub(crate) mod succession;
pub(crate) mod task;
pub(crate) mod time;
pub(crate) mod updates;

pub(crate) use refusal::Refusal;
pub(crate) use run::Run;
pub(crate) use step::{Action, NextRun, Outcome, Step};

#[cfg(test)]
pub(crate) mod script;
