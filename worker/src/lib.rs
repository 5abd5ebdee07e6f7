//! Wiring: which workflows and activities run here, on which queue, and who starts what waits.
//!
//! No rule of the business lives in this room.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod inbox;
mod keeper;
mod launch;
mod rail;
mod replay;
mod run;
mod sdk;
mod sweeper;
mod tidier;
mod watcher;

pub use inbox::{read_statements, tell};
pub use keeper::keep;
pub use launch::Launch;
pub use replay::{Broken, ReplayError, Replayed, replay_open};
pub use run::{Activities, Worker, WorkerError};
pub use sweeper::sweep;
pub use tidier::tidy;
pub use watcher::watch;
