//! What tests stand on: a harness that can skip, throw-away servers, processes, waiting.
//!
//! A test that needs a server says so in its parameters and is handed one. Where the machine has
//! no such program, the test is reported by name as ignored, with the reason; with
//! `REMIT_TEST_REQUIRE=postgres,temporal,chromium,localstripe,stripe-mock` it fails instead. No
//! product code lives here, and no crate depends on this one outside its tests.
//!
//! ```no_run
//! use testkit::{Postgres, trial, trial_needing};
//!
//! // [[test]] name = "stores", harness = false
//! fn main() -> std::process::ExitCode {
//!     testkit::main(vec![
//!         trial("adds", async || assert_eq!(1 + 1, 2)),
//!         trial_needing("stores", async |postgres: &'static Postgres| {
//!             let url = postgres.fresh_database()?;
//!             connect(&url).await
//!         }),
//!     ])
//! }
//! # async fn connect(_: &str) -> anyhow::Result<()> { Ok(()) }
//! ```
//!
//! Every program started here lives and dies with the test process that asked for it: one server
//! per process, on a free port of 127.0.0.1, in its own temporary directory.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod chromium;
mod find;
mod guardian;
mod harness;
mod machine;
mod need;
mod port;
mod postgres;
mod process;
mod stripe;
mod temporal;
mod wait;
pub mod wal_index;

pub use chromium::{Chromium, Window, chromium};
pub use harness::{Trial, Verdict, main, trial, trial_needing};
pub use machine::{FailingCalls, SmallDisk, SmallDisks};
pub use need::{Missing, Need, Needed};
pub use port::free_port;
pub use postgres::{FallingPostgres, Postgres, postgres};
pub use process::{Process, Stream};
pub use stripe::{Localstripe, StripeMock};
pub use tempfile::TempDir;
pub use temporal::{Temporal, temporal};
pub use wait::{TimedOut, eventually, wait_until};

/// An empty directory that is removed when it is dropped.
///
/// # Errors
/// When the system's temporary directory cannot be written.
pub fn temp_dir() -> std::io::Result<TempDir> {
    tempfile::Builder::new().prefix("remit-test-").tempdir()
}
