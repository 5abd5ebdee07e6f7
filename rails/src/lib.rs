//! The rails as operators see them: stored facts (paused by whom and why, limits, what breakers
//! say), and the gate that every call to a rail passes, which honours them.
//!
//! Facts are stored and read again twice a second by every process, so a pause holds everywhere
//! within a second. Breakers and permits are counted in memory by each process, and breakers are
//! written down for people to see. No bank is called from here, and nothing here decides what
//! becomes of a transfer: a gate says "not now", which is never an answer about money.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod breaker;
mod bucket;
mod facts;
mod gate;
mod gates;
mod pace;
mod store;
mod turns;
mod watch;

pub use breaker::{Health, State};
pub use facts::{Facts, Limits, Pause, Seen};
pub use gate::{Gate, NotNow, Pass, Standing};
pub use gates::Gates;
pub use store::{Actor, Change, InvalidActor, LONGEST_REASON, RailError, Rails};
pub use watch::Watched;
