//! Everything that can happen to a run, one command a file.
//!
//! Commands from outside first, then what a worker's decision may contain (`decisions/`).

pub(crate) mod admit_update;
pub(crate) mod answer_errand;
pub(crate) mod attach;
pub(crate) mod cancel;
pub(crate) mod complete_activity;
pub(crate) mod complete_task;
pub(crate) mod decisions;
pub(crate) mod end_child;
pub(crate) mod fail_activity;
pub(crate) mod fail_task;
pub(crate) mod heartbeat;
pub(crate) mod recover;
pub(crate) mod signal;
pub(crate) mod start;
pub(crate) mod start_activity;
pub(crate) mod start_task;
pub(crate) mod terminate;
pub(crate) mod tick;
