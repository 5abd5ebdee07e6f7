//! Wiring: which workflows and activities run here, on which queue, and who starts what waits.
//!
//! No rule of the business lives in this room.

mod rail;
mod run;
mod sdk;
mod sweeper;

pub use run::{Worker, WorkerError};
pub use sweeper::sweep;
