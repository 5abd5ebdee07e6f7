//! How the workflow engine is reached: the connection, the codec every payload passes through, and
//! starting a transfer's workflow.
//!
//! The same client speaks to the engine in this process and to a Temporal cluster; nobody above
//! this room knows which one it is.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod codec;
mod connect;
mod herald;
mod marks;
mod messenger;
mod plans;
mod runs;
mod starter;

pub use codec::Histories;
pub use connect::{Address, ConnectError, InProcess, connect};
pub use herald::{Herald, HeraldError};
pub use marks::register_marks;
pub use messenger::{Messenger, SendError};
pub use plans::{PlanError, Plans, Wakes};
pub use runs::{RunError, RunState, Runs};
pub use starter::{StartError, Starter, TellError};
pub use temporalio_client::Client;
pub use workflows::{Said, Standing};

/// The task queue on which transfers and their activities run.
pub const TRANSFERS: &str = "transfers";
