//! Wiring: which workflows and activities run here, on which queue, and who starts what waits.
//!
//! No rule of the business lives in this room.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod rail;
mod replay;
mod run;
mod sdk;
mod sweeper;
mod watcher;

pub use replay::{Broken, ReplayError, Replayed, replay_open};
pub use run::{Worker, WorkerError};
pub use sweeper::sweep;
pub use watcher::watch;
